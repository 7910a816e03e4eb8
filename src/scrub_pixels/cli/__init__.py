"""The command ``scrub-pixels``: a default command for the main job, and sub-commands beside it.

Each module registers its commands with the application when it is imported here; what a command
needs beyond that is imported when it runs, so that ``--help`` stays fast.
"""

from __future__ import annotations

import os
import sys

from cyclopts import CycloptsError
from rich.console import Console

from scrub_pixels.cli import (
    catalog,
    evaluating,
    export,
    gateway,
    headers,
    looking,
    policies,
    quality,
    release,
    review,
    scrubbing,
    verify,
)
from scrub_pixels.cli.app import app
from scrub_pixels.errors import ScrubError, UsageError

COMMANDS = (scrubbing, review, policies, looking, headers, verify, evaluating, gateway, catalog, quality,
            release, export)
"""The modules whose commands this application has, in the order `--help` was written in."""

INTERRUPTED = 130

app.register_install_completion_command(name="--install-completion")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; errors are printed without a stack trace.

    Returns
    -------
    int
        The exit code: 0 all released, 10 some held, 1 some refused or the run failed, 2 wrong
        usage, 3 a missing dependency, 130 interrupted.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        return app(arguments, exit_on_error=False, print_error=True, result_action="return_value",
                   error_console=errors) or 0
    except CycloptsError:
        return UsageError.exit_code
    except ScrubError as error:
        errors.print(f"scrub-pixels: {error}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        errors.print("scrub-pixels: interrupted. What was finished is accounted for; go on with --resume.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def entry() -> None:
    """Leave the process with the exit code of `main`.

    Worker processes run the script again that started this one, unless it has no file: for this command
    they would import a command line that none of them needs.
    """
    vars(sys.modules["__main__"]).pop("__file__", None)
    sys.exit(main())
