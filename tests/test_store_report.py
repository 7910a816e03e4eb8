"""Reports tell what was proven and nothing about who it was; the explain page stays private."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import asdict, dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType

import pytest
from pydicom import Dataset
from rich.console import Console
from test_store_atomic import EVIDENCE, make_dataset
from test_store_books import Given, a_decision

from scrub_pixels.decisions.findings import Decision, Disposition, Evidence, EvidenceKind, Finding, Verdict
from scrub_pixels.errors import CorruptInstance, NotDicom, UsageError
from scrub_pixels.frames import open_instance
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.header import Pairs
from scrub_pixels.masks.evidence import CarrierEvidence, FrameRedaction, PixelEvidence, VideoEvidence
from scrub_pixels.store.accounts import (
    Account,
    Outcome,
    account_held,
    account_refused,
    account_released,
    evidence_facts,
)
from scrub_pixels.store.atomic import OutFolder, Place, open_out
from scrub_pixels.store.books import Books, open_books
from scrub_pixels.store.export import json_lines, rich_table, write_csv
from scrub_pixels.store.layout import new_path
from scrub_pixels.store.report import REPORT_JSON, REPORT_LINES, explain_page, pictures, write, write_report
from scrub_pixels.store.report.explain import frames_to_show
from scrub_pixels.store.report.render import duration, number, plural, shortened, size
from scrub_pixels.store.workspace import open_workspace
from scrub_pixels.text.lines import TextLine

SENTINEL = "ZZSENTINELZZ"
REDACTED = (FrameRedaction(0, (Region(1, 2, 3, 4),)),)
MASKED = replace(EVIDENCE, frames_masked=1, redactions=REDACTED, text_lines=3, text_masked=1, text_kept=2,
                 pixel_data_identical=False, reader="test 1.0")


@dataclass(frozen=True)
class Scrubbed:
    dataset: Dataset
    decision: Decision
    evidence: PixelEvidence = EVIDENCE
    pseudonym: str = "BCDF"
    codes: tuple[str, ...] = ("113100",)
    actions: tuple[tuple[str, int], ...] = (("X", 3),)
    warnings: tuple[str, ...] = ("<b>remark</b>",)
    pairs: Pairs = Pairs((SENTINEL, "BCDF"), MappingProxyType({SENTINEL: "2.25.1"}))


@dataclass(frozen=True)
class Held:
    decision: Decision
    reasons: tuple[str, ...] = ("unknown word",)
    evidence: PixelEvidence | None = None


@dataclass
class Case:
    """A run in small: one file of each end, with sentinels wherever identifiers may be."""

    out: OutFolder
    books: Books
    numbers: list[int] = field(default_factory=list)

    def end(self, name: str, account: Account) -> None:
        source = Given(Path(f"/in/{SENTINEL}/{name}"), relative=f"{SENTINEL}/{name}")
        number = self.books.ledger.begin(self.run, source)
        self.books.settle(number, source, account, "p1")

    def release(self, seed: int, evidence: PixelEvidence = MASKED) -> str:
        scrubbed = Scrubbed(make_dataset(seed), a_decision(SENTINEL), evidence)
        written = self.out.write(scrubbed, Place(new_path(scrubbed.dataset, "BCDF")))
        self.end(f"{seed}.dcm", account_released(scrubbed, written, 0.0))
        return written.relative

    def __post_init__(self) -> None:
        policy = {"search": {"scale": 2.0, "on": True}}
        self.run = self.books.ledger.runs.begin(Path(f"/in/{SENTINEL}"), "p1", policy)


@pytest.fixture
def case(tmp_path):
    with open_out(tmp_path / "out") as out, open_books(open_workspace(tmp_path / "ws"), out.root) as books:
        yield Case(out, books)


def fill(case: Case) -> None:
    case.release(1)
    case.release(2, EVIDENCE)
    original = make_dataset(3)
    original.Modality = SENTINEL
    case.end("held", account_held(Held(a_decision(SENTINEL)), 0.0, original))
    case.end("bad", account_refused(CorruptInstance("Broken", stage="decode", remedy="Mend it."), 0.0))
    case.end("text", account_refused(NotDicom("This is not DICOM.", stage="open"), 0.0))
    case.books.ledger.runs.finish(case.run)


class Reader(HTMLParser):
    """Collects tags and every address a page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action", "data") and v]


def test_report_holds_no_sentinel_and_nothing_external(case):
    fill(case)
    page_path = write_report(case.out, case.books.ledger)
    page, text = page_path.read_text(), (case.out.root / REPORT_JSON).read_text()
    for content in (page, text):
        assert SENTINEL not in content and "/in/" not in content and str(case.out.root) not in content
    reader = Reader(page)
    assert all(a.startswith(("data:image/webp", "#")) for a in reader.addresses)
    assert len([a for a in reader.addresses if a.startswith("data:")]) == 2
    assert "b" in reader.tags and "<b>remark</b>" not in page, "values are escaped"
    assert not re.search(r"https?://", re.sub(r"data:[^\"]+", "", page))
    assert "2 of 4 released, 1 held for review, 1 refused" in page


