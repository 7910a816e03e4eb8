"""Raw bytes of an element to a typed value, or to a reason why there is none; no value is ever quoted.

Each kind of column has one function ``(raw, vr, context) -> value``; it raises `Unusable` with a
reason. An empty element is None without a reason. Numbers follow PS3.5 6.2, dates PS3.5 6.2 DA, TM
and DT; text is decoded by Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes

from scrub_pixels.frames.opening import PARSE_ERRORS, silenced

LONGEST_TEXT = 1024
LARGEST_INTEGER = 2**63 - 1
YEARS = (1800, 2200)
DAYS_IN_YEAR = 365.25

BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
INTEGERS = ("US", "SS", "UL", "SL", "UV", "SV")
AGE_UNITS = {"D": DAYS_IN_YEAR, "W": DAYS_IN_YEAR / 7, "M": 12.0, "Y": 1.0}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_UID = re.compile(rb"[0-9.]{1,64}\Z")
_INTEGER = re.compile(rb"[+-]?[0-9]{1,19}\Z")
_DECIMAL = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_AGE = re.compile(rb"([0-9]{3})([DWMY])\Z")
_DATE = re.compile(rb"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})\Z")
_TIME = re.compile(rb"([0-9]{2}):?(?:([0-9]{2}):?(?:([0-9]{2})(?:\.([0-9]{1,6}))?)?)?\Z")
_MOMENT = re.compile(rb"([0-9]{8})([0-9]{2}[0-9]{0,4}(?:\.[0-9]{1,6})?)?(?:[+-][0-9]{4})?\Z")


class Unusable(Exception):
    """The value does not fit its column; the argument is a reason free of the value."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of raw bytes depends on.

    Parameters
    ----------
    little
        Byte order of binary values.
    charset
        Value of Specific Character Set, raw.
    """

    little: bool = True
    charset: bytes = b""


def text(raw: bytes, vr: str, context: Context) -> str | None:
    """Return text without padding; several values stay joined by backslashes."""
    if vr in BINARY:
        return "\\".join(str(number) for number in numbers(raw, vr, context)) or None
    if vr in ("OB", "OW", "OF", "OD", "OL", "OV", "SQ", "AT"):
        raise Unusable("not text")
    value = _decoded(raw.rstrip(b"\0 "), vr, context).strip(" ")
    if len(value) > LONGEST_TEXT:
        raise Unusable("too long")
    if _CONTROL.search(value):
        raise Unusable("control characters")
    return value or None


def _decoded(raw: bytes, vr: str, context: Context) -> str:
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    if vr == "UC" and not context.charset:
        return _as(raw, "utf-8")
    names = context.charset.decode("ascii", "replace").rstrip("\0 ").split("\\")
    try:
        with silenced():
            encodings = convert_encodings([name.strip() for name in names])
            known = [encoding for encoding in encodings if encoding]
            delimiters = set(map(ord, "^=\\" if vr == "PN" else "\\\r\n\t\f"))
            value = decode_bytes(raw, known, delimiters)
    except PARSE_ERRORS:
        raise Unusable("characters outside its character set") from None
    if "\ufffd" in value:
        raise Unusable("characters outside its character set")
    return value


def _as(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeError:
        raise Unusable("characters outside its character set") from None


def uid(raw: bytes, vr: str, context: Context) -> str | None:
    """Return a UID: digits and dots, at most 64 (PS3.5 9.1)."""
    plain = raw.rstrip(b"\0 ").lstrip(b" ")
    if not plain:
        return None
    if not _UID.match(plain):
        raise Unusable("no UID")
    return plain.decode("ascii")


def integer(raw: bytes, vr: str, context: Context) -> int | None:
    """Return one whole number, binary or IS."""
    found = numbers(raw, vr, context, most=1)
    if not found:
        return None
    value = found[0]
    if not math.isfinite(value) or value != int(value) or abs(value) > LARGEST_INTEGER:
        raise Unusable("no whole number")
    return int(value)


def real(raw: bytes, vr: str, context: Context) -> float | None:
    """Return one finite number, binary, DS or IS."""
    found = numbers(raw, vr, context, most=1)
    if not found:
        return None
    value = float(found[0])
    if not math.isfinite(value):
        raise Unusable("no finite number")
    return value


def numbers(raw: bytes, vr: str, context: Context, most: int = 0) -> list[float]:
    """Return the numbers of an element, none if it is empty.

    Raises
    ------
    Unusable
        If one is no number, or there are more than `most`.
    """
    values = _binary(raw, vr, context) if vr in BINARY else _written(raw, vr)
    if most and len(values) > most:
        raise Unusable("several values")
    return values


def _binary(raw: bytes, vr: str, context: Context) -> list[float]:
    code = BINARY[vr]
    size = struct.calcsize("<" + code)
    if len(raw) % size:
        raise Unusable("a length that does not fit its VR")
    return list(struct.unpack(f"{'<' if context.little else '>'}{len(raw) // size}{code}", raw))


def _written(raw: bytes, vr: str) -> list[float]:
    if vr in ("OB", "OW", "OF", "OD", "SQ"):
        raise Unusable("no number")
    plain = raw.strip(b"\0 ")
    return [_number(one.strip(b" \0")) for one in plain.split(b"\\")] if plain else []


def _number(one: bytes) -> float:
    if _INTEGER.match(one):
        return int(one)
    if not _DECIMAL.match(one):
        raise Unusable("no number")
    return float(one)


def age(raw: bytes, vr: str, context: Context) -> float | None:
    """Return an AS value in years."""
    plain = raw.strip(b"\0 ").upper()
    if not plain:
        return None
    found = _AGE.match(plain)
    if not found:
        raise Unusable("no age")
    return round(int(found[1]) / AGE_UNITS[found[2].decode()], 3)


def day(raw: bytes, vr: str, context: Context) -> date | None:
    """Return a DA value."""
    plain = raw.strip(b"\0 ")
    if not plain:
        return None
    found = _DATE.match(plain)
    if not found:
        raise Unusable("no date")
    try:
        value = date(*(int(part) for part in found.groups()))
    except ValueError:
        raise Unusable("no date") from None
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise Unusable("an absurd year")
    return value


def clock(raw: bytes, vr: str, context: Context) -> time | None:
    """Return a TM value; second 60 becomes 59."""
    plain = raw.strip(b"\0 ")
    if not plain:
        return None
    found = _TIME.match(plain)
    if not found:
        raise Unusable("no time")
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        raise Unusable("no time")
    return time(hours, minutes, min(seconds, 59), int((found[4] or b"").ljust(6, b"0")))


def moment(raw: bytes, vr: str, context: Context) -> datetime | None:
    """Return a DT value of at least a day, without its offset from UTC."""
    plain = raw.strip(b"\0 ")
    if not plain:
        return None
    found = _MOMENT.match(plain)
    if not found:
        raise Unusable("no moment")
    on = day(found[1], "DA", context)
    at = clock(found[2] or b"00", "TM", context)
    return datetime.combine(on, at) if on is not None and at is not None else None


CONVERT: dict[str, Callable[[bytes, str, Context], Any]] = {
    "text": text, "uid": uid, "integer": integer, "real": real, "age": age, "date": day, "time": clock,
    "datetime": moment,
}
"""The kinds of columns and what makes their values."""
