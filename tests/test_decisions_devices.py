"""Device catalogues: learned layouts and the rules of other tools, and what decisions make of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from scrub_pixels.decisions import (
    DecisionSettings,
    DeviceCatalog,
    DeviceLayout,
    DeviceRegion,
    Disposition,
    KeepPolicy,
    RegionRole,
    Verdict,
    decide,
    layouts_as_toml,
    load_devices,
    parse_layouts,
)
from scrub_pixels.decisions.device_scripts import parse_ctp, parse_deid
from scrub_pixels.errors import UsageError
from scrub_pixels.geometry import FrameSpan, Region, coverage
from scrub_pixels.text.lines import TextLine, TextSearch

BANNER = Region(0, 0, 40, 640)
TOOLBAR = Region(440, 0, 40, 640)


def dataset(**elements: object) -> Dataset:
    made = Dataset()
    elements = {
        "Manufacturer": "ACME",
        "ManufacturerModelName": "Echo 5",
        "Rows": 480,
        "Columns": 640,
    } | elements
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def search(*lines: tuple[str, int], frames: int = 2, read: float = 0.97) -> TextSearch:
    found = tuple(
        TextLine(Region(row, 10, 12, 9 * len(text)), FrameSpan(0, frames), text, read, 0.97)
        for text, row in lines
    )
    return TextSearch(found, (480, 640), frames, frames, "test")


LAYOUT = DeviceLayout(
    "acme", "ECHO 5", 480, 640,
    (DeviceRegion(BANNER, RegionRole.PHI), DeviceRegion(TOOLBAR, RegionRole.HARMLESS)),
    origin="reviewed", vocabulary=("SonoGlow",),
)  # fmt: skip


def test_layouts_survive_their_file() -> None:
    assert parse_layouts(layouts_as_toml((LAYOUT,))) == (LAYOUT,)
    assert pickle.loads(pickle.dumps(DeviceCatalog((LAYOUT.rule,)))) == DeviceCatalog((LAYOUT.rule,))


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"Rows": 481}, False),
        ({"Manufacturer": "ACME 2"}, False),
        ({"Manufacturer": None}, False),
    ],
)
def test_a_layout_speaks_about_its_device_only(changes: dict, matches: bool) -> None:
    match = DeviceCatalog((LAYOUT.rule,)).match(dataset(**changes))
    assert bool(match.phi) is matches and bool(match.vocabulary) is matches


@pytest.fixture
def catalogued(tmp_path: Path) -> DecisionSettings:
    path = tmp_path / "devices.toml"
    path.write_text(layouts_as_toml((LAYOUT,)))
    return DecisionSettings(devices=(str(path),))


def test_regions_of_identifiers_are_masked_whole_and_toolbars_stay(catalogued: DecisionSettings) -> None:
    texts = search(("MI 0.8", 12), ("SonoGlow", 450), ("SonoGlow", 200), ("Zorbl", 300))
    decision = decide(texts, dataset(), catalogued)
    assert [f.verdict for f in decision.findings] == [
        Verdict.PHI,
        Verdict.BENIGN,
        Verdict.BENIGN,
        Verdict.PHI,
    ]
    assert any(r.region == BANNER and r.frames == FrameSpan(0, 2) for r in decision.redactions)
    elsewhere = decide(texts, dataset(Rows=479), catalogued)
    assert [f.verdict for f in elsewhere.findings][:3] == [Verdict.BENIGN, Verdict.PHI, Verdict.PHI]


def test_a_mark_that_cannot_be_read_stays_in_a_toolbar_only(catalogued: DecisionSettings) -> None:
    decision = decide(search(("Zorbl", 450), ("Zorbl", 300), read=0.3), dataset(), catalogued)
    assert [f.verdict for f in decision.findings] == [Verdict.BENIGN, Verdict.PHI]


@pytest.mark.parametrize("read", [0.55, 0.97])
@pytest.mark.parametrize("text", ["Kowalczyk", "GREEN", "Zorbl Anna", "J. Zorbl"])
def test_a_word_that_may_be_a_name_goes_from_a_toolbar_too(
    text: str, read: float, catalogued: DecisionSettings
) -> None:
    decision = decide(search((text, 450), read=read), dataset(), catalogued)
    assert decision.findings[0].verdict is Verdict.PHI


@pytest.mark.parametrize("text", ["DOE JOHN", "12/03/2021", "MRN 4471", "Name: X"])
def test_a_harmless_region_never_keeps_an_identifier(text: str, catalogued: DecisionSettings) -> None:
    decision = decide(search((text, 450)), dataset(PatientName="Doe^John"), catalogued)
    assert decision.findings[0].verdict is Verdict.PHI


def test_outside_regions_masks_all_but_the_trusted_ones_and_holds_without_any() -> None:
    settings = DecisionSettings(policy=KeepPolicy.OUTSIDE_REGIONS)
    trusted = [Region(60, 50, 300, 400), Region(380, 50, 60, 400)]
    texts = search(("MI 0.8", 12), ("LIVER", 200))
    decision = decide(texts, dataset(), settings, regions=trusted)
    covered = coverage([r.region for r in decision.redactions], (480, 640))
    assert covered.sum() == 480 * 640 - sum(region.area for region in trusted)
    assert decision.disposition is Disposition.RELEASE
    assert decide(texts, dataset(), settings).disposition is Disposition.HOLD


CTP = """A library (of 3 rules), with text between.
Rows
  { Modality.equals("US") *
    [0008,0070].containsIgnoreCase("acm") *
    !( Rows.equals("5") + [0028,0010].isGreaterThan("900") ) }
  (0,0,640,30) (1, 2, 3,4)
