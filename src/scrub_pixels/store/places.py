"""Tell folders from URLs, and refuse URLs that carry a secret."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from scrub_pixels.errors import UsageError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(place: Path | str) -> bool:
    """Tell whether a place is a URL and no path."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


def place_of(text: str) -> Path | str:
    """Return a path, or a URL as it is; ``file:///folder`` is the path it names.

    Raises
    ------
    UsageError
        If a URL carries a password: it would end up in the ledger.
    """
    if not is_url(text):
        return Path(text)
    parts = urlsplit(text)
    if parts.password is not None:
        raise UsageError("The URL carries a password.",
                         remedy="Give credentials through the environment or the configuration of fsspec.")
    return Path(parts.path) if parts.scheme.lower() in ("file", "local") else text
