"""Pictures beside the frames: overlay planes, icons, curves, documents, slide labels, private images."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from instances import Recipe, make_instance
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from scrub_pixels import Held, Policy, Scrubber
from scrub_pixels.errors import ProofFailed, UnsupportedInstance
from scrub_pixels.frames import CarrierKind, carriers, open_instance, overlay_groups, read_plane
from scrub_pixels.frames.syntaxes import BIG_ENDIAN, JPEG_BASELINE
from scrub_pixels.header import PROFILES, ProjectKey
from scrub_pixels.header.recipe import Recipe as HeaderRecipe
from scrub_pixels.policy import Icons, Passage, from_table

KEY = ProjectKey.from_bytes(bytes(range(32)))
NAME = "QUIXOTEWSKI"
SHAPE = (96, 320)


def written(*texts: str, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return a picture with lines of text, 0 or 255."""
    picture = np.zeros(shape, np.uint8)
    for row, text in enumerate(texts):
        cv2.putText(picture, text, (12, 32 + 40 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    return np.where(picture > 127, np.uint8(255), np.uint8(0))


def plain(**attributes: object) -> Dataset:
    """Return a black image without any text."""
    dataset = make_instance(frames=[np.zeros(SHAPE, np.uint8)])
    dataset.PatientName = f"{NAME}^Sancho"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def add_overlay(dataset: Dataset, pictures: list[np.ndarray], group: int = 0x6000, vr: str = "OW") -> None:
    """Add an overlay plane that shows `pictures`, one to a frame."""
    rows, columns = pictures[0].shape
    bits = np.concatenate([(picture > 0).reshape(-1) for picture in pictures])
    data = np.packbits(bits, bitorder="little").tobytes()
    data += b"\0" * (len(data) % 2)
    if vr == "OW" and dataset.file_meta.TransferSyntaxUID == BIG_ENDIAN:
        data = np.frombuffer(data, np.uint16).byteswap().tobytes()
    for element, kind, value in (
        (0x10, "US", rows), (0x11, "US", columns), (0x15, "IS", len(pictures)), (0x40, "CS", "G"),
        (0x22, "LO", f"Overlay of {NAME}"), (0x50, "SS", [1, 1]), (0x51, "US", 1), (0x100, "US", 1),
        (0x102, "US", 0), (0x1500, "LO", NAME), (0x3000, vr, data),
    ):  # fmt: skip
        dataset.add_new((group, element), kind, value)


def to_bytes(dataset: Dataset) -> bytes:
    memory = io.BytesIO()
    dataset.save_as(memory, enforce_file_format=True)
    return memory.getvalue()


def accounts(outcome) -> dict[tuple[str, str], int]:
    return {(a.carrier, a.fate): a.count for a in outcome.evidence.carriers}


@pytest.fixture(scope="module")
def basic() -> Scrubber:
    return Scrubber(Policy(), KEY)


@pytest.fixture(scope="module")
def graphics(basic) -> Scrubber:
    return sharing(basic, profile=PROFILES["midi"])


def sharing(scrubber: Scrubber, **changes: object) -> Scrubber:
    """Return a Scrubber of another policy with the same networks, which are slow to load."""
    other = object.__new__(Scrubber)
    other.__dict__.update(scrubber.__dict__, policy=replace(scrubber.policy, **changes))
    return other


def test_the_basic_profile_removes_overlays_and_says_so(basic) -> None:
    dataset = plain()
    add_overlay(dataset, [written("LEFT ATRIUM")])
    outcome = basic.scrub(dataset)
    assert overlay_groups(outcome.dataset) == ()
    assert accounts(outcome) == {("overlay plane", "removed"): 1}


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", BIG_ENDIAN, JPEG_BASELINE])
def test_clean_graphics_keeps_an_overlay_without_names_bit_for_bit(graphics, syntax) -> None:
    dataset = make_instance(Recipe(syntax=syntax), frames=[np.zeros(SHAPE, np.uint8)])
    picture = written("LEFT ATRIUM")
    add_overlay(dataset, [picture])
    outcome = graphics.scrub(dataset)
    found = open_instance(to_bytes(outcome.dataset))
    assert np.array_equal(read_plane(found, 0x6000).bits(0) * 255, picture)
    assert accounts(outcome) == {("overlay plane", "kept"): 1}
    assert NAME.encode() not in to_bytes(outcome.dataset)


def test_clean_graphics_clears_a_name_and_nothing_else(graphics) -> None:
    dataset = plain()
    picture = written("LEFT ATRIUM", NAME)
    picture[:, 310:] = 255
    add_overlay(dataset, [picture])
    outcome = graphics.scrub(dataset)
    shown = read_plane(open_instance(to_bytes(outcome.dataset)), 0x6000).bits(0) * 255
    assert accounts(outcome) == {("overlay plane", "cleaned"): 1}
    assert not shown[50:, :240].any()
    assert np.array_equal(shown[:44], picture[:44]) and shown[:, 310:].all()


def test_a_name_in_one_frame_of_a_multi_frame_overlay_goes(graphics) -> None:
    dataset = make_instance(frames=[np.zeros(SHAPE, np.uint8)] * 3)
    dataset.PatientName = f"{NAME}^Sancho"
    add_overlay(dataset, [written("", "LEFT"), written(NAME), written("", "LEFT")])
    dataset[0x6000, 0x0051].value = 1
    outcome = graphics.scrub(dataset)
    plane = read_plane(open_instance(to_bytes(outcome.dataset)), 0x6000)
    assert (plane.frames, plane.first_frame) == (3, 1)
    assert not plane.bits(1).any()
    assert np.array_equal(plane.bits(0) * 255, written("", "LEFT"))


def test_planes_of_unused_bits_move_out_of_the_samples_and_lose_names(graphics, basic) -> None:
    picture = written("LEFT ATRIUM", NAME)
    samples = np.full(SHAPE, 700, np.uint16)
    words = samples | (picture > 0).astype(np.uint16) << 14
    recipe = Recipe(bits_allocated=16, bits_stored=12)
    dataset = make_instance(recipe, frames=[samples], pixel_data=words.tobytes(), PatientName=f"{NAME}^S")
    for element, value in ((0x10, SHAPE[0]), (0x11, SHAPE[1]), (0x100, 16), (0x102, 14)):
        dataset.add_new((0x6002, element), "US", value)
    kept, removed = graphics.scrub(dataset), basic.scrub(dataset)
    for outcome in (kept, removed):
        found = open_instance(to_bytes(outcome.dataset))
        assert not found.unused_bits and np.array_equal(found.stored(0), samples)
        assert accounts(outcome)["bits outside Bits Stored", "cleared"] == 1
    plane = read_plane(open_instance(to_bytes(kept.dataset)), 0x6002)
    assert np.array_equal(plane.bits(0)[:44] * 255, picture[:44]) and not plane.bits(0)[50:].any()
    assert overlay_groups(removed.dataset) == ()


@pytest.mark.parametrize(
    ("element", "value"), [(0x3000, b"\1\2"), (0x10, 0), (0x11, 65535), (0x10, None), (0x50, [1]), (0x15, -4)]
)
def test_planes_that_cannot_be_are_removed_and_harm_nothing(graphics, element, value) -> None:
    dataset = plain()
    add_overlay(dataset, [written("LEFT")])
    if value is None:
        del dataset[0x6000, element]
    else:
        dataset[0x6000, element].value = value
    outcome = graphics.scrub(dataset)
    if element in (0x50, 0x15):
        assert accounts(outcome) == {("overlay plane", "kept"): 1}
    else:
        assert overlay_groups(outcome.dataset) == ()


def test_curves_icons_and_nested_pixels_go(basic) -> None:
    dataset = plain()
    dataset.add_new((0x5000, 0x0005), "US", 2)
    dataset.add_new((0x5000, 0x2500), "LO", NAME)
    dataset.add_new((0x5000, 0x3000), "OW", b"\1" * 64)
    dataset.IconImageSequence = Sequence([plain()])
    inner = plain()
    inner.IconImageSequence = Sequence([plain()])
    dataset.ReferencedImageSequence = Sequence([inner])
    outcome = basic.scrub(dataset)
    assert carriers(outcome.dataset) == ()
    assert accounts(outcome) == {
        ("curve data", "removed"): 1, ("icon image", "removed"): 2, ("pixels in a sequence", "removed"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("colour", [False, True])
def test_an_icon_is_rebuilt_from_the_masked_frame(basic, colour) -> None:
    picture = np.full((128, 400), 40, np.uint8)
    picture[70:120, 20:380] = 180
    cv2.putText(picture, NAME, (12, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 3)
    frames = [np.stack([picture] * 3, axis=-1) if colour else picture]
    recipe = Recipe(photometric="RGB" if colour else "MONOCHROME2")
    dataset = make_instance(recipe, frames=frames, PatientName=f"{NAME}^S")
    dataset.IconImageSequence = Sequence([plain()])
    outcome = sharing(basic, icons=Icons.REBUILD).scrub(dataset)
    (icon,) = dcmread(io.BytesIO(to_bytes(outcome.dataset))).IconImageSequence
    assert (icon.Rows, icon.Columns) == (20, 64)
    assert accounts(outcome) == {("icon image", "rebuilt"): 1}
    icon.file_meta = outcome.dataset.file_meta
    shown = open_instance(icon).views(0)[0].image
    grey = shown if shown.ndim == 2 else shown[..., 1]
    assert grey[:7, 4:40].max() < 80 and grey[14:18, 10:50].min() > 140


def test_no_icon_is_made_where_there_was_none(basic) -> None:
    outcome = sharing(basic, icons=Icons.REBUILD).scrub(plain())
    assert "IconImageSequence" not in outcome.dataset


def test_images_in_private_elements_go_even_if_a_list_or_a_recipe_keeps_them(basic) -> None:
    dataset = plain()
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x0D, "OB", b"\xff\xd8\xff\xe0" + bytes(60))
    block.add_new(0x0E, "OB", bytes(range(256)) * 16)
    block.add_new(0x0F, "US", [7] * 2000)
    rules = "FORMAT dicom\n%header\n" + "\n".join(f"KEEP (0019,10{e:02x})" for e in range(0x0C, 0x10))
    keeping = replace(PROFILES["midi"], recipe=HeaderRecipe(rules))
    for profile in (PROFILES["midi"], keeping):
        outcome = sharing(basic, profile=profile).scrub(dataset)
        assert not [c for c in carriers(outcome.dataset) if c.kind is CarrierKind.PRIVATE]
        assert accounts(outcome)["private bulk data", "removed"] == 3


def test_a_picture_in_a_palette_or_profile_goes(basic) -> None:
    dataset = plain()
    dataset.add_new("ICCProfile", "OB", b"\x89PNG" + bytes(200))
    outcome = basic.scrub(dataset)
    assert "ICCProfile" not in outcome.dataset
    assert accounts(outcome) == {("picture in an attribute for something else", "removed"): 1}


@pytest.mark.parametrize(
    ("attributes", "whole"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"], "Modality": "SM"}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"], "Modality": "SM"}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "Modality": "SM"}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL"], "Modality": "MR"}, False),
        ({"SpecimenLabelInImage": "YES"}, True),
    ],
)
def test_images_of_slide_labels_are_black_throughout(basic, attributes, whole) -> None:
    dataset = make_instance(frames=[np.full(SHAPE, 90, np.uint8)] * 2, **attributes)
    outcome = basic.scrub(dataset)
    assert bool(outcome.dataset.pixel_array.any()) is not whole
    assert outcome.evidence.clean and outcome.dataset.BurnedInAnnotation == "NO"


def without_frames(sop_class: str, **attributes: object) -> Dataset:
    dataset = plain(SOPClassUID=sop_class, **attributes)
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    return dataset


PDF, GREYSCALE_STATE, TEXT_REPORT, VOICE = (
    f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("104.1", "11.1", "88.11", "9.4.1")
)


def test_documents_follow_the_policy(basic) -> None:
    dataset = without_frames(PDF, EncapsulatedDocument=f"%PDF {NAME}".encode())
    with pytest.raises(UnsupportedInstance) as refusal:
        basic.scrub(dataset)
    assert NAME not in str(refusal.value)
    held = sharing(basic, documents=Passage.HOLD).scrub(dataset)
    assert isinstance(held, Held) and held.reasons
    passed = sharing(basic, documents=Passage.HEADER).scrub(dataset)
    assert NAME.encode() not in to_bytes(passed.dataset)
    assert len(passed.dataset.EncapsulatedDocument) < 8


@pytest.mark.parametrize("sop_class", [GREYSCALE_STATE, TEXT_REPORT])
def test_reports_and_presentation_states_follow_the_policy(basic, sop_class) -> None:
    dataset = without_frames(sop_class)
    assert not isinstance(basic.scrub(dataset), Held)
    assert isinstance(sharing(basic, reports=Passage.HOLD).scrub(dataset), Held)
    with pytest.raises(UnsupportedInstance):
        sharing(basic, reports=Passage.REFUSE).scrub(dataset)


def voice(sop_class: str, hertz: object, interpretation: str) -> Dataset:
    dataset, group = without_frames(sop_class), Dataset()
    group.SamplingFrequency, group.WaveformSampleInterpretation = hertz, interpretation
    group.add_new("WaveformData", "OB", b"\1\2" * 20)
    dataset.WaveformSequence = Sequence([group])
    return dataset


@pytest.mark.parametrize(
    ("dataset", "audible"),
    [
        (voice(VOICE, "500", "SS"), True),
        (voice("1.2.840.10008.5.1.4.1.1.9.1.1", "8000", "SS"), True),
        (voice("1.2.840.10008.5.1.4.1.1.9.1.1", "500", "MB"), True),
        (voice("1.2.840.10008.5.1.4.1.1.9.1.1", "500", "SS"), False),
    ],
)
def test_what_may_be_a_voice_is_refused_unless_the_policy_lets_it_pass(basic, dataset, audible) -> None:
    if not audible:
        assert basic.scrub(dataset).dataset.PatientIdentityRemoved == "YES"
        return
    with pytest.raises(UnsupportedInstance):
        basic.scrub(dataset)
    passed = sharing(basic, audio=Passage.HEADER).scrub(dataset)
    assert passed.dataset.PatientIdentityRemoved == "NO"


def annotated(*texts: str) -> Dataset:
    dataset, annotation = without_frames(GREYSCALE_STATE), Dataset()
    objects = []
    for text in texts:
        item = Dataset()
        item.UnformattedTextValue, item.AnchorPointVisibility = text, "N"
        item.BoundingBoxAnnotationUnits = "DISPLAY"
        objects.append(item)
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER", Sequence(objects)
    dataset.GraphicAnnotationSequence = Sequence([annotation])
    return dataset


def test_text_of_graphics_is_judged_like_text_that_is_burned_in(graphics) -> None:
    """Dulcinea stands nowhere in the header, so that no search for its identifiers would find her."""
    outcome = graphics.scrub(annotated("LEFT ATRIUM", "Dulcinea Toboso", "12.5 mm"))
    (annotation,) = outcome.dataset.GraphicAnnotationSequence
    assert [item.UnformattedTextValue for item in annotation.TextObjectSequence] == ["LEFT ATRIUM", "12.5 mm"]
    assert accounts(outcome) == {("graphic annotation", "kept"): 2, ("graphic annotation", "removed"): 1}


def test_the_basic_profile_leaves_no_text_of_graphics(basic) -> None:
    assert b"ATRIUM" not in to_bytes(basic.scrub(annotated("LEFT ATRIUM")).dataset)


def test_a_picture_that_nobody_searched_is_never_released(basic, monkeypatch) -> None:
    dataset = plain()
    add_overlay(dataset, [written(NAME)])
    monkeypatch.setattr("scrub_pixels.beside.without_pictures", lambda dataset: (dataset, {}))
    monkeypatch.setattr("scrub_pixels.pipeline.deidentify", lambda dataset, *_: type(
        "Header", (), {"dataset": dataset, "actions": {}, "codes": (), "warnings": (), "pairs": None,
                       "pseudonym": ""}))
    with pytest.raises(ProofFailed):
        basic.scrub(dataset)


def test_headers_alone_search_no_overlay_and_keep_none(basic) -> None:
    dataset = plain()
    add_overlay(dataset, [written("LEFT")])
    outcome = sharing(basic, header_only=True, profile=PROFILES["midi"]).scrub(dataset)
    assert overlay_groups(outcome.dataset) == ()


def test_functional_groups_and_concatenations_pass_like_any_instance(basic) -> None:
    dataset = make_instance(frames=[np.zeros(SHAPE, np.uint8)] * 2)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.2"
    dataset.ConcatenationUID, dataset.SOPInstanceUIDOfConcatenationSource = "1.2.3.4.5", "1.2.3.4.6"
    dataset.InConcatenationNumber, dataset.ConcatenationFrameOffsetNumber = 2, 40
    groups = []
    for number in (1, 2):
        content, group = Dataset(), Dataset()
        content.FrameAcquisitionNumber, content.InStackPositionNumber = 1, number
        group.FrameContentSequence = Sequence([content])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    first, second = basic.scrub(dataset).dataset, basic.scrub(dataset).dataset
    stack = [g.FrameContentSequence[0].InStackPositionNumber for g in first.PerFrameFunctionalGroupsSequence]
    assert stack == [1, 2]
    assert (first.InConcatenationNumber, first.ConcatenationFrameOffsetNumber) == (2, 40)
    assert first.ConcatenationUID == second.ConcatenationUID != "1.2.3.4.5"


def test_the_settings_have_plain_names() -> None:
    policy = from_table({"documents": "hold", "reports": "refuse", "audio": "header", "icons": "rebuild"})
    assert (policy.documents, policy.reports) == (Passage.HOLD, Passage.REFUSE)
    assert (policy.audio, policy.icons) == (Passage.HEADER, Icons.REBUILD)
    assert Policy().documents is Policy().audio is Passage.REFUSE


def test_what_another_tool_claimed_of_the_pixels_is_not_repeated_unproven(basic) -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "113101", "DCM", "Clean Pixel Data Option"
    dataset = plain(DeidentificationMethodCodeSequence=Sequence([item]), PatientIdentityRemoved="YES")
    unproven, proven = sharing(basic, header_only=True).scrub(dataset).dataset, basic.scrub(dataset).dataset
    codes = [[i.CodeValue for i in d.DeidentificationMethodCodeSequence] for d in (unproven, proven)]
    assert [found.count("113101") for found in codes] == [0, 1]
    assert (unproven.PatientIdentityRemoved, proven.PatientIdentityRemoved) == ("NO", "YES")


def scanned(**attributes: object) -> Dataset:
    """Return an ultrasound frame with a scan, harmless text outside of it, and its region."""
    picture = np.full((240, 320), 4, np.uint8)
    picture[60:220, 64:288] = np.random.default_rng(3).integers(60, 160, (160, 224))
    cv2.putText(picture, "LEFT", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = 1, 1
    region.RegionLocationMinY0, region.RegionLocationMinX0 = 60, 64
    region.RegionLocationMaxY1, region.RegionLocationMaxX1 = 219, 287
    dataset = make_instance(frames=[picture] * 2, SequenceOfUltrasoundRegions=Sequence([region]))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def test_outside_regions_blanks_all_but_the_scan(basic) -> None:
    strict = from_table({"decisions": {"policy": "outside-regions"}}).decisions
    before, outcome = scanned(), sharing(basic, decisions=strict).scrub(scanned())
    after = outcome.dataset.pixel_array
    assert np.array_equal(after[:, 60:220, 64:288], before.pixel_array[:, 60:220, 64:288])
    outside = np.ones((240, 320), bool)
    outside[60:220, 64:288] = False
    assert not after[:, outside].any()
    assert outcome.evidence.clean and outcome.evidence.text_kept == 0


def test_outside_regions_holds_what_has_none_or_none_to_trust(basic) -> None:
    strict = sharing(basic, decisions=from_table({"decisions": {"policy": "outside-regions"}}).decisions)
    absent, distrusted = scanned(), scanned()
    del absent.SequenceOfUltrasoundRegions
    distrusted.SequenceOfUltrasoundRegions[0].RegionLocationMaxY1 = 900
    for dataset in (absent, distrusted):
        assert isinstance(strict.scrub(dataset), Held)


@pytest.mark.parametrize(
    ("tag", "vr"), [((0x7F02, 0x0010), "OW"), ((0x7FE0, 0x0020), "OW"), ((0x0014, 0x3070), "OW")]
)
def test_image_data_of_retired_kinds_go(basic, tag, vr) -> None:
    dataset = plain()
    dataset.add_new(tag, vr, bytes(range(256)) * 8)
    outcome = basic.scrub(dataset)
    assert tag not in outcome.dataset
    assert accounts(outcome) == {("image data of a retired kind", "removed"): 1}


@pytest.mark.parametrize(("behind", "kept"), [(b"", True), (b"\0", True), (b"PICTURE!", False)])
def test_a_colour_profile_stays_if_it_is_one_and_nothing_more(basic, behind, kept) -> None:
    profile = (200).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(160)
    outcome = basic.scrub(plain(ICCProfile=profile + behind))
    assert ("ICCProfile" in outcome.dataset) is kept


def test_a_review_cannot_uncover_the_label_of_a_slide(basic) -> None:
    from scrub_pixels.decisions import Review

    dataset = make_instance(frames=[np.full(SHAPE, 90, np.uint8)], SpecimenLabelInImage="YES")
    assert not basic.scrub(dataset, Review((), (), ())).dataset.pixel_array.any()


def stroked(text: str) -> Dataset:
    """Return a presentation state whose graphic objects spell `text` in single strokes."""
    dataset, annotation, strokes = without_frames(GREYSCALE_STATE), Dataset(), []
    picture = np.zeros((60, 30 * len(text)), np.uint8)
    cv2.putText(picture, text, (5, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 2)
    for row in range(picture.shape[0]):
        edges = np.flatnonzero(np.diff(np.pad(picture[row] > 127, 1).astype(np.int8)))
        for left, right in edges.reshape(-1, 2):
            item = Dataset()
            item.GraphicType, item.GraphicAnnotationUnits = "POLYLINE", "PIXEL"
            item.GraphicData = [float(left), float(row), float(right), float(row)]
            strokes.append(item)
    annotation.GraphicLayer, annotation.GraphicObjectSequence = "LAYER", Sequence(strokes)
    dataset.GraphicAnnotationSequence = Sequence([annotation])
    return dataset


STROKED = [(NAME, False), ("KOWALCZYK", False), ("Brown", False), ("LEFT", True)]


@pytest.mark.parametrize(("text", "kept"), STROKED)
def test_strokes_that_spell_a_name_go(graphics, text, kept) -> None:
    outcome = graphics.scrub(stroked(text))
    annotations = outcome.dataset.get("GraphicAnnotationSequence") or [Dataset()]
    assert ("GraphicObjectSequence" in annotations[0]) is kept


@pytest.mark.parametrize("data", [["x"], [float("nan")] * 4, [1e30, 0.0] * 2])
def test_strokes_that_cannot_be_drawn_go(graphics, data) -> None:
    dataset = stroked("I")
    (annotation,) = dataset.GraphicAnnotationSequence
    annotation.GraphicObjectSequence[0].GraphicData = data if data != ["x"] else None
    outcome = graphics.scrub(dataset)
    kept = "GraphicObjectSequence" in (outcome.dataset.get("GraphicAnnotationSequence") or [Dataset()])[0]
    assert kept is (data == ["x"])


def test_an_overlay_in_bits_of_the_samples_is_held(basic, graphics) -> None:
    samples = np.full(SHAPE, 700, np.uint16)
    dataset = make_instance(Recipe(bits_allocated=16, bits_stored=12), frames=[samples])
    for element, value in ((0x10, SHAPE[0]), (0x11, SHAPE[1]), (0x100, 16), (0x102, 11)):
        dataset.add_new((0x6002, element), "US", value)
    assert isinstance(basic.scrub(dataset), Held) and isinstance(graphics.scrub(dataset), Held)
    dataset[0x6002, 0x102].value = 12
    assert not isinstance(basic.scrub(dataset), Held)


@pytest.mark.parametrize("frames", [2, 10**6])
def test_overlays_of_more_frames_than_the_image_are_removed(graphics, frames) -> None:
    dataset = plain()
    add_overlay(dataset, [written("LEFT")])
    dataset[0x6000, 0x10].value, dataset[0x6000, 0x11].value = 1, 1
    dataset[0x6000, 0x15].value = frames
    assert overlay_groups(graphics.scrub(dataset).dataset) == ()
