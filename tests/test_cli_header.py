"""The commands about headers: plan, diff, crosswalk, and pseudonyms of the user's choice."""

import csv
import json
import stat

import pydicom
import pytest
from test_run_campaign import everything_in, plain, saved

from scrub_pixels.cli import main
from scrub_pixels.errors import WorkspaceError
from scrub_pixels.header.crosswalk import Pairs
from scrub_pixels.store.crosswalk import Kind, open_crosswalk

NAME, NUMBER = "Quixotewski", "ZQ77310"


@pytest.fixture
def folder(tmp_path):
    saved(plain(StudyDate="20200301"), tmp_path / "in" / "a")
    return tmp_path


def run(folder, *more):
    arguments = [str(folder / "in"), str(folder / "out"), "--jobs", "0", "-q", "--header-only", *more]
    return main(arguments)


def outputs(folder):
    return [pydicom.dcmread(path) for path in sorted((folder / "out").rglob("*.dcm"))]


def table(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_the_plan_says_what_would_happen_and_shows_no_value(folder, form, capsys):
    assert main(["header", "plan", str(folder / "in" / "a"), "--profile", "research", "-f", form]) == 0
    shown = capsys.readouterr().out
    assert "PatientName" in shown and "Basic Profile" in shown.replace("\n", " ")
    assert NAME not in shown and NUMBER not in shown and "20200301" not in shown
    if form == "jsonl":
        lines = {line["attribute"]: line for line in map(json.loads, shown.splitlines())}
        assert lines["(0008,0020) StudyDate"]["will"] == "clean"
        assert "Modified Dates" in lines["(0008,0020) StudyDate"]["because"]


def test_the_difference_names_elements_and_hides_values(folder, capsys):
    item = pydicom.Dataset()
    item.CodeValue = "T-1"
    saved(plain(AnatomicRegionSequence=[item], PatientID="OTHER1"), folder / "b")
    item.CodeValue = "T-2"
    saved(plain(AnatomicRegionSequence=[item], StationName="X"), folder / "c")
    arguments = ["header", "diff", str(folder / "b"), str(folder / "c"), "-f", "jsonl"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    found = [json.loads(line) for line in shown.splitlines()]
    lines = {(len(line["path"]), line["attribute"]): line["change"] for line in found}
    assert lines[0, "(0010,0020) PatientID"] == "changed"
    assert lines[0, "(0008,1010) StationName"] == "added"
    assert lines[1, "(0008,0100) CodeValue"] == "changed"
    assert (0, "(0010,0010) PatientName") not in lines
    assert "OTHER1" not in shown
    assert main([*arguments, "--show-values"]) == 0
    said = capsys.readouterr()
    assert "OTHER1" in said.out and "identify" in said.err


def test_a_file_does_not_differ_from_itself(folder, capsys):
    path = str(folder / "in" / "a")
    assert main(["header", "diff", path, path, "-f", "jsonl"]) == 0
    assert capsys.readouterr().out == ""


def test_the_crosswalk_leads_from_old_to_new(folder, capsys):
    assert run(folder) == 0
    workspace, private = folder / "out.workspace", folder / "private"
    assert main(["crosswalk", str(workspace), "-o", str(private)]) == 0
    old, new = pydicom.dcmread(folder / "in" / "a"), outputs(folder)[0]
    assert table(private / "patients.csv") == [{"id_old": NUMBER, "id_new": new.PatientID}]
    uids = {row["id_old"]: row["id_new"] for row in table(private / "uids.csv")}
    assert uids[old.StudyInstanceUID] == new.StudyInstanceUID
    assert uids[old.SOPInstanceUID] == new.SOPInstanceUID
    for path in (*private.iterdir(), workspace / "crosswalk.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = capsys.readouterr().out
    assert NUMBER not in said and "identify" in said
    assert not any(NUMBER.encode() in text for text in everything_in(folder / "out"))


def test_a_second_run_adds_nothing_to_the_crosswalk(folder):
    assert run(folder) == 0
    with open_crosswalk(folder / "out.workspace" / "crosswalk.sqlite") as crosswalk:
        before = sorted(crosswalk.pairs(Kind.UID))
    assert run(folder, "--resume") == 0
    saved(plain(), folder / "in" / "b")
    assert run(folder, "--resume") == 0
    with open_crosswalk(folder / "out.workspace" / "crosswalk.sqlite") as crosswalk:
        assert set(before) < set(crosswalk.pairs(Kind.UID)) and len(list(crosswalk.pairs(Kind.PATIENT))) == 1


def test_the_crosswalk_is_never_written_below_an_output_folder_nor_over_another(folder, capsys):
    assert run(folder) == 0
    workspace = str(folder / "out.workspace")
    assert main(["crosswalk", workspace, "-o", str(folder / "out" / "private")]) == 2
    assert main(["crosswalk", workspace, "-o", str(folder / "private")]) == 0
    assert main(["crosswalk", workspace, "-o", str(folder / "private")]) == 2


def test_a_sealed_crosswalk_opens_with_its_key_only(folder, capsys, monkeypatch):
    pytest.importorskip("cryptography")
    (folder / "key").write_text("correct horse battery\n")
    (folder / "wrong").write_text("incorrect horse battery\n")
    assert run(folder, "--crosswalk-key", str(folder / "key")) == 0
    content = (folder / "out.workspace" / "crosswalk.sqlite").read_bytes()
    assert NUMBER.encode() not in content and b"2.25." not in content
    ask = ["crosswalk", str(folder / "out.workspace"), "-o", str(folder / "private")]
    assert main(ask) == 2
    assert main([*ask, "--crosswalk-key", str(folder / "wrong")]) == 2
    assert not (folder / "private" / "patients.csv").exists()
    assert main([*ask, "--crosswalk-key", str(folder / "key")]) == 0
    assert table(folder / "private" / "patients.csv")[0]["id_old"] == NUMBER
    assert run(folder, "--resume") == 2
    monkeypatch.setenv("SCRUB_PIXELS_CROSSWALK_PASSPHRASE", "correct horse battery")
    assert run(folder, "--resume") == 0


def test_a_plain_crosswalk_is_not_sealed_later(folder, tmp_path):
    pytest.importorskip("cryptography")
    with open_crosswalk(tmp_path / "c.sqlite") as crosswalk:
        crosswalk.add(Pairs(("1", "A"), {"1.2": "2.25.7"}))
    with pytest.raises(WorkspaceError), open_crosswalk(tmp_path / "c.sqlite", b"a passphrase"):
        pass


def test_pairs_of_every_spelling_survive_the_export(tmp_path):
    from scrub_pixels.store.crosswalk import export

    odd = 'a"b,c\nd é'
    with open_crosswalk(tmp_path / "c.sqlite") as crosswalk:
        crosswalk.add(Pairs((odd, "NEW"), {}))
        crosswalk.add(Pairs(("", "NEW"), {}))
        crosswalk.add(Pairs(("NEW", "NEW"), {}))
        written = export(crosswalk, tmp_path / "private")
    assert written.counts == (1, 0)
    with written.patients.open(newline="", encoding="utf-8") as stream:
        assert list(csv.reader(stream)) == [["id_old", "id_new"], [odd, "NEW"]]


def test_pseudonyms_of_the_users_choice(folder, capsys):
    (folder / "list.csv").write_text(f"PatientID,pseudonym,days\n{NUMBER},TRIAL-7,-10\n")
    chosen = ["--profile", "research", "--pseudonyms", str(folder / "list.csv")]
    assert run(folder, *chosen) == 0
    assert (outputs(folder)[0].PatientID, outputs(folder)[0].StudyDate) == ("TRIAL-7", "20200220")
    assert main(["policy", "show", *chosen]) == 0
    assert "TRIAL-7" not in capsys.readouterr().out
    report = json.loads((folder / "out" / "scrub-report.json").read_text())
    assert NUMBER not in json.dumps(report) and "-10" not in json.dumps(report["policy"])


def test_another_list_is_another_policy(folder):
    (folder / "list.csv").write_text(f"PatientID,pseudonym\n{NUMBER},TRIAL-7\n")
    assert run(folder, "--pseudonyms", str(folder / "list.csv")) == 0
    (folder / "list.csv").write_text(f"PatientID,pseudonym\n{NUMBER},TRIAL-8\n")
    assert run(folder, "--pseudonyms", str(folder / "list.csv"), "--resume") == 0
    assert [dataset.PatientID for dataset in outputs(folder)] == ["TRIAL-8"]


def test_patients_who_are_not_listed_are_refused_unless_pseudonyms_may_be_made(folder):
    (folder / "list.csv").write_text("PatientID,pseudonym\nsomebody,TRIAL-7\n")
    assert run(folder, "--pseudonyms", str(folder / "list.csv")) == 1
    assert outputs(folder) == []
    assert run(folder, "--pseudonyms", str(folder / "list.csv"), "--resume",
               "--unlisted-patients", "generate") == 0
    assert outputs(folder)[0].PatientID not in (NUMBER, "TRIAL-7")


def test_a_recipe_goes_before_the_profile(folder, capsys):
    recipe = folder / "deid.dicom"
    recipe.write_text("FORMAT dicom\n%header\nREPLACE StudyDate var:day\nREMOVE Modality\n")
    chosen = ["--recipe", str(recipe), "--recipe-variable", "day=19990101"]
    assert run(folder, *chosen) == 0
    assert outputs(folder)[0].StudyDate == "19990101" and "Modality" not in outputs(folder)[0]
    capsys.readouterr()
    assert main(["header", "plan", str(folder / "in" / "a"), *chosen, "-f", "jsonl"]) == 0
    assert "recipe line 3: REPLACE" in capsys.readouterr().out
    recipe.write_text("%header\nREPLACE StudyDate 19980101\n")
    assert run(folder, "--recipe", str(recipe), "--resume") == 0
    assert [dataset.StudyDate for dataset in outputs(folder)] == ["19980101"]


@pytest.mark.parametrize("chosen", [["--recipe", "nowhere"], ["--recipe-variable", "a=b"],
                                    ["--recipe", "deid.dicom"]], ids=" ".join)
def test_a_recipe_that_cannot_be_followed_is_wrong_usage(folder, chosen, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    (folder / "deid.dicom").write_text("%header\nREMOVE PatentName\n")
    assert run(folder, *chosen) == 2
    assert "Line 2" in capfd.readouterr().err or chosen[1] != "deid.dicom"


@pytest.mark.parametrize(
    "arguments",
    [["header", "plan", "nowhere"], ["header", "diff", "nowhere", "nowhere"],
     ["crosswalk", "nowhere", "-o", "x"], ["in", "out", "--pseudonyms", "nowhere"],
     ["in", "out", "--crosswalk-key", "nowhere"]],
    ids=" ".join,
)
def test_wrong_usage_is_said_without_a_stack_trace(folder, arguments, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    assert main(arguments) in (1, 2)
    shown = "".join(capfd.readouterr())
    assert shown.strip() and "Traceback" not in shown
