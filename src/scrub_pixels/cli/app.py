"""The application every command registers with, and the groups its options are shown in."""

from __future__ import annotations

from cyclopts import App, Group
from rich.console import Console

from scrub_pixels import __version__

INPUT = Group("What and where", sort_key=0)
POLICY = Group("What decides", sort_key=1)
RUNNING = Group("How it runs", sort_key=2)

app = App(
    name="scrub-pixels",
    version=__version__,
    help="""Remove burned-in identifiers from DICOM pixels and headers, change nothing else, and prove it.

Every input ends as released (in OUT), held (in the private workspace, for a person to look at), refused \
(with the reason) or not DICOM. Inputs are never changed.

Exit codes: 0 all released, 10 some held, 1 some refused, 2 wrong usage, 3 a missing dependency.
""",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)


def console(quiet: bool = False) -> Console:
    """Return what results are printed on."""
    return Console(quiet=quiet, highlight=False)
