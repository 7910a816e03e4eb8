"""The decision stage: text and header in, redactions and a disposition out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydicom.dataset import Dataset

from scrub_pixels.decisions.devices import DeviceMatch, catalog_of
from scrub_pixels.decisions.findings import Decision, Disposition, Finding, Redaction, Verdict
from scrub_pixels.decisions.identity import harvest
from scrub_pixels.decisions.redactions import minus, redactions
from scrub_pixels.decisions.review import UNSURE_PLACES
from scrub_pixels.decisions.series import SeriesContext
from scrub_pixels.decisions.settings import DecisionSettings, KeepPolicy, OnUncertain
from scrub_pixels.decisions.verdicts import Context, judge
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextSearch

_DEFAULTS = DecisionSettings()


def decide(
    search: TextSearch,
    dataset: Dataset,
    settings: DecisionSettings = _DEFAULTS,
    context: SeriesContext | None = None,
    regions: Sequence[Region] = (),
) -> Decision:
    """Decide what of an Instance will be masked, and whether it may then be released.

    Parameters
    ----------
    search
        All text that was found, and how much was searched.
    dataset
        The original data set; its identifiers are one witness.
    settings
        What is taken for harmless, and what happens in doubt.
    context
        What other Instances of the Series have shown; see `SeriesContext.learn`.
    regions
        Regions of the frames that are trusted to show the scan only, for the policy ``outside-regions``.
    """
    series = context or SeriesContext()
    known = catalog_of(settings.devices).match(dataset)
    taught = replace(settings, extra_vocabulary=(*settings.extra_vocabulary, *known.vocabulary))
    identity = harvest(dataset).merged(series.identity)
    findings = judge(search.lines, identity, taught, _context(search, dataset, known, series))
    whole = _whole_regions(search, settings, known, regions)
    doubts = (
        *_search_doubts(search),
        *_header_doubts(dataset, findings, whole),
        *series.doubts(findings, search.shape),
        *_region_doubts(settings, regions),
    )
    unsure = any(finding.verdict is Verdict.UNSURE for finding in findings)
    uncertain = (UNSURE_PLACES,) if unsure else ()
    return Decision(
        findings=findings,
        redactions=(*redactions(findings, search.shape, settings), *whole),
        disposition=_disposition(doubts, uncertain, settings.on_uncertain),
        reasons=doubts + (uncertain if settings.on_uncertain is not OnUncertain.MASK else ()),
    )


def _context(search: TextSearch, dataset: Dataset, known: DeviceMatch, series: SeriesContext) -> Context:
    device = f"{_text(dataset, 'Manufacturer')} {_text(dataset, 'ManufacturerModelName')}"
    return Context(search.shape, _text(dataset, "Modality"), device, known, series)


def _whole_regions(
    search: TextSearch, settings: DecisionSettings, known: DeviceMatch, regions: Sequence[Region]
) -> tuple[Redaction, ...]:
    """Return what is masked whatever is read there: regions of a device rule, all outside trusted ones."""
    frames = FrameSpan(0, max(1, search.frames))
    by_rule = tuple(Redaction(region, frames, "device rule") for region in known.phi)
    if settings.policy is not KeepPolicy.OUTSIDE_REGIONS or not regions:
        return by_rule
    rest = [Region.whole(search.shape)]
    for trusted in regions:
        rest = [piece for region in rest for piece in minus(region, trusted)]
    return (*by_rule, *(Redaction(region, frames, "outside the trusted regions") for region in rest))


def _region_doubts(settings: DecisionSettings, regions: Sequence[Region]) -> tuple[str, ...]:
    if settings.policy is KeepPolicy.OUTSIDE_REGIONS and not regions:
        return ("the policy masks all outside trusted regions, and this Instance has none",)
    return ()


def _text(dataset: Dataset, keyword: str) -> str:
    """Return the first value of an attribute in capitals, or an empty string."""
    value = dataset.get(keyword)
    first = value if isinstance(value, str) or not isinstance(value, Sequence) else next(iter(value), "")
    return str(first or "").strip().upper()


def _search_doubts(search: TextSearch) -> tuple[str, ...]:
    """Return why the search itself does not allow a release."""
    missing = search.frames - search.frames_searched
    incomplete = (f"{missing} of {search.frames} frames were not searched completely",) if missing else ()
    return (*incomplete, *(f"the search saw: {doubt}" for doubt in search.doubts))


def _header_doubts(
    dataset: Dataset, findings: Sequence[Finding], whole: Sequence[Redaction]
) -> tuple[str, ...]:
    """Return what the header says against a release; NO never speaks for one (PS3.3 C.7.6.1)."""
    found = bool(whole) or any(finding.verdict is Verdict.PHI for finding in findings)
    if _text(dataset, "BurnedInAnnotation") == "YES" and not found:
        return ("(0028,0301) Burned In Annotation is YES, but no identifying text was found",)
    return ()


def _disposition(doubts: Sequence[str], uncertain: Sequence[str], on_uncertain: OnUncertain) -> Disposition:
    if on_uncertain is OnUncertain.MASK:
        uncertain = ()
    if not doubts and not uncertain:
        return Disposition.RELEASE
    return Disposition.REFUSE if on_uncertain is OnUncertain.REFUSE else Disposition.HOLD
