"""Inputs that would have one name in OUT: who gets it must not depend on which worker was faster.

Of inputs that claim one SOP Instance UID, the first in the ledger (which is the order of discovery)
has the plain name, every other content a name with a code, and a copy of any of them none of its
own. Workers cannot know who else will come; so whatever ended otherwise is found here, and done
again in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scrub_pixels.run.past import is_as_it_was, is_there
from scrub_pixels.run.work import second_name
from scrub_pixels.store.accounts import PLACE
from scrub_pixels.store.ledger import Ledger, Row


def misplaced(ledger: Ledger, secret: bytes) -> Iterator[list[Row]]:
    """Yield groups, each in the order it is to be done in, whose names are not those of that order."""
    for rows in ledger.twins():
        ordered = sorted(rows, key=lambda row: row.id)
        place = next(str(row.facts[PLACE]) for row in rows if PLACE in row.facts)
        stays = all(is_there(row) and is_as_it_was(row) for row in ordered)
        if stays and [row.output for row in ordered] != due(ordered, place, secret):
            yield ordered


def due(ordered: Sequence[Row], place: str, secret: bytes) -> list[str]:
    """Return the output each of these inputs should have; empty for a copy of one before it."""
    seen: set[str] = set()
    outputs = []
    for row in ordered:
        content = str(row.facts.get("sha256", ""))
        first = place if not seen else second_name(place, row.relative, secret)
        outputs.append("" if content in seen else first)
        seen.add(content)
    return outputs
