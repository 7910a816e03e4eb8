"""Series context: what one Instance shows is used on its siblings, and siblings that disagree are held."""

from __future__ import annotations

import pickle

from pydicom.dataset import Dataset

from scrub_pixels.decisions import Decision, Disposition, SeriesContext, Verdict, decide
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine, TextSearch

SHAPE = (600, 800)


def outcome(*texts: tuple[str, int, int], context: SeriesContext | None = None) -> Decision:
    lines = tuple(
        TextLine(Region(row, column, 12, 8 * len(text)), FrameSpan(0, 1), text, 0.97, 0.97)
        for text, row, column in texts
    )
    return decide(TextSearch(lines, SHAPE, 1, 1, "test"), Dataset(), context=context)


FIRST = (("Name: FLOWER, REED", 8, 10), ("ID: 771200", 24, 10), ("Op: BRIGHT", 40, 10), ("MI 0.8", 8, 700))


def learned() -> SeriesContext:
    return SeriesContext().learn(outcome(*FIRST).findings, SHAPE)


def test_a_name_learned_on_one_sibling_is_masked_on_another() -> None:
    again = ("BRIGHT", 300, 400), ("MI 0.8", 8, 700), *FIRST[:3]
    assert outcome(*again).findings[0].verdict is Verdict.BENIGN
    found = outcome(*again, context=learned()).findings
    assert [f.verdict for f in found[:2]] == [Verdict.PHI, Verdict.BENIGN]


def test_a_term_where_a_name_stood_is_masked_and_a_measurement_there_stays() -> None:
    here = ("BONE", 300, 10), *FIRST[1:]
    context = SeriesContext().learn(outcome(("Name: FLOWER", 300, 10), *FIRST[1:]).findings, SHAPE)
    assert outcome(*here).findings[0].verdict is Verdict.BENIGN
    assert outcome(*here, context=context).findings[0].verdict is Verdict.PHI
    assert outcome(("Dist 3.24 cm", 300, 10), context=context).findings[0].verdict is Verdict.BENIGN


def test_a_sibling_that_lost_one_of_its_places_is_held_and_another_layout_is_not() -> None:
    context = learned()
    assert outcome(*FIRST, context=context).disposition is Disposition.RELEASE
    lost = outcome(FIRST[0], *FIRST[2:], context=context)
    assert lost.disposition is Disposition.HOLD and "1 places" in lost.reasons[0]
    assert outcome(("LIVER", 300, 400), context=context).disposition is Disposition.RELEASE


def test_vocabulary_beside_a_name_is_not_learned_for_a_name() -> None:
    context = SeriesContext().learn(outcome(("Name: FLOWER LIVER 12.5 cm", 8, 10)).findings, SHAPE)
    assert context.words == {"flower"}


def test_contexts_merge_travel_and_show_nothing() -> None:
    context = learned()
    both = context.merged(SeriesContext().learn(outcome(("Ref: ZORBL", 8, 10)).findings, SHAPE))
    assert both.words == context.words | {"zorbl"} and both.instances == 2
    assert pickle.loads(pickle.dumps(both)) == both
    assert "flower" not in repr(context).lower() and "771200" not in repr(context)
