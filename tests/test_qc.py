"""Quality checks: each finds what it is for, and nothing in a sound series."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from scrub_pixels.catalog.formats import open_catalog
from scrub_pixels.catalog.pages import quality_page, rendered
from scrub_pixels.catalog.quality import LEVELS, SEVERITIES, checks, chosen_checks, examine, tally, worst
from scrub_pixels.catalog.query import ask
from scrub_pixels.catalog.scan import Order, make_catalog
from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError
from tests.instances import Recipe, make_instance, saved

Change = Callable[[list[Dataset]], None]


def series(count: int = 8) -> list[Dataset]:
    """A sound CT series."""
    return [make_instance(
        Recipe(bits_allocated=16, bits_stored=12), Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        PatientID="P1", PatientSex="F", StudyDate="20240102", StudyInstanceUID="1.2.3", SeriesNumber=1,
        SeriesInstanceUID="1.2.3.4", SOPInstanceUID=f"1.2.3.4.{n}", InstanceNumber=n + 1, KVP="120",
        PixelSpacing=[0.5, 0.5], SliceThickness=2, ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[0, 0, 2.0 * n], ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
    ) for n in range(count)]


def each(**values) -> Change:
    def change(found: list[Dataset]) -> None:
        for keyword, value in values.items():
            setattr(found[3], keyword, value)

    return change


def without(keyword: str) -> Change:
    return lambda found: delattr(found[3], keyword)


def every(**values) -> Change:
    return lambda found: [setattr(d, keyword, value) for d in found for keyword, value in values.items()]


def gone(found: list[Dataset]) -> None:
    del found[3]


def cut_pixels(found: list[Dataset]) -> None:
    found[3].PixelData = found[3].PixelData[:-100]


def uneven(found: list[Dataset]) -> None:
    found[3].ImagePositionPatient = [0, 0, 6.5]


def copied(found: list[Dataset]) -> None:
    found.append(found[3])


def same_place(found: list[Dataset]) -> None:
    found[4].ImagePositionPatient = found[3].ImagePositionPatient


CASES: list[tuple[str, Change]] = [
    ("odd-header", lambda found: found[3]._dict.update({0x00180060: _raw(0x00180060, "DS", b"high")})),
    ("missing-uid", without("SeriesInstanceUID")),
    ("missing-patient-id", without("PatientID")),
    ("duplicate-uid-other-content", each(SOPInstanceUID="1.2.3.4.0")),
    ("duplicate-instance", copied),
    ("series-in-several-studies", each(StudyInstanceUID="1.2.9")),
    ("study-of-several-patients", each(PatientID="P2")),
    ("patient-contradicts-itself", each(PatientSex="M")),
    ("series-of-several-modalities", each(Modality="MR")),
    ("series-number-used-twice", each(SeriesInstanceUID="1.2.3.5")),
    ("missing-instance-numbers", gone),
    ("duplicate-instance-numbers", each(InstanceNumber=1)),
    ("no-instance-number", without("InstanceNumber")),
    ("slice-gap", gone),
    ("uneven-slices", uneven),
    ("doubled-slice", same_place),
    ("orientation-changes", each(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])),
    ("spacing-changes", each(PixelSpacing=[0.7, 0.7])),
    ("size-changes", each(Rows=35)),
    ("parameters-change", each(KVP="100")),
    ("localizer-mixed-in", each(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])),
    ("pixel-length", cut_pixels),
    ("no-pixels", without("PixelData")),
    ("bits-contradict", each(HighBit=15)),
    ("photometric-contradicts", each(PhotometricInterpretation="RGB")),
    ("no-spacing", every(PixelSpacing=None)),
    ("spacing-not-positive", each(PixelSpacing=[0, 0])),
    ("date-in-the-future", every(StudyDate="21200101")),
    ("dates-contradict", every(AcquisitionDate="20230101")),
    ("age-contradicts", every(PatientAge="030Y", PatientBirthDate="19500101")),
    ("risk-undeclared", every(ConversionType="WSD")),
    ("single-slice-series", lambda found: found.__delitem__(slice(1, None))),
]


def _raw(tag: int, vr: str, value: bytes):
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    return RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def findings_of(root: Path, datasets: list[Dataset], cut: int = 0) -> list:
    (root / "in").mkdir()
    for number, dataset in enumerate(datasets):
        data = saved(dataset)
        (root / "in" / f"{number}.dcm").write_bytes(data[: len(data) - cut])
    make_catalog(Order(root / "in", root / "c.parquet"))
    with ask(open_catalog(root / "c.parquet")) as asked:
        return list(examine(asked))


def test_a_sound_series_has_no_findings(tmp_path):
    assert findings_of(tmp_path, series()) == []


@pytest.mark.parametrize(("name", "change"), CASES, ids=[name for name, _ in CASES])
def test_each_check_finds_what_it_is_for(name, change, tmp_path):
    datasets = series()
    change(datasets)
    assert name in {finding.check for finding in findings_of(tmp_path, datasets)}


def test_files_that_cannot_be_read_or_are_cut_off(tmp_path):
    found = {f.check for f in findings_of(tmp_path, series(2), cut=200)}
    assert {"pixel-cut-off"} <= found
    (tmp_path / "in" / "z.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "in" / "n.txt").write_bytes(b"notes")
    make_catalog(Order(tmp_path / "in", tmp_path / "c.parquet"))
    with ask(open_catalog(tmp_path / "c.parquet")) as asked:
        assert {"unreadable-file", "not-dicom"} <= {f.check for f in examine(asked)}


def test_frames_and_lossy_syntaxes(tmp_path):
    cine = make_instance(Recipe(frames=3, syntax="1.2.840.10008.1.2.4.50"), Modality="US", NumberOfFrames=5)
    assert {"frame-count", "lossy-undeclared"} <= {f.check for f in findings_of(tmp_path, [cine])}


def test_unusual_counts_of_images(tmp_path):
    datasets = []
    for number in range(6):
        for dataset in series(8 if number else 3):
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number}", number
            dataset.StudyInstanceUID = f"1.2.{number}"
            dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{dataset.InstanceNumber}"
            datasets.append(dataset)
    found = [f for f in findings_of(tmp_path, datasets) if f.check == "few-or-many-images"]
    assert [f.subject for f in found] == ["1.2.3.0"] and "usually 8" in found[0].detail


def test_the_table_of_checks_is_sound_and_every_check_is_tested():
    names = [check.name for check in checks()]
    tested = {name for name, _ in CASES} | {
        "unreadable-file", "not-dicom", "pixel-cut-off", "frame-count", "lossy-undeclared",
        "few-or-many-images"}
    assert len(names) == len(set(names)) and set(names) == tested
    for check in checks():
        assert check.severity in SEVERITIES and check.level in LEVELS and check.meaning and check.remedy


def test_exit_codes_and_forms(tmp_path, capsys):
    datasets = series()
    gone(datasets)
    findings_of(tmp_path, datasets)
    catalog = str(tmp_path / "c.parquet")
    assert main(["qc", catalog, "--html", str(tmp_path / "q.html"), "--every"]) == 1
    assert main(["qc", catalog, "--check", "missing-instance-numbers", "-f", "csv"]) == 10
    assert main(["qc", catalog, "--without", "slice-gap", "-f", "jsonl", "--fail-on", "error"]) == 0
    assert main(["qc", catalog, "--fail-on", "never"]) == 0
    assert main(["qc", catalog, "--check", "nonsense"]) == 2
    out = capsys.readouterr().out
    assert "slice-gap" in out and '"check": "missing-instance-numbers"' in out
    assert (tmp_path / "q.html").stat().st_mode & 0o777 == 0o600


def test_the_worst_comes_first():
    assert worst([]) == "" and rendered(quality_page([])).count("Nothing was found") >= 1 and tally([]) == []
    with pytest.raises(UsageError):
        chosen_checks(["no"], [])
    assert len(chosen_checks([], ["slice-gap"])) == len(checks()) - 1
