"""What a header claims, beside what the record of its proof shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scrub_pixels.frames import PICTURES, Instance, carriers
from scrub_pixels.header import Option
from scrub_pixels.header.options import BASIC_CODE
from scrub_pixels.run.verify.remarks import Remark, passed_or

_REMAINING = ("kept", "cleaned", "rebuilt")


def claims(instance: Instance, facts: Mapping[str, Any], before: Instance | None = None) -> list[Remark]:
    """Compare claims of the header with the evidence on record.

    Parameters
    ----------
    instance
        A released Instance.
    facts
        Its entry in the report.
    before
        Its input, if it is at hand: method codes that stood there may stand here.
    """
    return passed_or("claims", [*_faults(instance, facts), *_new_codes(instance, facts, before)])


def beside(instance: Instance, facts: Mapping[str, Any]) -> list[Remark]:
    """Compare the pictures beside the frames with those that the record says were kept."""
    allowed: dict[str, int] = {}
    for each in facts.get("carriers", ()):
        if each.get("fate") in _REMAINING:
            name = str(each.get("carrier", "")).replace("overlay in unused bits", "overlay plane")
            allowed[name] = allowed.get(name, 0) + int(each.get("count", 0))
    faults = []
    for carrier in carriers(instance.dataset):
        if carrier.kind in PICTURES:
            name = carrier.kind.value
            allowed[name] = allowed.get(name, 0) - 1
            if allowed[name] < 0:
                faults.append(f"{name} that no evidence speaks of")
    return passed_or("beside", dict.fromkeys(faults))


def _faults(instance: Instance, facts: Mapping[str, Any]) -> Iterator[str]:
    dataset = instance.dataset
    codes = _codes(instance)
    clean, proven = facts.get("clean") is True and _is_consistent(facts), set(facts.get("codes", ()))
    if str(dataset.get("BurnedInAnnotation") or "") == "NO" and instance.frames and not clean:
        yield "Burned In Annotation is NO without proof"
    if Option.CLEAN_PIXEL_DATA.code in codes and not clean:
        yield "Clean Pixel Data (113101) is claimed without proof"
    removed = dataset.get("PatientIdentityRemoved") == "YES"
    if removed and not _identity_may_be_removed(instance, clean, proven):
        yield "Patient Identity Removed is YES without proof"
    if proven - codes:
        yield "the header lacks a method code that the record has"
    if not dataset.get("DeidentificationMethod"):
        yield "the header does not say how it was de-identified"
    yield from _other_facts(instance, facts)


def _codes(instance: Instance) -> set[str]:
    items = instance.dataset.get("DeidentificationMethodCodeSequence") or ()
    return {str(item.get("CodeValue", "")) for item in items}


def _new_codes(instance: Instance, facts: Mapping[str, Any], before: Instance | None) -> Iterator[str]:
    """Yield a fault if the header claims a code that neither the record nor the input has."""
    ours = {option.code for option in Option} if before is not None else set()
    known = set(facts.get("codes", ())) | (_codes(before) if before is not None else set())
    if _codes(instance) & (ours | {BASIC_CODE[0]}) - known:
        yield "the header claims a method code that the record has not"


def _is_consistent(facts: Mapping[str, Any]) -> bool:
    """Tell whether the numbers of the evidence support that it is clean."""
    frames = facts.get("frames")
    return frames == facts.get("frames_searched") == facts.get("frames_compared") and not facts.get(
        "residual_text"
    )


def _identity_may_be_removed(instance: Instance, clean: bool, proven: set[str]) -> bool:
    return BASIC_CODE[0] in proven and (clean or not instance.frames)


def _other_facts(instance: Instance, facts: Mapping[str, Any]) -> Iterator[str]:
    if instance.frames != facts.get("frames"):
        yield "the number of frames is not the one on record"
    if instance.transfer_syntax.uid != facts.get("syntax_out"):
        yield "the transfer syntax is not the one on record"
    weakened = BASIC_CODE[0] not in facts.get("codes", ())
    if not weakened and str(instance.dataset.get("PatientID") or "") not in ("", facts.get("pseudonym")):
        yield "Patient ID is not the pseudonym on record"
