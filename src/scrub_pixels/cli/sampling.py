"""Options that draw a sample: the same ones wherever instances of a catalog are chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from scrub_pixels.catalog.query import Question

Level = Literal["patient", "study", "series", "instance"]


@Parameter(name="*")
@dataclass(frozen=True)
class SampleOptions:
    """Options that draw some of what is chosen.

    Parameters
    ----------
    sample
        Draw that many, the same ones every time.
    sample_by
        Draw whole patients, studies or series, or instances.
    seed
        Another seed, another sample.
    stratify
        Column whose values the sample represents in proportion.
    """

    sample: int | None = None
    sample_by: Level = "instance"
    seed: int = 0
    stratify: str = ""

    def drawn_from(self, question: Question) -> Question:
        """Return the question with this sample drawn of its answer, or as it is if none is asked for."""
        if self.sample is None:
            return question
        from scrub_pixels.catalog.query import Sample

        return replace(question, sample=Sample(self.sample, self.sample_by, self.seed, self.stratify))


EVERY_ONE = SampleOptions()
