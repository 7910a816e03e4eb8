"""Header: a data set de-identified by PS3.15 Annex E, the table as data and small verbs."""

from scrub_pixels.header.crosswalk import Assignment, Pairs, read_assignments, write_pairs
from scrub_pixels.header.deidentify import HeaderResult, deidentify
from scrub_pixels.header.difference import Difference, differences
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.header.needles import contains_identifier
from scrub_pixels.header.options import PROFILES, Option, Profile
from scrub_pixels.header.plan import Planned, plan

__all__ = [
    "Assignment",
    "Difference",
    "HeaderResult",
    "Option",
    "PROFILES",
    "Pairs",
    "Planned",
    "Profile",
    "ProjectKey",
    "contains_identifier",
    "deidentify",
    "differences",
    "plan",
    "read_assignments",
    "write_pairs",
]
