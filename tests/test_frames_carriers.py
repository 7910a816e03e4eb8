"""Every other place of a data set that shows a picture or its text is listed."""

from __future__ import annotations

from instances import Recipe, make_instance, saved
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scrub_pixels.frames import CarrierKind, carriers, open_instance


def kinds(dataset: Dataset) -> list[CarrierKind]:
    return [carrier.kind for carrier in carriers(open_instance(saved(dataset)).dataset)]


def nested(item: Dataset) -> Dataset:
    dataset = make_instance()
    dataset.ReferencedImageSequence = Sequence([item])
    return dataset


def test_an_ordinary_instance_has_none() -> None:
    assert kinds(make_instance()) == []


def test_overlays_are_told_apart_by_where_their_bits_lie() -> None:
    dataset = make_instance(Recipe(bits_allocated=16, bits_stored=12))
    for group, own in ((0x6000, True), (0x6002, False), (0x601E, True)):
        dataset.add_new((group, 0x0010), "US", 36)
        dataset.add_new((group, 0x0011), "US", 48)
        if own:
            dataset.add_new((group, 0x3000), "OW", b"\1" * 216)
    assert kinds(dataset) == [CarrierKind.OVERLAY, CarrierKind.EMBEDDED_OVERLAY, CarrierKind.OVERLAY]
    first = carriers(dataset)[0]
    assert (first.tag, first.keyword, first.size) == (0x60003000, "OverlayData", 216)


def test_curves_icons_documents_and_graphics_are_listed() -> None:
    dataset = make_instance()
    dataset.add_new((0x5000, 0x3000), "OW", b"\1" * 64)
    dataset.IconImageSequence = Sequence([make_instance()])
    dataset.EncapsulatedDocument = b"%PDF-1.4"
    text = Dataset()
    text.UnformattedTextValue = "SENTINEL"
    annotation = Dataset()
    annotation.TextObjectSequence = Sequence([text])
    dataset.GraphicAnnotationSequence = Sequence([annotation])
    found = kinds(dataset)
    assert sorted(found) == sorted(
        [CarrierKind.CURVE, CarrierKind.ICON, CarrierKind.DOCUMENT, CarrierKind.GRAPHIC]
    )
    assert "SENTINEL" not in repr(carriers(dataset))


def test_pixels_in_sequences_are_listed_with_their_path() -> None:
    dataset = nested(make_instance())
    (carrier,) = carriers(dataset)
    assert carrier.kind is CarrierKind.NESTED_PIXELS
    assert carrier.path == (0x00081140,)


def test_icons_in_sequences_are_listed_once() -> None:
    inner = Dataset()
    inner.IconImageSequence = Sequence([make_instance()])
    assert kinds(nested(inner)) == [CarrierKind.ICON]


def test_private_elements_are_listed_if_large_or_like_pictures() -> None:
    dataset = make_instance()
    block = dataset.private_block(0x0029, "SCRUB TEST", create=True)
    block.add_new(1, "OB", b"\1" * 5000)
    block.add_new(2, "OB", b"\0" * 20 + b"\xff\xd8\xff\xe0" + b"\1" * 40)
    block.add_new(3, "OB", b"\1" * 100)
    block.add_new(4, "LO", "short")
    found = carriers(dataset)
    assert [carrier.kind for carrier in found] == [CarrierKind.PRIVATE] * 2
    assert [carrier.tag & 0xFF for carrier in found] == [1, 2]
    assert not found[0].keyword
