"""Labels with points between their letters are labels, however their letters were read."""

import pytest

from scrub_pixels.decisions.scan import AtomKind, scan
from scrub_pixels.decisions.vocabulary import load_vocabulary


def kinds(text):
    return [(atom.kind, atom.detail) for atom in scan(text, load_vocabulary())]


@pytest.mark.parametrize("text", ["D.O.B.", "D.0.B.", "D.O.B", "d.o.b.", "D. O. B.", "D.0.8.", "D.O.B.:"])
def test_a_dotted_label_is_a_label(text):
    assert [kind for kind, _ in kinds(text)] == [AtomKind.LABEL]


@pytest.mark.parametrize(("text", "section"), [("M.R.N. 4711", "label.id"), ("I.D. 4711", "label.id"),
                                               ("D.O.B. 28-Jan", "label.birth")])
def test_a_value_behind_it_does_not_hide_it(text, section):
    assert kinds(text)[0] == (AtomKind.LABEL, section)


@pytest.mark.parametrize("text", ["D.R. 55", "J.B.", "D.0.84", "D.O. Brown", "2.0.8", "A.D.O.B.C.D."])
def test_settings_initials_and_numbers_are_no_labels(text):
    assert AtomKind.LABEL not in [kind for kind, _ in kinds(text)]
