"""Dates moved by whole days, at their own precision (PS3.5 6.2: DA, DT; PS3.15 E.3.6)."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DA = re.compile(r"(\d{4})(?:([.]?)(\d{2})\2(\d{2}))$")
_DT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(.*)$")
_TIME_OF_DT = re.compile(r"(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?(?:[+-]\d{4})?$")


class UnparsableDate(ValueError):
    """The value is no date that could be moved."""


def shifted(value: str, vr: str, days: int) -> str:
    """Return a DA or DT value moved by `days`; TM is returned as it is.

    Both ends of a range are moved. Precision, fraction of a second and UTC offset stay.

    Raises
    ------
    UnparsableDate
        If the value is not a valid DA, DT or TM, or leaves the calendar.
    """
    text = value.strip(" \0")
    if vr == "TM":
        return checked_time(text)
    move = _shifted_date if vr == "DA" else _shifted_datetime
    try:
        return "-".join(move(part, days) if part else "" for part in _ends(text, vr))
    except (ValueError, OverflowError) as error:
        raise UnparsableDate from error


def _ends(text: str, vr: str) -> list[str]:
    """Split a range (PS3.4 C.2.2.2.5); the dash of a UTC offset does not split."""
    if vr == "DA":
        return text.split("-")
    return re.split(r"(?<=[\d.])-(?=\d{5,}|$)|^-(?=\d)", text) if "-" in text else [text]


def _shifted_date(text: str, days: int) -> str:
    match = _DA.match(text)
    if not match:
        raise UnparsableDate
    year, dot, month, day = match.groups()
    return _moved(year, month, day, days).strftime(f"%Y{dot}%m{dot}%d")


def _shifted_datetime(text: str, days: int) -> str:
    match = _DT.match(text)
    if not match or not _TIME_OF_DT.match(match[4]) or (match[4][:1].isdigit() and not match[3]):
        raise UnparsableDate
    year, month, day, rest = match.groups()
    moved = _moved(year, month or "01", day or "01", days)
    return moved.strftime("%Y" + ("%m" if month else "") + ("%d" if day else "")) + rest


def _moved(year: str, month: str, day: str, days: int) -> date:
    moved = date(int(year), int(month), int(day)) + timedelta(days=days)
    if moved.year < 1000:
        raise UnparsableDate
    return moved


def checked_time(text: str) -> str:
    """Return a TM value as it is, if it is one."""
    if not re.fullmatch(r"[0-9:.\- ]{0,28}", text):
        raise UnparsableDate
    return text


def capped_age(value: str) -> str:
    """Return an AS value; ages over 89 years become 090Y (45 CFR 164.514(b)(2)(i)(C)).

    Raises
    ------
    UnparsableDate
        If the value is no age.
    """
    match = re.fullmatch(r"(\d{3})([DWMY])", value.strip(" \0"))
    if not match:
        raise UnparsableDate
    years = int(match[1]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]
    return "090Y" if years >= 90 else match[0]
