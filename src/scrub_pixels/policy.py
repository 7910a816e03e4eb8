"""Policy: everything that decides an outcome, as one frozen, printable, picklable value.

A policy file is TOML with the same names as the dataclasses here, one table per stage::

    reader = "rapidocr"

    [search]
    whole_frame = true

    [decisions]
    on_uncertain = "hold"

    [profile]
    name = "basic"

Only what differs from the defaults has to be written; an unknown name is an error.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from math import inf
from pathlib import Path
from typing import Any

import cattrs
import tomli_w
from cattrs.gen import make_dict_structure_fn, override

from scrub_pixels.decisions import DecisionSettings, content_of
from scrub_pixels.errors import UsageError
from scrub_pixels.frames import Limits
from scrub_pixels.header import PROFILES, Option, Profile, ProjectKey
from scrub_pixels.text import DETECTORS, READERS, SearchSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Passage(str, Enum):
    """What happens to an Instance whose content is nothing that the search of pixels can judge."""

    HOLD = "hold"
    """It waits in the review queue."""

    REFUSE = "refuse"
    """It is refused, with the reason."""

    HEADER = "header"
    """It passes with its header de-identified; see `Policy` for what that does to its content."""


class Icons(str, Enum):
    """What happens to an Icon Image Sequence."""

    REMOVE = "remove"
    REBUILD = "rebuild"
    """Where there was one, a new one is made from the first masked frame."""


@dataclass(frozen=True)
class Policy:
    """Everything that decides what happens to an Instance.

    Parameters
    ----------
    reader
        Name of the TextReader, one of ``scrub_pixels.text.READERS``.
    detector
        Where candidates for text come from, one of ``scrub_pixels.text.DETECTORS``.
    header_only
        True for modalities without pixels to search: Pixel Data is passed on unsearched, and
        nothing is claimed about it.
    search
        How frames are searched for text.
    decisions
        What is taken for harmless, and what happens when that is uncertain.
    profile
        Header de-identification Profile and Options (PS3.15 Annex E).
    limits
        Sizes above which an Instance is refused.
    documents
        Encapsulated documents (PDF, CDA, STL, OBJ), which are never searched. ``header`` puts an
        empty document in the place of each, as PS3.15 Table E.1-1 says (code D).
    reports
        Structured Reports and Presentation States. ``header`` removes or cleans their text as the
        profile says (Clean Structured Content, Clean Descriptors, Clean Graphics).
    audio
        Waveforms that may hold a voice. ``header`` leaves them in, unheard: Patient Identity
        Removed is then NO.
    icons
        Whether an icon is removed or made anew from the masked frame.
    seconds_per_instance
        Time after which the work on one Instance is stopped and the Instance refused.
    """

    reader: str = "rapidocr"
    detector: str = "both"
    header_only: bool = False
    search: SearchSettings = field(default_factory=SearchSettings)
    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    profile: Profile = field(default_factory=lambda: PROFILES["basic"])
    limits: Limits = field(default_factory=Limits)
    documents: Passage = Passage.REFUSE
    reports: Passage = Passage.HEADER
    audio: Passage = Passage.REFUSE
    icons: Icons = Icons.REMOVE
    seconds_per_instance: float = 1800.0

    def __post_init__(self) -> None:
        if self.reader not in READERS:
            raise UsageError("There is no reader of that name.", remedy=f"Known: {', '.join(READERS)}.")
        if self.detector not in DETECTORS:
            raise UsageError("There is no detector of that name.", remedy=f"Known: {', '.join(DETECTORS)}.")
        if not 0 < self.seconds_per_instance < inf:
            raise UsageError("seconds_per_instance is no positive time.", remedy="Give a number above 0.")

    @property
    def digest(self) -> str:
        """SHA-256 over every printed setting, which names files by their path only; see `digest_under`."""
        return hashlib.sha256(to_toml(self).encode()).hexdigest()

    def digest_under(self, key: ProjectKey) -> str:
        """Return a digest over all that decides: equal digests mean equal decisions.

        That is every effective setting, those included that are never printed, and the content of
        device catalogues as it is now. What identifies patients (the list of pseudonyms) or may do so
        (a catalogue is anybody's file) enters under the key only: a plain hash in the public report would
        let anyone try out patients and pseudonyms.

        Raises
        ------
        UsageError
            If a device catalogue cannot be read.
        """
        hidden, devices = self.profile.hidden, self.decisions.devices
        if not hidden and not devices:
            return self.digest
        content = b"\0devices\0" + content_of(devices) if devices else b""
        return key.digest(self.digest.encode() + b"\0" + hidden + content, "policy")


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (int, float, str, bool):
        converter.register_structure_hook(kind, _structure_scalar)
    converter.register_structure_hook(Option, _option)
    # What is not printed (pseudonyms of patients) is not read from a policy file either.
    hidden: dict[str, Any] = {f.name: override(omit=True) for f in fields(Profile) if not f.repr}
    converter.register_structure_hook(Profile, make_dict_structure_fn(Profile, converter, **hidden))
    return converter


def _structure_scalar(value: Any, kind: type) -> Any:
    """Take a TOML scalar of just this type (an integer may stand for a float), never a coercion."""
    if issubclass(kind, Enum):
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"expected {kind.__name__}")
    return value


def _spelled(member: Enum) -> str:
    return member.name.lower().replace("_", "-")


def _option(value: Any, kind: type[Enum]) -> Enum:
    names = {_spelled(member): member for member in kind}
    if value not in names:
        raise UsageError("There is no de-identification option of that name.",
                         remedy=f"Known: {', '.join(names)}.")
    return names[value]


def to_table(value: Any) -> Any:
    """Turn a settings value into plain TOML types; None is left out by the caller."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_table(getattr(value, f.name)) for f in fields(value)
                if f.repr and getattr(value, f.name) is not None}
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else _spelled(value)
    if isinstance(value, (set, frozenset)):
        return sorted(to_table(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [to_table(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_table(item) for key, item in sorted(value.items())}
    return value


def to_toml(policy: Policy) -> str:
    """Print every effective setting as a policy file."""
    return tomli_w.dumps(to_table(policy))


def from_table(table: dict[str, Any]) -> Policy:
    """Build a Policy from plain TOML types.

    Raises
    ------
    UsageError
        If a name is unknown or a value does not fit.
    """
    try:
        return _converter().structure(table, Policy)
    except UsageError:
        raise
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        raise UsageError(f"The policy is not valid: {'; '.join(_complaints(error))}.",
                         remedy="`scrub-pixels policy show` prints every name and its default.") from None


def _complaints(error: BaseException) -> list[str]:
    usage = [e for e in getattr(error, "exceptions", ()) if isinstance(e, UsageError)]
    if usage:
        raise usage[0]
    return cattrs.transform_error(error)


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Read a policy file.

    Raises
    ------
    UsageError
        If the file cannot be read, is not TOML, or names an unknown setting.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The policy file cannot be read: {error.strerror}.",
                         remedy="Check its path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The policy file is not TOML: {error}.", remedy="Mend it there.") from None
    return from_table(table)
