"""Decisions as files: what is written can be read, and what is hostile gets nowhere."""

from __future__ import annotations

import json

import pydicom
import pytest
from review_cases import a_case
from test_store_books import Given, a_decision

from scrub_pixels.cli import main
from scrub_pixels.errors import UsageError
from scrub_pixels.review.desk import open_desk
from scrub_pixels.review.exchange import FORMAT, export, parse
from scrub_pixels.store.accounts import Account, Origin, Outcome
from scrub_pixels.store.queue import Answer, Says, State, Wanted

KEY = "0" * 32


def a_file(*entries, **more) -> str:
    return json.dumps({"format": FORMAT, "version": 1, "entries": list(entries), **more})


@pytest.fixture
def case(tmp_path):
    return a_case(tmp_path)


def exported(case) -> dict:
    with open_desk(case.workspace) as desk:
        return json.loads("".join(export(desk, Wanted())))


def test_what_is_exported_can_be_applied_without_a_site(case, tmp_path, capsys):
    target = tmp_path / "decisions.json"
    assert main(["review", "export", str(case.workspace), "-o", str(target)]) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    table = json.loads(target.read_text())
    first, second = table["entries"]
    first |= {"decision": "accept", "redactions": [{"region": [8, 8, 16, 24], "frames": [0, 1]}]}
    second |= {"decision": "reject", "reason": "a face"}
    target.write_text(json.dumps(table))
    assert main(["review", "apply", str(target), str(case.workspace)]) == 0
    assert "2 of 2 entries taken; 2 decisions carried out; 0 left" in capsys.readouterr().out
    (file,) = case.released()
    assert not pydicom.dcmread(file).pixel_array[8:24, 8:32].any()
    assert main(["review", "apply", str(target), str(case.workspace)]) == 1, "decided already"
    assert "decided already" in capsys.readouterr().err


def test_an_import_keeps_drafts_and_decides_nothing(case, tmp_path):
    entry = exported(case)["entries"][0]
    entry |= {"decision": "accept", "redactions": [{"region": [1, 2, 3, 4], "frames": [0, 1]}]}
    (tmp_path / "f.json").write_text(a_file(entry))
    assert main(["review", "import", str(tmp_path / "f.json"), str(case.workspace)]) == 10
    again = exported(case)["entries"][0]
    assert again["redactions"] == [{"region": [1, 2, 3, 4], "frames": [0, 1], "reason": "reviewer"}]
    assert again["state"] == "pending" and case.released() == []


def test_an_export_has_no_reading_unless_asked(case):
    with open_desk(case.workspace) as desk:
        account = Account(Outcome.HELD, reasons=("r",), decision=a_decision("DOE^JANE"), origin=Origin())
        desk.queue.add(KEY, Given(case.campaign.source / "x"), account)
        assert "DOE" not in "".join(export(desk, Wanted()))
        assert "DOE^JANE" in "".join(export(desk, Wanted(), readings=True))
        assert str(case.campaign.source) not in "".join(export(desk, Wanted(), readings=True))


def test_an_export_never_lies_below_an_output_folder(case, capsys):
    assert main(["review", "export", str(case.workspace), "-o", str(case.out / "e.json")]) == 2
    assert not (case.out / "e.json").exists()


def test_numbers_and_answers_are_understood():
    (one,) = parse(a_file({"key": KEY, "answers": [[0, "term"], [3, "phi"]], "decision": "accept"}))
    assert one.answers == (Answer(0, Says.TERM), Answer(3, Says.PHI)) and one.redactions is None


SPAN, PLACE = [0, 1], [0, 0, 1, 1]