def test_json_says_what_was_proven(case):
    fill(case)
    write_report(case.out, case.books.ledger)
    report = json.loads((case.out.root / REPORT_JSON).read_text())
    assert report["totals"] == {"inputs": 5, "released": 2, "held": 1, "refused": 1, "not_dicom": 1,
                                "pending": 0, "closed": True}
    assert report["released"]["frames_masked"] == 1 and report["released"]["identical"] == 1
    assert report["held_for"] == [{"reason": "unknown word", "count": 1}]
    assert report["refused_for"] == [{"code": "corrupt", "reason": "Broken. Mend it.", "count": 1}]
    assert report["policy"] == {"search": {"scale": 2.0, "on": True}} and "pydicom" in report["versions"]
    first = report["instances"][0]
    assert first["redactions"] == [{"start": 0, "stop": 1, "regions": [[1, 2, 3, 4]]}]
    assert (case.out.root / first["output"]).is_file() and first["codes"] == ["113100"]
    held = next(e for e in report["instances"] if e["outcome"] == "held")
    assert set(held) == {"ref", "outcome", "code", "stage", "reasons", "seconds"}
    assert "search.scale" in (case.out.root / "scrub-report.html").read_text()


def test_unsearched_pixels_are_not_called_proven(case):
    case.release(1, replace(EVIDENCE, frames_searched=0, frames_compared=0))
    page = write_report(case.out, case.books.ledger).read_text()
    assert page.count('<li class="open">') == 3 and "not searched" in page


def test_many_inputs_go_to_lines(case, monkeypatch):
    monkeypatch.setattr(write, "ENTRIES_IN_JSON", 3)
    monkeypatch.setattr(write, "ENTRIES_ON_PAGE", 2)
    fill(case)
    page = write_report(case.out, case.books.ledger).read_text()
    report = json.loads((case.out.root / REPORT_JSON).read_text())
    lines = [json.loads(line) for line in (case.out.root / REPORT_LINES).read_text().splitlines()]
    assert len(lines) == 5 and report["instances_file"] == REPORT_LINES and "instances" not in report
    assert page.count("<tr data-outcome=") == 2 and "The first 2 of 5" in page
    assert page.index('<tr data-outcome="refused">') < page.index('<tr data-outcome="held">')
    monkeypatch.setattr(write, "ENTRIES_IN_JSON", 100)
    write_report(case.out, case.books.ledger)
    assert not (case.out.root / REPORT_LINES).exists()


def test_empty_run_has_a_report(case):
    case.books.ledger.runs.finish(case.run)
    page = write_report(case.out, case.books.ledger).read_text()
    assert "0 of 0 released" in page
    assert json.loads((case.out.root / REPORT_JSON).read_text())["instances"] == []


def test_pictures_are_spread_bounded_and_survive_a_bad_file(case, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PICTURES", 3)
    choice = pictures.Choice()
    good = case.release(1)
    entry = {"frames": 1, "rows": 17, "columns": 13, "redactions": [{"start": 0, "stop": 1, "regions": []}]}
    for device in ("A", "A", "A", "B"):
        choice.offer({**entry, "device": device, "output": good})
    choice.offer({**entry, "device": "C", "output": "missing.dcm"})
    choice.offer({**entry, "device": "D", "frames": 0, "output": good})
    choice.offer({**entry, "device": "E", "redactions": [], "output": good})
    drawn = pictures.shots(case.out.read, choice)
    assert [shot.group.split()[0] for shot in drawn] == ["A", "B", "A"]
    monkeypatch.setattr(pictures, "BYTES_OF_PICTURES", 1)
    assert len(pictures.shots(case.out.read, choice)) == 1


def test_ledger_exports_name_inputs_of_any_bytes(case):
    name = os.fsdecode(b"caf\xe9 =1+1.dcm")
    case.end(name, account_refused(CorruptInstance("Broken", stage="decode"), 0.0))
    rows = list(case.books.ledger.rows())
    record = json.loads(next(iter(json_lines(rows))))
    assert os.fsencode(record["path"]).endswith(b"caf\xe9 =1+1.dcm") and record["outcome"] == "refused"
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "utf-8", errors="surrogateescape", newline="")
    write_csv([*rows, replace(rows[0], relative="=cmd()")], stream)
    stream.flush()
    cells = list(csv.DictReader(io.StringIO(raw.getvalue().decode("utf-8", "surrogateescape"))))
    assert os.fsencode(cells[0]["path"]).endswith(b"caf\xe9 =1+1.dcm") and cells[1]["relative"] == "'=cmd()"
    console = Console(file=io.StringIO(), width=200)
    console.print(rich_table(rows))
    assert "caf\\xe9" in console.file.getvalue() or "caf\\udce9" in console.file.getvalue()


