"""Where an Instance comes from, as far as the private review queue has to know it."""

from __future__ import annotations

from pydicom import Dataset

from scrub_pixels.decisions import harvest
from scrub_pixels.frames import Instance
from scrub_pixels.header import ProjectKey
from scrub_pixels.header.needles import Needles, needles_of
from scrub_pixels.store.accounts import Origin

LONGEST = 64
TOKEN = 16


def origin_of(instance: Instance, key: ProjectKey, naming: str) -> Origin:
    """Return what tells an Instance apart in the queue: words only where they identify nobody.

    Parameters
    ----------
    instance
        As read, identified.
    key
        The project key: the Series, and words that identify, become its tokens.
    naming
        How outputs of this run are named.
    """
    dataset, identity = instance.dataset, harvest(instance.dataset)
    numbers = {name: _number(dataset, keyword) for name, keyword in _SIZES}
    needles = needles_of(identity)
    device = _shown(device_name(dataset), needles, key)
    plain = device == device_name(dataset)
    return Origin(
        modality=_shown(_text(dataset, "Modality"), needles, key),
        device=device,
        manufacturer=_text(dataset, "Manufacturer") if plain else "",
        model=_text(dataset, "ManufacturerModelName") if plain else "",
        series=series_token(key, _text(dataset, "SeriesInstanceUID")),
        naming=naming,
        frames=instance.frames,
        words=frozenset(word_token(key, word) for word in identity.words()),
        patient=patient_token(key, dataset),
        **numbers,
    )


_SIZES = (("rows", "Rows"), ("columns", "Columns"))


def device_name(dataset: Dataset) -> str:
    """Return Manufacturer and Manufacturer's Model Name in capitals, as one line."""
    words = f"{_text(dataset, 'Manufacturer')} {_text(dataset, 'ManufacturerModelName')}"
    return " ".join(words.split()).upper()[:LONGEST]


_OF_A_PERSON = ("IssuerOfPatientID", "PatientID"), ("PatientName", "PatientBirthDate")


def patient_token(key: ProjectKey, dataset: Dataset) -> str:
    """Return the keyed token of whom an Instance is of: by number, else by name and date of birth."""
    for keywords in _OF_A_PERSON:
        words = [" ".join(_text(dataset, keyword).upper().split()) for keyword in keywords]
        if words[1] or words[0] and keywords[0] == "PatientName":
            return _token(key, "patient", "\0".join((keywords[0], *words)))
    return ""


def series_token(key: ProjectKey, uid: str) -> str:
    """Return the keyed token of a Series Instance UID."""
    return _token(key, "series", uid.strip()[:LONGEST])


def word_token(key: ProjectKey, word: str) -> str:
    """Return the keyed token of a folded word of an identifier."""
    return _token(key, "identifier word", word)


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()[:LONGEST]


def _number(dataset: Dataset, keyword: str) -> int:
    value = dataset.get(keyword)
    return value if isinstance(value, int) else 0


def _shown(text: str, needles: Needles, key: ProjectKey) -> str:
    """Return a word of the header as it is, or its token if it holds an identifier."""
    plain = "".join(c for c in text if c.isprintable())
    return _token(key, "header word", plain) if plain and needles.hit(plain) else plain


def _token(key: ProjectKey, purpose: str, text: str) -> str:
    return key.digest(text.encode(), purpose)[:TOKEN] if text else ""