NO_KEYS = ("", "../../etc/passwd", KEY + "0", KEY.replace("0", "Z"), 5, None, [])
NO_REDACTIONS = (
    "x", [1], [{}], [{"region": [0, 0, 0, 1], "frames": SPAN}], [{"region": [0, 0, 1], "frames": SPAN}],
    [{"region": [0, 0, 1, True], "frames": SPAN}], [{"region": [0.5, 0, 1, 1], "frames": SPAN}],
    [{"region": [-1, 0, 1, 1], "frames": SPAN}], [{"region": [0, 0, 1, 10**40], "frames": SPAN}],
    [{"region": PLACE, "frames": [1, 1]}], [{"region": PLACE, "frames": SPAN, "x": 1}],
    [{"region": PLACE, "frames": SPAN, "reason": "a\0b"}],
    [{"region": PLACE, "frames": SPAN, "reason": "\ud800"}],
)
NO_ANSWERS = ([0], [[0]], [["0", "keep"]], [[0, "release"]])
NO_FORM = (
    "", "[]", "{}", "null", "[" * 100_000, '{"format": "scrub-pixels-review", "version": 1, "entries": NaN}',
    a_file(version=2), a_file(extra=1), a_file({"key": KEY}, {"key": KEY}),
    a_file().replace("1,", "1" * 5000),
    '{"format": "scrub-pixels-review", "format": "x", "version": 1, "entries": []}',
)


@pytest.mark.parametrize("text", [
    *NO_FORM,
    *(a_file({"key": key}) for key in NO_KEYS),
    *(a_file({"key": KEY, "redactions": boxes}) for boxes in NO_REDACTIONS),
    *(a_file({"key": KEY, "answers": answers}) for answers in NO_ANSWERS),
    a_file({"key": KEY, "decision": "release"}), a_file({"key": KEY, "input_sha256": "abc"}),
    a_file({"key": KEY, "path": "/etc/passwd"}),
])
def test_hostile_files_are_refused_with_a_reason(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.remedy and len(str(caught.value)) < 300


def test_decisions_that_do_not_fit_are_told_and_change_nothing(case, tmp_path, capsys):
    first, second = exported(case)["entries"]
    outside = {"key": first["key"], "decision": "accept",
               "redactions": [{"region": [60, 60, 10, 10], "frames": [0, 1]}]}
    other_bytes = {"key": second["key"], "decision": "accept", "input_sha256": "0" * 64}
    (tmp_path / "f.json").write_text(a_file(outside, other_bytes, {"key": KEY, "decision": "accept"}))
    assert main(["review", "apply", str(tmp_path / "f.json"), str(case.workspace)]) == 1
    told = capsys.readouterr().err
    assert "outside of the frame" in told and "other bytes" in told and "no such entry" in told
    with open_desk(case.workspace) as desk:
        entries = desk.page(Wanted())
        assert {entry.state for entry in entries} == {State.PENDING}
        assert {entry.claimed_by for entry in entries} == {""}
    assert case.released() == []


def test_the_audit_log_names_people_and_tokens_only(case, tmp_path):
    with open_desk(case.workspace) as desk:
        desk.look(desk.page(Wanted())[0].key, "ann")
        desk.note("ann", "signed in", address=1)
    target = tmp_path / "audit.jsonl"
    assert main(["review", "audit", str(case.workspace), "-o", str(target)]) == 0
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [line["what"] for line in lines] == ["held", "held", "looked", "signed in"]
    assert "DOE" not in target.read_text() and "Quixotewski" not in target.read_text()


def test_a_person_is_told_where_things_stand(case, capsys):
    assert main(["review", "list", str(case.workspace)]) == 0
    assert "2 entries wait" in capsys.readouterr().out
    assert main(["review", "list", str(case.workspace), "-f", "jsonl", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "pending"
    assert main(["review", "qa", str(case.workspace)]) == 0
    assert "nothing is known" in capsys.readouterr().out
    assert main(["review", "carry-out", str(case.workspace)]) == 0
    assert main(["review", "list", str(case.workspace / "nowhere")]) == 2
    assert main(["review", "list", str(case.workspace), "--queue", "mysql://root:secret@host/x"]) == 2
    assert "secret" not in capsys.readouterr().err
