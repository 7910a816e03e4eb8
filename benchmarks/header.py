"""Judge the header stage by an answer key, in the manner of MIDI-B's checks, and measure its speed.

``python -m benchmarks.header`` prints the share of checks passed by kind, and times as ratios to
reading and writing the same files with pydicom. The first nine checks are about the header alone;
the tenth (pixels hidden: nothing can be read where a name stood) takes whole Instances through
the pipeline and is asked for with ``--pixels N``.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from fixtures import make_fixture
from fixtures.truth import TextTruth
from scrub_pixels import Policy, Scrubber
from scrub_pixels.frames import open_instance
from scrub_pixels.header import PROFILES, Pairs, Profile, ProjectKey, deidentify
from scrub_pixels.pipeline import Scrubbed
from scrub_pixels.text.readers import Image, TextReader

KINDS = ("us_grey", "us_linear", "us_spectral")
PICTURES = ("us_grey", "us_linear", "us_flow", "us_spectral", "screenshot", "report")
"""Kinds whose pixels are searched for the tenth check."""

MARGIN = 2
"""Samples around a box that are read with it."""

DESCRIPTIONS = (
    # text with {identifiers of the header} and others in it; words that must stay; words that must go
    ("BRAIN W CONTRAST {family}", "brain contrast", "{family}"),
    ("Liver follow-up {study_date}", "liver follow-up", "{study_date}"),
    ("Chest PA MRN {patient_id}", "chest pa", "{patient_id}"),
    ("Thyroid both lobes Dr. {physician}", "thyroid both lobes", "{physician}"),
    ("Knee left for Mr. Bramblewick", "knee left", "bramblewick"),
    ("Abdomen complete, call 555-867-5309", "abdomen complete", "867 5309"),
    ("Bone density, ssn 123-45-6789", "bone density", "6789"),
    ("Hip right a.quorn@example.org", "hip right", "quorn example"),
    ("Screening 12 Mar 2019 bilateral", "screening bilateral", "mar 2019"),
    ("Lumbar spine {institution}", "lumbar spine", "{institution}"),
    ("Renal artery doppler", "renal artery doppler", ""),
    ("T2 FLAIR axial 5mm", "t2 flair axial 5mm", ""),
    ("Pelvis acc {accession}", "pelvis", "{accession}"),
    ("{given} {family} carotid duplex", "carotid duplex", "{given} {family}"),
    ("Heart born {birth_date}", "heart", "{birth_date}"),
)
"""What people write into descriptions."""

DESCRIBED = ("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments",
             "PerformedProcedureStepDescription", "AdditionalPatientHistory", "DerivationDescription",
             "RequestAttributesSequence/RequestedProcedureDescription",
             "ReferencedSeriesSequence/SeriesDescription")
REMOVED = ("PatientName", "PatientID", "OtherPatientNames", "PatientAddress", "PatientTelephoneNumbers",
           "PatientMotherBirthName", "AccessionNumber", "ReferringPhysicianName", "OperatorsName",
           "PerformingPhysicianName", "InstitutionName", "InstitutionAddress", "IssuerOfPatientID",
           "OtherPatientIDsSequence/PatientID", "RequestAttributesSequence/RequestedProcedureID")
RETAINED = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "PatientSex", "PatientAge",
            "Modality", "SeriesNumber", "InstanceNumber", "Rows", "Columns", "PhotometricInterpretation",
            "BodyPartExamined", "AnatomicRegionSequence/CodeMeaning", "AnatomicRegionSequence/CodeValue")
PRESENT = ("PatientName", "PatientID", "PatientBirthDate", "StudyID", "AccessionNumber", "StudyDate",
           "StudyTime", "ReferringPhysicianName", "SOPInstanceUID", "PatientSex", "SeriesNumber")
NOT_NULL = ("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
            "StudyDate")
DATES = ("StudyDate", "SeriesDate", "ContentDate", "AcquisitionDateTime", "PerformedProcedureStepStartDate")
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
        "FrameOfReferenceUID", "ReferencedSeriesSequence/SeriesInstanceUID")


@dataclass(frozen=True)
class Case:
    """An Instance with the words its descriptions must keep and lose, by path."""

    dataset: Dataset = field(repr=False)
    words: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Verdict:
    """One check of one element."""

    check: str
    path: str
    passed: bool


def make_case(seed: int) -> Case:
    """Return an Instance in whose descriptions clinical words stand beside identifiers."""
    dataset = make_fixture(seed, KINDS[seed % len(KINDS)]).dataset
    known = _identifiers(dataset)
    _add_anatomy(dataset)
    words = {}
    for number, path in enumerate(DESCRIBED):
        text, stay, go = DESCRIPTIONS[(seed * 4 + number) % len(DESCRIPTIONS)]
        _set(dataset, path, text.format(**known))
        words[path] = (stay, go.format(**known).lower())
    return Case(dataset, words)


def _identifiers(dataset: Dataset) -> dict[str, str]:
    alphabetic = str(dataset.PatientName).split("=")[0].split("^")
    return {
        "family": alphabetic[0], "given": alphabetic[1], "patient_id": str(dataset.PatientID),
        "study_date": str(dataset.StudyDate), "birth_date": str(dataset.PatientBirthDate),
        "physician": str(dataset.ReferringPhysicianName).split("=")[0].split("^")[0],
        "institution": str(dataset.InstitutionName), "accession": str(dataset.AccessionNumber),
    }


def _add_anatomy(dataset: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "69536005", "SCT", "Head"
    dataset.AnatomicRegionSequence, dataset.BodyPartExamined = [item], "HEAD"
    other = Dataset()
    other.SeriesInstanceUID = f"{dataset.SeriesInstanceUID}1"
    dataset.FrameOfReferenceUID = f"{dataset.StudyInstanceUID}2"
    dataset.ReferencedSeriesSequence = [other]


def _set(dataset: Dataset, path: str, value: str) -> None:
    *sequences, keyword = path.split("/")
    for sequence in sequences:
        dataset = dataset[sequence].value[0]
    setattr(dataset, keyword, value)


def _text(dataset: Dataset, path: str) -> str | None:
    """Return the value at a path in lower case; None if there is no element."""
    *sequences, keyword = path.split("/")
    for sequence in sequences:
        if not dataset.get(sequence):
            return None
        dataset = dataset[sequence].value[0]
    return str(dataset[keyword].value or "").lower() if keyword in dataset else None


def judge(case: Case, output: Dataset, pairs: Pairs) -> Iterator[Verdict]:
    """Yield every check of one Instance."""
    old = case.dataset
    for path in REMOVED:
        yield Verdict("text removed", path, _none_of(_tokens(_text(old, path)), _text(output, path)))
    for path, (stay, go) in case.words.items():
        yield Verdict("text removed", path, _none_of(go.split(), _text(output, path)))
        yield Verdict("text retained", path, _all_of(stay.split(), _text(output, path)))
    for path in RETAINED:
        expected = _text(old, path) or ""
        expected = min(expected, "090y") if path == "PatientAge" else expected  # who is over 89 is 090Y
        yield Verdict("text retained", path, _all_of(expected.split(), _text(output, path)))
    for path in PRESENT:
        yield Verdict("tag retained", path, _text(output, path) is not None)
    for path in NOT_NULL:
        yield Verdict("not null", path, bool(_text(output, path)))
    yield from _changes(old, output, pairs)


def _changes(old: Dataset, output: Dataset, pairs: Pairs) -> Iterator[Verdict]:
    for path in DATES:
        before, after = _text(old, path) or "", _text(output, path) or ""
        yield Verdict("date shifted", path, len(before) == len(after) and before[:8] not in after)
    for path in UIDS:
        before, after = _text(old, path) or "", _text(output, path) or ""
        yield Verdict("uid changed", path, bool(after) and before not in after)
        yield Verdict("uid consistent", path, pairs.uids.get(before) == after)
    known = pairs.patient == (str(old.PatientID), str(output.PatientID))
    yield Verdict("patient id consistent", "PatientID", known)
    yield Verdict("pixels retained", "PixelData", _md5(old) == _md5(output))


def _tokens(text: str | None) -> list[str]:
    for mark in "^=,;":
        text = (text or "").replace(mark, " ")
    return [token for token in (text or "").split() if len(token) > 2]


def _none_of(words: list[str], text: str | None) -> bool:
    return not any(word in (text or "") for word in words)


def _all_of(words: list[str], text: str | None) -> bool:
    return text is not None and all(word in text for word in words)


def _md5(dataset: Dataset) -> str:
    return hashlib.md5(dataset.PixelData, usedforsecurity=False).hexdigest()


def verdicts(seeds: range, profile: Profile = PROFILES["midi"]) -> list[Verdict]:
    """De-identify and judge one Instance per seed, each written and read again."""
    key = ProjectKey.generate()
    found: list[Verdict] = []
    for case in map(make_case, seeds):
        result = deidentify(read(written(case.dataset)), profile, key)
        found += judge(case, read(written(result.dataset)), result.pairs)
    return found


def written(dataset: Dataset) -> bytes:
    """Return the file of a data set."""
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def read(content: bytes) -> Dataset:
    """Return the data set of a file."""
    return pydicom.dcmread(io.BytesIO(content))


def hidden(seeds: range, policy: Policy | None = None) -> list[Verdict]:
    """Scrub one generated Instance per seed, and read where its identifying texts stood.

    As MIDI-B does: a check passes if no word of the text is read inside its box. An Instance that
    is held is not released, so nothing of it is judged.
    """
    scrubber = Scrubber(policy or Policy(profile=PROFILES["midi"]), ProjectKey.generate())
    found: list[Verdict] = []
    for seed in seeds:
        fixture = make_fixture(seed, PICTURES[seed % len(PICTURES)])
        outcome = scrubber.scrub(fixture.dataset)
        if isinstance(outcome, Scrubbed):
            found += _hidden_in(outcome.dataset, fixture.truth, scrubber.reader)
    return found


def _hidden_in(output: Dataset, texts: Sequence[TextTruth], reader: TextReader) -> Iterator[Verdict]:
    instance = open_instance(output)
    for text in texts:
        if text.phi and not text.code:
            image = instance.views(min(text.frames) if text.frames else 0)[0].image
            yield Verdict("pixels hidden", "PixelData", not _is_readable(text, image, reader))


def _is_readable(text: TextTruth, image: Image, reader: TextReader) -> bool:
    """Tell whether a word of a text is read in its box, as it stands or turned by a quarter."""
    x0, y0, x1, y1 = text.box
    crop = image[max(0, y0 - MARGIN) : y1 + MARGIN, max(0, x0 - MARGIN) : x1 + MARGIN]
    turned = [np.ascontiguousarray(np.rot90(crop, k)) for k in ((1, 3) if text.vertical else (0,))]
    words = _tokens(text.text.lower())
    return any(not _none_of(words, reading.text.lower()) for reading in reader.recognize(turned))


def print_quality(found: list[Verdict]) -> None:
    """Print the share of checks passed, by kind, and which failed."""
    total, passed = collections.Counter(v.check for v in found), collections.Counter(
        v.check for v in found if v.passed)
    for check, number in total.items():
        print(f"{check:22} {passed[check]:>7} of {number:>7}  {100 * passed[check] / number:.3f} %")
    print(f"{'all':22} {passed.total():>7} of {total.total():>7}  "
          f"{100 * passed.total() / total.total():.3f} %")
    failed = collections.Counter((v.check, v.path) for v in found if not v.passed)
    for (check, path), number in failed.items():
        print(f"  failed: {check} at {path}, {number} times")


def header_of_300() -> Dataset:
    """Return a CT header of about 300 elements with a few sequences and a small image."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    for number in range(1, 30):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, f"1.2.3.{number}"
        item.PurposeOfReferenceCodeSequence = [Dataset()]
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning = f"Purpose {number}"
        dataset.ReferencedImageSequence = [*dataset.get("ReferencedImageSequence", []), item]
    return dataset


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the shortest time one call takes."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def print_speed(times: int) -> None:
    """Print what the header stage costs beside reading and writing with pydicom."""
    content, key = written(header_of_300()), ProjectKey.generate()
    elements = sum(1 for _ in read(content).iterall())
    base = seconds(lambda: written(_decoded(read(content))), times)
    print(f"\n{elements} elements; reading, decoding and writing {1000 * base:.1f} ms")
    for name, profile in PROFILES.items():
        alone = seconds(lambda: deidentify(read(content), profile, key), times)  # noqa: B023
        whole = seconds(lambda: written(deidentify(read(content), profile, key).dataset), times)  # noqa: B023
        print(f"{name:10} {1000 * alone:5.1f} ms with reading; with writing {whole / base:.2f} times the "
              f"base, {1 / whole:.0f} files/s on one core")


def _decoded(dataset: Dataset) -> Dataset:
    for _ in dataset.iterall():
        pass
    return dataset


def main() -> None:
    """Print quality and speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=9000)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--pixels", type=int, default=0, help="whole Instances for the tenth check")
    chosen = parser.parse_args()
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    print_quality(verdicts(seeds) + hidden(range(chosen.seed, chosen.seed + chosen.pixels)))
    print_speed(chosen.times)


if __name__ == "__main__":
    main()
