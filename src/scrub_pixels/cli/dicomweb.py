"""What is wanted of a DICOMweb service, off the command line: others on a machine can see that."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from scrub_pixels.errors import UsageError

SCHEME = "dicomweb+"
QUERY_VARIABLE = "SCRUB_PIXELS_DICOMWEB_QUERY"
IDENTIFYING = frozenset({"patientid", "patientname", "patientbirthdate", "accessionnumber", "otherpatientids",
                         "00100010", "00100020", "00100030", "00080050", "00101000"})
"""Attributes of a query, by keyword or tag in lower case, whose values name somebody."""


def is_dicomweb(source: str) -> bool:
    """Tell whether IN is a DICOMweb service."""
    return source.lower().startswith(SCHEME)


def with_query(url: str, file: Path | None) -> str:
    """Return the URL of a service with what a file, or the environment, says is wanted of it.

    Parameters
    ----------
    url
        ``dicomweb+https://host/dicom-web``, with a query of its own or without.
    file
        An ``Attribute=value`` a line, values as they are. Without one, `QUERY_VARIABLE` is looked at if
        the URL has no query.

    Raises
    ------
    UsageError
        If the file cannot be read, or a line is not of that form; values are not repeated.
    """
    parts = urlsplit(url)
    text = _content(file) if file else "" if parts.query else os.environ.get(QUERY_VARIABLE, "")
    wanted = [*parse_qsl(parts.query), *map(_pair, filter(str.strip, text.splitlines()))]
    return urlunsplit(parts._replace(query=urlencode(wanted))) if text else url


def names_somebody(url: str) -> bool:
    """Tell whether the query of a URL names a patient or a case."""
    return any(name.lower() in IDENTIFYING for name, _ in parse_qsl(urlsplit(url).query))


def _content(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text.strip():
        raise UsageError("The file with the query cannot be read, or is empty.", remedy="Check its path.")
    return text


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.strip().partition("=")
    if not equals or not name.strip().isalnum():
        raise UsageError("A line of the query is not of the form Attribute=value.",
                         remedy="For example: StudyDate=20240101-20241231; an attribute a line.")
    return name.strip(), value.strip()
