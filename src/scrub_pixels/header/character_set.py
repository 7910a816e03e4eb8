"""The character set of what is written: the input's, unless text that is kept cannot be spelt in it.

pydicom reads some values that it cannot write, such as half-width katakana beside Latin letters in
ISO_IR 13 (PS3.3 C.12.1.1.2), and puts question marks. Then the data set becomes UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS, PersonName

from scrub_pixels.header.actions import Tally
from scrub_pixels.header.reading import ODD_DATA, values_of

CHARACTER_SET = 0x00080005
UTF_8 = "ISO_IR 192"
_UNDECODED = "\ufffd"


def keep_spellable(dataset: Dataset, tally: Tally) -> None:
    """Change a data set to UTF-8, in place, if a value would else be written with replacement characters."""
    levels = list(_levels(dataset, ("iso8859",)))
    if all(_is_spellable(value, encodings) for level, encodings in levels for value in _texts(level)):
        return
    for level, _ in levels[1:]:
        if CHARACTER_SET in level:
            del level[CHARACTER_SET]
    dataset.SpecificCharacterSet = UTF_8
    tally.warn(CHARACTER_SET, "cannot spell all that is kept; the text is now UTF-8")


def _levels(dataset: Dataset, inherited: Sequence[str]) -> Iterator[tuple[Dataset, Sequence[str]]]:
    """Yield a data set and all items in it, each with the Python encodings it is written in."""
    encodings = inherited
    if CHARACTER_SET in dataset:
        encodings = convert_encodings(dataset[CHARACTER_SET].value or "ISO_IR 6")
    yield dataset, encodings
    for element in dataset.values():
        if isinstance(element, DataElement) and element.VR == "SQ":
            for item in element.value or ():
                yield from _levels(item, encodings)


def _texts(level: Dataset) -> Iterator[str | PersonName]:
    """Yield the values of one level that are not plain ASCII."""
    for element in level.values():
        if isinstance(element, DataElement) and element.VR in CUSTOMIZABLE_CHARSET_VR:
            yield from (v for v in values_of(element)
                        if isinstance(v, str | PersonName) and not str(v).isascii())


def _is_spellable(value: str | PersonName, encodings: Sequence[str]) -> bool:
    """Tell whether a value is read as it is written. What could not be decoded is lost already."""
    if _UNDECODED in str(value):
        return True
    try:
        if isinstance(value, PersonName):
            return str(PersonName(PersonName(str(value)).encode(encodings), encodings)) == str(value)
        return decode_bytes(encode_string(value, encodings), encodings, set(TEXT_VR_DELIMS)) == value
    except ODD_DATA:
        return False
