"""What decisions teach: only what enough of them agree on, nothing about anybody, and always reversible."""

from __future__ import annotations

from dataclasses import replace

import pytest
from review_cases import SIZE, a_case, picture
from sqlalchemy import text
from test_run_campaign import saved
from test_store_books import Given

from scrub_pixels.cli import main
from scrub_pixels.decisions import Redaction
from scrub_pixels.decisions.devices import (
    DeviceLayout,
    DeviceRegion,
    RegionRole,
    layouts_as_toml,
    load_devices,
    parse_layouts,
)
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.header import ProjectKey
from scrub_pixels.review.desk import open_desk
from scrub_pixels.run.campaign import run
from scrub_pixels.store.accounts import Account, Origin, Outcome
from scrub_pixels.store.learned import Learned, agreed, objection
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.origin import patient_token, word_token
from scrub_pixels.store.queue import REVIEWER, Draft, State, Wanted, open_queue
from scrub_pixels.store.queue.lessons import Device, Kind, Lesson, Lessons
from scrub_pixels.store.workspace import open_workspace

BOX = Redaction(Region(8, 8, 16, 24), FrameSpan(0, 1), REVIEWER)
DEVICE = Device("Examplia", "Sonar 5", 600, 800)
KEY = ProjectKey.generate()


@pytest.fixture
def lessons(tmp_path):
    with open_queue(tmp_path / "queue.sqlite") as queue:
        words = frozenset(word_token(KEY, word) for word in tokens(fold("Quixotewski Zebulon")))
        queue.add("k", Given(tmp_path / "x"), Account(Outcome.HELD, origin=Origin(words=words)))
        yield Lessons(queue)


def taught(lessons: Lessons, *said: Lesson):
    (layout,) = agreed(said, KEY, lessons) or (None,)
    return layout


def said(kind: Kind, what: str, *patients: str) -> list[Lesson]:
    return [Lesson(kind, DEVICE, what, one) for one in patients]


def test_a_region_to_mask_needs_two_patients_and_covers_all_that_were_drawn(lessons):
    assert taught(lessons, *said(Kind.MASK, "0,0,40,800", "a", "a")) is None
    layout = taught(lessons, *said(Kind.MASK, "0,0,40,800", "a"), *said(Kind.MASK, "0,0,44,790", "b"))
    assert [(r.region, r.role.value) for r in layout.regions] == [(Region(0, 0, 44, 800), "phi")]
    assert (layout.manufacturer, layout.model) == ("Examplia", "Sonar 5")
    assert (layout.rows, layout.columns) == (600, 800)


def test_a_region_to_keep_needs_three_patients_and_no_mask_in_its_place(lessons):
    keep = said(Kind.KEEP, "100,10,20,20", "a", "b", "c")
    assert taught(lessons, *keep[:2]) is None
    assert [r.role.value for r in taught(lessons, *keep).regions] == ["harmless"]
    assert taught(lessons, *keep, *said(Kind.MASK, "110,10,20,20", "d")) is None


@pytest.mark.parametrize(("term", "why"), [
    ("Zebulon", "identifier"), ("zebulon MODE", "identifier"), ("Z3bulon x", "single"),
    ("12/03/1977", "number"), ("A4711", "single"), ("4711", "number"),
    ("Name", "announces"), ("a b", "single"), ("", "few words"), ("x" * 60, "few words"),
    ("one two three four five", "few words"), ("a\nb", "few words"),
])
def test_what_may_identify_becomes_no_term(lessons, term, why):
    assert why in objection(term, KEY, lessons)
    assert taught(lessons, *said(Kind.TERM, term, "a", "b", "c")) is None


def imported(*regions: tuple[str, str], terms: tuple[str, ...] = ()) -> Lesson:
    """Return a catalogue of elsewhere about the same device."""
    made = [DeviceRegion(said(Kind.MASK, where, "")[0].region, RegionRole(role)) for where, role in regions]
    layout = DeviceLayout(DEVICE.manufacturer, DEVICE.model, DEVICE.rows, DEVICE.columns, tuple(made),
                          vocabulary=terms)
    return Lesson(Kind.IMPORTED, Device(), layouts_as_toml((layout,)))


def roles(layouts) -> list[tuple[Region, str]]:
    return sorted(((r.region, r.role.value) for x in layouts for r in x.regions), key=str)


