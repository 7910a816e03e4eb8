"""The labelled images' texts, read perfectly and with one reading error each."""

from __future__ import annotations

import json
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from scrub_pixels.decisions import Verdict, decide
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine, TextSearch

BESIDE = Path(__file__).parents[1].parent / "shared" / "data"
DATA = Path(os.environ.get("SCRUB_PIXELS_DATA", BESIDE))
pytestmark = pytest.mark.skipif(not (DATA / "truth").is_dir(), reason="labelled images are not here")

CONFUSED = dict(zip("O01lIS5B8:", "0Ol1l5S8B;", strict=True))


def _misread(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text))
    return text[:place] + CONFUSED.get(text[place], text[place]) + text[place + 1 :]


def _line(label: dict, text: str) -> TextLine:
    left, top, right, bottom = label["box"]
    region = Region.from_edges(max(top, 0), max(left, 0), max(bottom, 1), max(right, 1))
    return TextLine(region, FrameSpan(0, 1), text, 0.99, 0.99)


def _verdicts(seed: int | None) -> Iterator[tuple[dict, Verdict]]:
    rng = random.Random(seed)
    for path in sorted((DATA / "truth").glob("*.json")):
        truth = json.loads(path.read_text())
        name = truth["file"] if "/" in truth["file"] else f"burned_in/{truth['file']}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(DATA / name, force=True, stop_before_pixels=True)
            labels = [label for label in truth["texts"] if label["text"]]
            texts = [label["text"] if seed is None else _misread(label["text"], rng) for label in labels]
            lines = tuple(map(_line, labels, texts))
            search = TextSearch(lines, (truth["height"], truth["width"]), 1, 1, "truth")
            findings = decide(search, dataset).findings
        yield from ((label, finding.verdict) for label, finding in zip(labels, findings, strict=True))


@pytest.mark.parametrize("seed", [None, 1])
def test_no_identifying_text_is_kept_and_technical_text_mostly_is(seed: int | None) -> None:
    judged = list(_verdicts(seed))
    kept = [label["text"] for label, verdict in judged if label["phi"] and verdict is Verdict.BENIGN]
    assert kept == []
    technical = [v for label, v in judged if not label["phi"] and label["kind"] == "technical"]
    share = technical.count(Verdict.BENIGN) / len(technical)
    assert share >= (0.9 if seed is None else 0.85)
