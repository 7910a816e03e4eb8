"""What is wanted of a DICOMweb service can stand in a file or the environment, off the command line."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from scrub_pixels.cli import main
from scrub_pixels.cli.dicomweb import QUERY_VARIABLE, names_somebody, with_query
from scrub_pixels.errors import UsageError

SERVICE = "dicomweb+https://host/dicom-web"


@pytest.fixture(autouse=True)
def no_query(monkeypatch) -> None:
    monkeypatch.delenv(QUERY_VARIABLE, raising=False)


def asked(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)


def test_a_query_from_a_file_is_taken_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "query"
    file.write_text("PatientName=Müller^A&B +%41\n\n 00100020 = Z 1 \n", encoding="utf-8")
    assert asked(with_query(SERVICE, file)) == [("PatientName", "Müller^A&B +%41"), ("00100020", "Z 1")]
    assert asked(with_query(f"{SERVICE}?StudyDate=2024", file))[0] == ("StudyDate", "2024")


def test_a_query_from_the_environment_serves_a_url_without_one(monkeypatch) -> None:
    monkeypatch.setenv(QUERY_VARIABLE, "PatientID=Z1")
    assert asked(with_query(SERVICE, None)) == [("PatientID", "Z1")]
    assert with_query(f"{SERVICE}?StudyDate=2024", None) == f"{SERVICE}?StudyDate=2024"


def test_without_either_the_url_stays() -> None:
    assert with_query(f"{SERVICE}?PatientName=A%20B", None) == f"{SERVICE}?PatientName=A%20B"


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"PatientID", b"Patient ID=1", b"=QUIXOTEWSKI", b"\xff\xfe"])
def test_files_that_are_no_query_are_refused_without_their_values(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "query").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        with_query(SERVICE, tmp_path / "query")
    assert "QUIXOTEWSKI" not in str(refused.value)


@pytest.mark.parametrize(("query", "expected"), [
    ("PatientID=1", True), ("patientname=x", True), ("00100020=1", True), ("StudyInstanceUID=1.2", False)])
def test_queries_that_name_somebody_are_told_apart(query: str, expected: bool) -> None:
    assert names_somebody(f"{SERVICE}?{query}") is expected


def test_a_query_for_a_folder_is_an_error(tmp_path: Path, capsys) -> None:
    (tmp_path / "in").mkdir()
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), "--query-file", str(tmp_path / "q")]) == 2
    assert "--query-file" in capsys.readouterr().err and not (tmp_path / "out").exists()
