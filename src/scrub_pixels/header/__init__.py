"""Header: a data set de-identified by PS3.15 Annex E, the table as data and small verbs."""

from scrub_pixels.header.crosswalk import Assignment, Pairs, read_assignments, write_pairs
from scrub_pixels.header.deidentify import HeaderResult, deidentify
from scrub_pixels.header.difference import Difference, differences
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.header.needles import contains_identifier
from scrub_pixels.header.options import PROFILES, Option, Profile
from scrub_pixels.header.plan import Planned, plan
from scrub_pixels.header.recipe import Recipe, read_recipe
from scrub_pixels.header.recipe_text import RecipeError, parse_recipe

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
    "Recipe",
    "RecipeError",
    "contains_identifier",
    "deidentify",
    "differences",
    "parse_recipe",
    "plan",
    "read_assignments",
    "read_recipe",
    "write_pairs",
]