def test_what_was_imported_masks_at_once_but_shows_as_one_patient_however_often_it_came(lessons):
    brought = imported(("0,0,40,800", "phi"), ("100,10,20,20", "harmless"), terms=("SonoGlow", "Depth"))
    again = imported(("100,10,20,21", "harmless"), terms=("SonoGlow",))
    alone = agreed([brought, brought, again], KEY, lessons)
    assert roles(alone) == [(Region(0, 0, 40, 800), "phi")]
    assert {term for layout in alone for term in layout.vocabulary} == {"Depth"}
    confirmed = agreed([brought, *said(Kind.TERM, "SonoGlow", "a"),
                        *said(Kind.KEEP, "100,10,20,20", "a", "b")], KEY, lessons)
    assert (Region(100, 10, 20, 20), "harmless") in roles(confirmed)
    assert "SonoGlow" in {term for layout in confirmed for term in layout.vocabulary}
    assert roles(agreed([brought, *said(Kind.KEEP, "100,10,20,20", "a")], KEY, lessons)) == roles(alone)


def test_a_region_that_is_drawn_here_and_elsewhere_is_agreed_on(lessons):
    both = agreed([imported(("0,0,40,800", "phi")), *said(Kind.MASK, "0,0,44,800", "a")], KEY, lessons)
    assert (Region(0, 0, 44, 800), "phi") in roles(both)


def test_no_review_teaches_that_most_of_a_frame_is_harmless(lessons):
    assert taught(lessons, *said(Kind.KEEP, "0,0,600,800", "a", "b", "c")) in (None, ())
    whole = [imported(("0,0,600,800", "harmless")), *said(Kind.KEEP, "0,0,600,800", "a", "b", "c")]
    assert roles(agreed(whole, KEY, lessons)) == []
    strips = [f"{row},0,60,800" for row in range(0, 600, 70)]
    many = taught(lessons, *(x for strip in strips for x in said(Kind.KEEP, strip, "a", "b", "c")))
    assert 0 < sum(r.region.area for r in many.regions) <= 600 * 800 / 4


def test_patients_count_and_not_their_series_or_names_in_capitals():
    one = picture(1, PatientID="p 1", SeriesInstanceUID="1.2.1")
    same, other = picture(2, PatientID="P  1", SeriesInstanceUID="1.2.2"), picture(3, PatientID="P2")
    assert patient_token(KEY, one) == patient_token(KEY, same) != patient_token(KEY, other)
    assert patient_token(KEY, one) != patient_token(ProjectKey.generate(), one)
    for nameless in (one, other):
        nameless.PatientID = ""
    assert patient_token(KEY, one) == patient_token(KEY, other) != ""
    one.PatientName = one.PatientBirthDate = ""
    assert patient_token(KEY, one) == "", "all of whom nothing is known count as one"


def test_a_queue_of_an_older_version_is_used_on(tmp_path):
    with open_queue(tmp_path / "queue.sqlite") as queue, queue.database.writing() as connection:
        connection.execute(text("ALTER TABLE review_lessons DROP COLUMN patient"))
        for number in (1, 2):
            connection.execute(text("INSERT INTO review_lessons (owner, at, kind, what, series, dismissed) "
                                    f"VALUES ('', {number}, 'mask', '0,0,4,4', 's{number}', 0)"))
    for _ in range(2):
        with open_queue(tmp_path / "queue.sqlite") as queue:
            found = list(Lessons(queue).all())
            assert [lesson.patient for lesson in found] == ["", ""]
            assert agreed(found, KEY, Lessons(queue)) == (), "nobody knows whether they were two people"


def test_a_term_is_learned_for_its_device_and_a_name_only_if_confirmed(lessons):
    known, unknown = "Depth", "SonoGlow"
    assert taught(lessons, *said(Kind.TERM, known, "a")).vocabulary == (known,)
    assert "may be a name" in objection(unknown, KEY, lessons)
    assert taught(lessons, *said(Kind.TERM, unknown, "a", "a")) is None
    assert taught(lessons, *said(Kind.TERM, unknown, "a", "b")).vocabulary == (unknown,)
    name = sorted(load_vocabulary().company)[0]
    assert "name" in objection(name, KEY, lessons)
    assert taught(lessons, *said(Kind.TERM, name, "a", "a")) is None
    assert taught(lessons, *said(Kind.TERM, name, "a", "b")).vocabulary == (name,)


