"""Check that IN and OUT are places one can mean."""

from __future__ import annotations

import os
from pathlib import Path

from scrub_pixels.errors import UsageError
from scrub_pixels.store.atomic import was_written_here
from scrub_pixels.store.objects import is_empty_prefix, is_prefix_of_ours, is_web


def check_places(source: Path | str, out: Path | str, resume: bool) -> None:
    """Refuse what cannot be meant.

    Raises
    ------
    UsageError
        If IN does not exist, IN and OUT lie in each other, or OUT holds files already (those of
        others, if this run resumes another).
    """
    if isinstance(source, Path):
        _check_source(source)
    if isinstance(source, Path) and isinstance(out, Path):
        _check_apart(Path(os.path.realpath(source)), Path(os.path.realpath(out)))
    if isinstance(source, str) and isinstance(out, str):
        _check_prefixes_apart(source.rstrip("/") + "/", out.rstrip("/") + "/")
    if isinstance(out, Path):
        _check_folder(Path(os.path.realpath(out)), resume)
    else:
        _check_prefix(out, resume)


def _check_source(source: Path) -> None:
    if not source.exists():
        raise UsageError("IN does not exist.", remedy="Check the path.")


def _check_apart(source: Path, out: Path) -> None:
    if source == out or source in out.parents:
        raise UsageError("OUT lies inside IN.", remedy="Choose an output folder outside of the input.")
    if out in source.parents:
        raise UsageError("IN lies inside OUT.", remedy="Choose an output folder outside of it.")


def _check_prefixes_apart(source: str, out: str) -> None:
    if source.startswith(out) or out.startswith(source):
        raise UsageError("IN and OUT lie in each other.", remedy="Choose prefixes apart from each other.")


def _check_folder(out: Path, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError("OUT is not a folder.", remedy="Name a folder.")
    _check_content(resume or not out.is_dir() or not any(out.iterdir()), not resume or was_written_here(out))


def _check_prefix(out: str, resume: bool) -> None:
    if is_web(out):
        raise UsageError("OUT is on a plain web server, which takes no files.",
                         remedy="Name a folder, or a URL that can be written, such as s3://, gs:// or az://.")
    _check_content(resume or is_empty_prefix(out), not resume or is_prefix_of_ours(out))


def _check_content(new: bool, ours: bool) -> None:
    if not new:
        raise UsageError("OUT is not empty.", remedy="Choose a new folder, or go on with --resume.")
    if not ours:
        raise UsageError("OUT holds files, but was not written by scrub-pixels.",
                         remedy="Name the output folder of the earlier run.")