Overlays { OverlayDescription.contains("x\\"y") + true. } (5,6,7,8)
"""


def test_pixel_scripts_of_ctp_are_understood() -> None:
    catalog = parse_ctp(CTP)
    found = catalog.match(dataset(Modality="US"))
    assert found.phi == (Region(0, 0, 30, 640), Region(2, 1, 4, 3), Region(6, 5, 8, 7))
    assert found.origins == ("CTP script, line 3", "CTP script, line 7")
    assert catalog.match(dataset(Modality="US", Rows=950)).phi == (Region(6, 5, 8, 7),)
    assert catalog.match(dataset(Modality="CT")).phi == (Region(6, 5, 8, 7),)


DEID = """FORMAT dicom

%filter whitelist

LABEL Anything # said here is passed over
  contains Modality CT

%filter graylist

LABEL Dose report # (someone)
  contains ManufacturerModelName Echo
  + contains Modality CT|US
  + contains ImageType SCREEN SAVE || contains SeriesDescription Dose
  coordinates 0,0,512,121
  keepcoordinates 10,20,30,40

LABEL Captures
  missing StationName || empty StationName
  + notequals Rows 512
  ctpcoordinates 1,2,3,4

LABEL All of it
  equals 0x00280010 77
  coordinates all

%header
REPLACE PatientID 1
"""


def test_graylists_of_deid_are_understood() -> None:
    catalog = parse_deid(DEID)
    here = catalog.match(dataset(Modality="US", SeriesDescription="my dose", StationName="A"))
    assert here.phi == (Region(0, 0, 121, 512),) and here.harmless == (Region(20, 10, 20, 20),)
    assert catalog.match(dataset()).phi == (Region(2, 1, 4, 3),)
    assert catalog.match(dataset(Rows=77, StationName="A")).phi == (Region(0, 0, 77, 640),)
    assert catalog.match(dataset(Rows=512)).phi == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{ Modality.equals("US" }\n(0,0,1,1)', 1),
        ('x\n{ Modality.like("US") }\n(0,0,1,1)', 2),
        ('{ Modality.equals("US") }\n\n(0,0,1)', 3),
        ('{ Modality.equals("US") }\n(0,0,0,1)', 2),
        ('{\n Manufacture.equals("US") }(0,0,1,1)', 2),
        ('{ Modality.equals("US") * }(0,0,1,1)', 1),
        ('{ (Modality.equals("US") }(0,0,1,1)', 1),
        ('{ Modality.equals("US") Rows.equals("1") }(0,0,1,1)', 1),
        ('{ Modality.matches("(") }(0,0,1,1)', 1),
        ("a\nb\n{ x", 3),
        ("nothing", 1),
        ("{ " + "(" * 3000 + " }(0,0,1,1)", 1),
        ("%filter graylist\nLABEL x\n  has Modality US\n  coordinates 0,0,1,1", 3),
        ("%filter graylist\ncontains Modality US", 2),
        ("%filter graylist\nLABEL x\ncontains Modalty US", 3),
        ("%filter graylist\nLABEL x\ncontains Modality US\ncoordinates 5,5,5,9", 4),
        ("%filter graylist\nLABEL x\ncoordinates from:SequenceOfUltrasoundRegions", 3),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "rules"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"Line {line} of the device rules"):
        load_devices(path)


@pytest.mark.parametrize(
    "text",
    [
        "layout = 5",
        "x = 1",
        "[[layout]\n",
        '[[layout]]\nmanufacturer = "A"',
        '[[layout]]\nmanufacturer = "A"\nmodel = "B"\nrows = "5"\ncolumns = 5',
        '[[layout]]\nmanufacturer = "A"\nmodel = "B"\nrows = 5\ncolumns = 5\ncolour = 1',
        '[[layout]]\nmanufacturer = "A"\nmodel = "B"\nrows = 5\ncolumns = 5\n[[layout.region]]\nrow = 0',
    ],
)
def test_layouts_that_do_not_fit_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        load_devices(path)
    with pytest.raises(UsageError):
        load_devices(tmp_path / "absent.toml")
