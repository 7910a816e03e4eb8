"""Decisions: from lines of text and a header to findings, redactions and a disposition."""

from scrub_pixels.decisions.decide import decide
from scrub_pixels.decisions.devices import (
    DeviceCatalog,
    DeviceLayout,
    DeviceMatch,
    DeviceRegion,
    RegionRole,
    content_of,
    layouts_as_toml,
    load_devices,
    parse_layouts,
)
from scrub_pixels.decisions.findings import (
    Decision,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
)
from scrub_pixels.decisions.identity import Identifier, IdentifierKind, Identity, harvest
from scrub_pixels.decisions.neighbours import rooms_beside
from scrub_pixels.decisions.parts import rooms_within, witnesses_of
from scrub_pixels.decisions.redactions import Room, redactions, sparing
from scrub_pixels.decisions.residue import frames_to_look_at, harmless_in, residue, spoilt, without_those_near
from scrub_pixels.decisions.review import Review, Seen, reviewed
from scrub_pixels.decisions.room import without_lines
from scrub_pixels.decisions.second_spelling import misspelt_lines
from scrub_pixels.decisions.series import SeriesContext
from scrub_pixels.decisions.settings import DecisionSettings, KeepPolicy, OnUncertain
from scrub_pixels.decisions.tables import rows_in_doubt
from scrub_pixels.decisions.verdicts import Context, judge

__all__ = [
    "Context",
    "Decision",
    "DecisionSettings",
    "DeviceCatalog",
    "DeviceLayout",
    "DeviceMatch",
    "DeviceRegion",
    "Disposition",
    "Evidence",
    "EvidenceKind",
    "Finding",
    "Identifier",
    "IdentifierKind",
    "Identity",
    "KeepPolicy",
    "OnUncertain",
    "Redaction",
    "RegionRole",
    "Review",
    "Room",
    "Seen",
    "SeriesContext",
    "Verdict",
    "decide",
    "frames_to_look_at",
    "harmless_in",
    "harvest",
    "judge",
    "layouts_as_toml",
    "content_of",
    "load_devices",
    "misspelt_lines",
    "parse_layouts",
    "redactions",
    "residue",
    "reviewed",
    "rooms_beside",
    "rooms_within",
    "rows_in_doubt",
    "sparing",
    "spoilt",
    "without_lines",
    "without_those_near",
    "witnesses_of",
]
