"""One Instance as a value, whatever becomes of it: for callers who want no exceptions."""

from __future__ import annotations

from dataclasses import dataclass

from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.pipeline import Held, Scrubbed, Scrubber, Source
from scrub_pixels.run.limits import out_of_memory
from scrub_pixels.run.work import unforeseen


@dataclass(frozen=True)
class Refused:
    """An input that is not released, and why; free of identifiers.

    Parameters
    ----------
    code
        One word: ``not-dicom``, ``unreadable``, ``corrupt``, ``unsupported``, ``too-large``, ``memory``,
        ``proof-failed``, ``header-not-clean``, ``internal-error`` or ``refused``.
    stage
        The stage that refused.
    message
        A sentence for a person, with the remedy.
    """

    code: str
    stage: str
    message: str

    @classmethod
    def because_of(cls, refusal: Refusal) -> Refused:
        """Return the value that stands for an exception."""
        return cls(refusal.code, refusal.stage, str(refusal))


Outcome = Scrubbed | Held | Refused


def outcome_of(scrubber: Scrubber, source: Source) -> Outcome:
    """Scrub one Instance, and return a refusal as a value too.

    Raises
    ------
    ScrubError
        If nothing can be scrubbed at all (a missing dependency).
    """
    try:
        return scrubber.scrub(source)
    except Refusal as refusal:
        return Refused.because_of(refusal)
    except ScrubError:
        raise
    except MemoryError:
        return Refused.because_of(out_of_memory())
    except Exception as error:  # noqa: BLE001 - the boundary: one Instance must not end the others
        return Refused.because_of(unforeseen(error))
