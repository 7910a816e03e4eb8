"""The marks of de-identification (PS3.15 E.1.1, PS3.3 C.12.1 and C.7.1.1), from evidence only."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from scrub_pixels.header.actions import Scene
from scrub_pixels.header.dummies import made
from scrub_pixels.header.iod_types import IodTypes
from scrub_pixels.header.options import BASIC_CODE, Option, Profile
from scrub_pixels.masks.evidence import PixelEvidence

METHOD = "scrub-pixels: DICOM PS3.15 2026d Basic Profile and options"
"""De-identification Method (0012,0063), LO: at most 64 characters, the edition named."""

METHOD_OF_RECIPE = "scrub-pixels: recipe over DICOM PS3.15 2026d Basic and options"

_BURNED_IN = 0x00280301
_PIXELS = tuple(map(BaseTag, (0x7FE00010, 0x7FE00008, 0x7FE00009)))
_METHOD, _CODES, _REMOVED = 0x00120063, 0x00120064, 0x00120062
_TEMPORAL = 0x00280303
_CODE, _SCHEME, _MEANING = 0x00080100, 0x00080102, 0x00080104


def has_pixels(dataset: Dataset) -> bool:
    """Tell whether a data set carries pixels."""
    return any(tag in dataset._dict for tag in _PIXELS)


def proven(dataset: Dataset, evidence: PixelEvidence | None) -> bool:
    """Tell whether there is proof that the pixels of this data set show no identifier."""
    return has_pixels(dataset) and evidence is not None and evidence.frames > 0 and evidence.clean


def claimed_codes(
    dataset: Dataset, profile: Profile, evidence: PixelEvidence | None
) -> tuple[tuple[str, str], ...]:
    """Return Code Value and Code Meaning of what may be claimed (CID 7050).

    Clean Pixel Data is claimed where the pixels are proven clean, whatever was asked for.
    """
    options = set(profile.options) - {Option.CLEAN_PIXEL_DATA}
    if proven(dataset, evidence):
        options.add(Option.CLEAN_PIXEL_DATA)
    return (BASIC_CODE, *sorted((option.code, option.meaning) for option in options))


def mark(
    dataset: Dataset, profile: Profile, evidence: PixelEvidence | None, scene: Scene
) -> tuple[str, ...]:
    """Write the marks into a de-identified data set, in place; return the codes claimed.

    Where a recipe keeps what the Basic Profile removes, neither that profile nor an option it
    overrules is claimed, and Patient Identity Removed is NO.
    """
    weakened, overruled = bool(scene.tally.weakened), {option.code for option in scene.tally.overruled}
    not_claimed = overruled | ({BASIC_CODE[0]} if weakened else set())
    codes = tuple(c for c in claimed_codes(dataset, profile, evidence) if c[0] not in not_claimed)
    method = METHOD if profile.recipe is None else METHOD_OF_RECIPE
    _write(dataset, _METHOD, "LO", _appended(dataset.get("DeidentificationMethod"), method))
    _append_codes(dataset, codes)
    _write(dataset, _TEMPORAL, "CS", _temporal(profile))
    _mark_pixels(dataset, evidence, scene.types)
    if weakened:
        _write(dataset, _REMOVED, "CS", "NO")
    return tuple(code for code, _ in codes)


def _write(dataset: Dataset, tag: int, vr: str, value: object) -> None:
    """Write an attribute of the standard with a value that is known to be valid."""
    dataset._dict[BaseTag(tag)] = made(tag, vr, value)


def _appended(present: object, text: str) -> str | list[str]:
    found = list(present) if isinstance(present, (list, MultiValue)) else [present]
    values = [str(value) for value in found if value and value != text]
    return [*values, text] if values else text


def _append_codes(dataset: Dataset, codes: tuple[tuple[str, str], ...]) -> None:
    ours, pixels = {code for code, _ in codes}, Option.CLEAN_PIXEL_DATA.code
    found = list(dataset.get("DeidentificationMethodCodeSequence") or ())
    # What another tool claimed of the pixels is not repeated unless it is proven here.
    items = [item for item in found if str(item.get("CodeValue", "")) != pixels or pixels in ours]
    present = {str(item.get("CodeValue", "")) for item in items}
    items += [_code_item(*code) for code in codes if code[0] not in present]
    _write(dataset, _CODES, "SQ", Sequence(items))


def _code_item(value: str, meaning: str) -> Dataset:
    item = Dataset()
    for tag, vr, said in ((_CODE, "SH", value), (_SCHEME, "SH", "DCM"), (_MEANING, "LO", meaning)):
        _write(item, tag, vr, said)
    return item


def _temporal(profile: Profile) -> str:
    """Return (0028,0303): whether dates are as they were."""
    if Option.RETAIN_FULL_DATES in profile:
        return "UNMODIFIED"
    return "MODIFIED" if Option.RETAIN_MODIFIED_DATES in profile else "REMOVED"


def _mark_pixels(dataset: Dataset, evidence: PixelEvidence | None, types: IodTypes) -> None:
    """Write (0012,0062) and (0028,0301) as far as the pixels are proven; YES from the input stays."""
    clean = proven(dataset, evidence)
    _write(dataset, _REMOVED, "CS", "YES" if clean or not has_pixels(dataset) else "NO")
    if clean:
        _write(dataset, _BURNED_IN, "CS", "NO")
    elif has_pixels(dataset) and dataset.get("BurnedInAnnotation") != "YES":
        _leave_open(dataset, types)


def _leave_open(dataset: Dataset, types: IodTypes) -> None:
    """Drop a Burned In Annotation that nobody proved; say YES, the safe side, where one has to be."""
    dataset.pop("BurnedInAnnotation", None)
    if types.of((), _BURNED_IN) == 1:
        _write(dataset, _BURNED_IN, "CS", "YES")