def explained(tmp_path: Path, reading: str) -> tuple[Path, str]:
    line = TextLine(Region(1, 2, 3, 4), FrameSpan(0, 1), reading, 0.9, 0.8, 0, (reading + "2",))
    finding = Finding(line, Verdict.PHI, (Evidence(EvidenceKind.HEADER_MATCH, "PatientName", True),))
    decision = replace(a_decision(), findings=(finding, *a_decision().findings), disposition=Disposition.HOLD)
    target = tmp_path / "private" / "page.html"
    target.parent.mkdir(exist_ok=True)
    explain_page(open_instance(make_dataset()), decision, make_dataset(1), target)
    return target, target.read_text()


def test_explain_page_shows_readings_escaped_and_private(tmp_path):
    old = os.umask(0)
    try:
        target, page = explained(tmp_path, "<script>alert(1)</script>")
    finally:
        os.umask(old)
    assert target.stat().st_mode & 0o777 == 0o600
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    assert "script" not in Reader(page).tags
    assert "This page holds identifiers" in page and "header match: PatientName" in page
    assert page.count("data:image/webp") == 2 and 'class="phi"' in page and 'class="unsure"' in page


def test_explain_page_takes_lone_surrogates_and_is_written_again(tmp_path):
    explained(tmp_path, "a")
    target, page = explained(tmp_path, "bad \udcff name")
    assert "bad ? name" in page


@pytest.mark.parametrize("marked_by", ["marker", "report"])
def test_explain_page_is_refused_below_an_output_folder(tmp_path, marked_by):
    if marked_by == "marker":
        with open_out(tmp_path / "out"):
            pass
    else:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / REPORT_JSON).touch()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    (tmp_path / "out" / "sub").mkdir()
    for target in ("out/x.html", "out/sub/x.html", "link/x.html", "private/../out/x.html"):
        (tmp_path / "private").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="output folder"):
            explain_page(open_instance(make_dataset()), a_decision(), None, tmp_path / target)
    assert not list(tmp_path.rglob("x.html"))


def test_frames_shown_are_the_first_and_where_lines_begin():
    begins = [0, 5, 5, 9, 70, *range(20, 40)]
    one = a_decision().findings[0]
    findings = tuple(replace(one, line=replace(one.line, frames=FrameSpan(n, n + 1))) for n in begins)
    decision = replace(a_decision(), findings=findings, redactions=())
    shown = frames_to_show(60, decision)
    assert shown[:3] == [0, 5, 9] and len(shown) == 8 and max(shown) < 60
    assert frames_to_show(0, decision) == []


def test_numbers_read_well():
    assert number(1234567) == "1\u202f234\u202f567"
    assert [plural(1, "file"), plural(2, "file")] == ["1 file", "2 files"]
    assert [duration(3.21), duration(59.2), duration(61)] == ["3.2 s", "59 s", "1 min 01 s"]
    assert duration(3700) == "1 h 01 min"
    assert [size(0), size(999), size(1500), size(12_000_000)] == ["0 B", "999 B", "1.5 kB", "12 MB"]
    assert shortened("BCDF/2.25.1/2.25.2/2.25.3.dcm") == "BCDF/2.25.1/2.25.2/2.25.3.dcm"
    assert shortened("BCDF/" + "2.25." + "1" * 40 + "/x/2.25.33333333333333333.dcm").startswith("BCDF/…/…")


def test_outcomes_are_named_as_the_template_names_them():
    template = (Path(write.__file__).parent / "templates" / "report.html.j2").read_text()
    assert all(f'"{outcome.value}"' in template for outcome in Outcome)


def test_a_page_lists_first_what_a_person_has_to_see_to():
    first = write.First(4)
    ends = ("released", "not-dicom", "held", "refused", "released", "pending", "held")
    for ref, outcome in enumerate(ends):
        first.offer({"ref": ref, "outcome": outcome})
    assert [entry["ref"] for entry in first.entries] == [3, 5, 2, 6]


def test_facts_of_the_evidence_are_its_plain_types():
    video = VideoEvidence("H.264", True, 1, 2, 60.5, 0)
    evidence = PixelEvidence(3, 3, 2, 3, (FrameRedaction(0, (Region(1, 2, 3, 4),)),
                                          FrameRedaction(1, (Region(1, 2, 3, 4),))), "1.2", "1.2", False,
                             carriers=(CarrierEvidence("overlay plane", "removed", 2),), video=video)
    facts = evidence_facts(evidence)
    redactions = facts.pop("redactions")
    assert redactions == [{"start": 0, "stop": 2, "regions": [[1, 2, 3, 4]]}]
    expected = asdict(evidence) | {"searched": evidence.searched, "clean": evidence.clean}
    expected.pop("redactions")
    assert json.loads(json.dumps(facts)) == json.loads(json.dumps(expected))
