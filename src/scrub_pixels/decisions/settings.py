"""The settings of the decision stage: plain values, printable, picklable, the same in a policy file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class KeepPolicy(str, Enum):
    """Which text may stay in the pixels."""

    KEEP_HARMLESS = "keep-harmless"
    """What is proven harmless stays, all other text is masked."""

    ALL_TEXT = "all-text"
    """No text stays."""

    OUTSIDE_REGIONS = "outside-regions"
    """Everything outside the trusted regions of an ultrasound frame is masked, text or not; inside them
    what is proven harmless stays. Without trusted regions the Instance is held."""


class OnUncertain(str, Enum):
    """What happens to an Instance with something that may or may not be text."""

    HOLD = "hold"
    MASK = "mask"
    REFUSE = "refuse"


@dataclass(frozen=True)
class DecisionSettings:
    """Everything that decides what is taken for harmless, and what happens in doubt.

    Parameters
    ----------
    policy
        Which text may stay.
    on_uncertain
        What happens when a line is UNSURE. A search that is incomplete, or that saw something no
        line describes, is held whatever this says (refused if it says so).
    min_confidence
        Confidence of a reading, 0 to 1, from which it can prove a line harmless.
    weak_detection
        Confidence of a detection, 0 to 1, below which an unreadable spot may be no text at all:
        it is UNSURE instead of PHI.
    min_reading
        Confidence of a reading, 0 to 1, from which it shows that a weak detection is text after all.
    header_band
        Share of the rows, at the top and at the bottom, in which a word that is also a name is
        taken for the name.
    margin
        How far a redaction reaches beyond the ink, as a share of the height of the line.
    min_margin
        The least reach in samples.
    extra_vocabulary
        Further words and phrases that are harmless here (names of local presets, say). They are
        matched like the built-in ones and never outweigh a header match or a pattern.
    devices
        Paths of device catalogues, see `scrub_pixels.decisions.devices`.

    Raises
    ------
    ValueError
        If a share or a confidence is not between 0 and 1, or the least reach is negative.
    """

    policy: KeepPolicy = KeepPolicy.KEEP_HARMLESS
    on_uncertain: OnUncertain = OnUncertain.HOLD
    min_confidence: float = 0.6
    weak_detection: float = 0.3
    min_reading: float = 0.5
    header_band: float = 0.12
    margin: float = 0.2
    min_margin: int = 2
    extra_vocabulary: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("min_confidence", "weak_detection", "min_reading", "header_band"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a share between 0 and 1")
        if self.margin < 0 or self.min_margin < 0:
            raise ValueError("margin and min_margin are not negative")
        object.__setattr__(self, "policy", KeepPolicy(self.policy))
        object.__setattr__(self, "on_uncertain", OnUncertain(self.on_uncertain))
        object.__setattr__(self, "extra_vocabulary", tuple(self.extra_vocabulary))
        object.__setattr__(self, "devices", tuple(self.devices))
