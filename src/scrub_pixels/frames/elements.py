"""Elements of a data set, quickly: what is converted already is handed out as it stands.

``Dataset.__getitem__`` and iteration look at every element as if it had never been read; a small file goes
through a dozen walks. What is not converted yet still goes through pydicom.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag


def element_of(dataset: Dataset, tag: BaseTag) -> DataElement:
    """Return what ``dataset[tag]`` returns.

    Raises
    ------
    KeyError
        If there is no such element; and whatever pydicom raises on a value that cannot be converted.
    """
    found = dataset.get_item(tag)
    return found if isinstance(found, DataElement) else dataset[tag]


def elements_in(dataset: Dataset) -> Iterator[DataElement]:
    """Yield every element in the order of tags, as iterating over the data set does."""
    for tag, found in sorted(dataset.items(), key=_number):
        yield found if isinstance(found, DataElement) else dataset[tag]


def _number(entry: tuple[BaseTag, object]) -> int:
    return int(entry[0])