def test_two_releases_teach_the_next_run_and_it_can_be_undone(tmp_path, capsys):
    case = a_case(tmp_path, held=0, clean=1)
    for index in range(3):
        seen = picture(index, SeriesInstanceUID=f"1.2.3.{index}", PatientID=f"ZQ77310{index}")
        saved(seen, case.campaign.source / f"{index}.dcm")
    run(replace(case.campaign, resume=True))
    with open_desk(case.workspace) as desk:
        for _ in range(2):
            key = desk.claim_next("ann", Wanted(state=State.PENDING)).key
            desk.save_draft(key, "ann", Draft((BOX,)))
            desk.accept(key, "ann")
        desk.carry_out()
    learned = Learned(open_workspace(case.workspace))
    text = learned.text()
    assert "Quixotewski" not in text and "ZQ77310" not in text and "1.2.3" not in text
    (layout,) = parse_layouts(text)
    assert layout.regions[0].region == BOX.region and (layout.rows, layout.columns) == (SIZE, SIZE)
    assert len(load_devices(learned.current()).rules) == 1

    run(replace(case.campaign, out=tmp_path / "next", workspace=case.workspace))
    with open_ledger(case.workspace / "ledger.sqlite") as ledger:
        assert ledger.runs.last().policy["decisions"]["devices"] == [str(learned.current())]
        assert ledger.totals().released == 4, "what held them before is masked by the rule now"
    report = (tmp_path / "next" / "scrub-report.json").read_text()
    assert str(tmp_path) not in report and "0001.toml" in report

    assert main(["review", "learned", "show", str(case.workspace)]) == 0
    assert "Sonar 5" in capsys.readouterr().out
    shared = tmp_path / "shared.toml"
    assert main(["review", "learned", "export", str(case.workspace), "-o", str(shared)]) == 0
    capsys.readouterr()


def test_learned_elsewhere_is_taken_in_and_reverted(tmp_path, capsys):
    case = a_case(tmp_path, held=1)
    shared = tmp_path / "shared.toml"
    shared.write_text('[[layout]]\nmanufacturer = "ACME"\nmodel = "E"\nrows = 6\ncolumns = 8\n'
                      'vocabulary = ["SonoGlow", "Quixotewski"]\n'
                      '[[layout.region]]\nrow = 0\ncolumn = 0\nrows = 2\ncolumns = 8\nrole = "phi"\n')
    assert main(["review", "learned", "import", str(shared), str(case.workspace)]) == 0
    assert "1 terms were left out" in capsys.readouterr().out
    assert main(["review", "learned", "show", str(case.workspace)]) == 0
    shown = capsys.readouterr().out
    assert "ACME" in shown and "SonoGlow" not in shown, "an unknown word waits until a review here agrees"
    assert main(["review", "learned", "revert", "0", str(case.workspace)]) == 0
    assert main(["review", "learned", "show", str(case.workspace)]) == 0
    assert "ACME" not in capsys.readouterr().out
    assert main(["review", "learned", "show", str(case.workspace), "--version", "1"]) == 0
    assert "ACME" in capsys.readouterr().out
    assert main(["review", "learned", "revert", "9", str(case.workspace)]) == 2
    shared.write_text("nonsense = [")
    assert main(["review", "learned", "import", str(shared), str(case.workspace)]) == 2


def test_a_run_that_goes_on_stays_with_what_it_began_with(tmp_path):
    case = a_case(tmp_path, held=1, clean=1)
    shared = tmp_path / "shared.toml"
    shared.write_text('[[layout]]\nmanufacturer = "ACME"\nmodel = "E"\nrows = 6\ncolumns = 8\n'
                      'vocabulary = ["Depth"]\n')
    main(["review", "learned", "import", str(shared), str(case.workspace)])
    result = run(replace(case.campaign, resume=True))
    assert result.skipped == 2, "nothing is done again because something was learned meanwhile"
    explicit = str(Learned(open_workspace(case.workspace)).current())
    assert run(replace(case.campaign, resume=True, learned=explicit)).skipped == 0
