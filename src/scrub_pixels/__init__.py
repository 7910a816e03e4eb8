"""Take the patient's name off the picture, and out of the header, and prove it.

>>> from scrub_pixels import Policy, Scrubber

`Scrubber` takes one Instance through every stage without touching the disk, `scrub_all` many of
them, `ascrub_all` without blocking an event loop; the command
``scrub-pixels IN OUT`` does the same for folders. ``scrub_pixels.pipeline`` is the place to
start reading.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scrub_pixels.errors import ScrubError as ScrubError
    from scrub_pixels.pipeline import Held as Held
    from scrub_pixels.pipeline import Scrubbed as Scrubbed
    from scrub_pixels.pipeline import Scrubber as Scrubber
    from scrub_pixels.policy import Policy as Policy
    from scrub_pixels.run.iterate import ascrub_all as ascrub_all
    from scrub_pixels.run.iterate import scrub_all as scrub_all
    from scrub_pixels.run.iterate import scrub_as_completed as scrub_as_completed
    from scrub_pixels.run.outcomes import Refused as Refused

__version__ = version("scrub-pixels")

_HOME = {"Held": "pipeline", "Policy": "policy", "ScrubError": "errors", "Scrubbed": "pipeline",
         "Scrubber": "pipeline", "Refused": "run.outcomes", "scrub_all": "run.iterate",
         "scrub_as_completed": "run.iterate", "ascrub_all": "run.iterate"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``scrub-pixels --help`` stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"scrub_pixels.{_HOME[name]}"), name)
