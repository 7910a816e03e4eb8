"""Exports: as displayed, from released files only."""

import json

import cv2
import numpy as np
import pytest

from scrub_pixels.catalog.export import _affine, _spacing, export, frame_rate
from scrub_pixels.errors import UsageError
from scrub_pixels.frames import open_instance
from scrub_pixels.store.atomic import MARKER
from tests.instances import Recipe, make_instance, saved

nibabel = pytest.importorskip("nibabel")
SYNTAXES = {"rle": "1.2.840.10008.1.2.5", "plain": "1.2.840.10008.1.2.1"}


@pytest.fixture
def out(tmp_path):
    """An output folder with a grey, a palette, a colour and a moving picture, and one without pixels."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / MARKER).write_text("")
    recipes = {"grey": Recipe(bits_allocated=16, bits_stored=12, rows=20, columns=30),
               "palette": Recipe(photometric="PALETTE COLOR"), "ybr": Recipe(photometric="YBR_FULL"),
               "cine": Recipe(photometric="RGB", frames=4, rows=21, columns=33),
               "mono1": Recipe(photometric="MONOCHROME1")}
    entries = []
    for name, recipe in recipes.items():
        window = {"WindowCenter": 2000, "WindowWidth": 1000} if name == "grey" else {}
        (folder / f"{name}.dcm").write_bytes(saved(make_instance(recipe, FrameTime="50", **window)))
        entries.append({"outcome": "released", "output": f"{name}.dcm"})
    (folder / "scrub-report.json").write_text(json.dumps({"instances": entries}))
    return folder


def test_png_is_what_is_displayed(out, tmp_path):
    done = export(out, tmp_path / "png", "png")
    assert (done.files, done.left_out) == (8, ())
    for name in ("grey", "palette", "ybr", "mono1"):
        shown = open_instance(out / f"{name}.dcm").views(0)[0].image
        image = cv2.imread(str(tmp_path / "png" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(image if image.ndim == 2 else image[..., ::-1], shown), name
    assert len(list((tmp_path / "png").glob("cine-*.png"))) == 4


def test_mp4_has_every_frame_at_its_rate(out, tmp_path):
    import av

    assert export(out, tmp_path / "mp4", "mp4").files == 5
    with av.open(str(tmp_path / "mp4" / "cine.mp4")) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert len(frames) == 4 and float(stream.average_rate) == pytest.approx(20, rel=0.01)
    assert frames[0].shape == (22, 34, 3)


def test_nifti_keeps_stored_values_and_sizes(out, tmp_path):
    assert export(out, tmp_path / "nifti", "nifti").files == 5
    image = nibabel.load(tmp_path / "nifti" / "grey.nii.gz")
    stored = open_instance(out / "grey.dcm").stored(0)
    assert np.array_equal(np.asarray(image.dataobj)[:, :, 0, 0].T, stored)
    colour = np.asarray(nibabel.load(tmp_path / "nifti" / "cine.nii.gz").dataobj)
    assert colour.shape == (33, 21, 1, 4) and colour.dtype.names == ("R", "G", "B")
    shown = open_instance(out / "cine.dcm").views(2)[0].image
    assert np.array_equal(colour[:, :, 0, 2]["G"].T, shown[..., 1])
    assert nibabel.load(tmp_path / "nifti" / "cine.nii.gz").header["pixdim"][4] == 50


def test_sizes_come_from_spacing_or_ultrasound_regions():
    from pydicom.dataset import Dataset

    region = Dataset()
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.05, 0.02
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    assert _spacing(make_instance(SequenceOfUltrasoundRegions=[region])) == (0.2, 0.5)
    assert _spacing(make_instance(PixelSpacing=[0.3, 0.4])) == (0.3, 0.4)
    region.PhysicalUnitsXDirection = 4
    assert _spacing(make_instance(SequenceOfUltrasoundRegions=[region])) == (1.0, 1.0)
    assert _affine(make_instance(PixelSpacing=[0.3, 0.4])).diagonal().tolist() == [-0.4, -0.3, 1, 1]


def test_rates_stay_within_what_players_take():
    assert [frame_rate(make_instance(FrameTime=t)) for t in ("40", "0", "0.001", "1e9")] == [25, 25, 120, 0.5]
    assert frame_rate(make_instance(CineRate="30")) == 30


def test_only_what_was_released_is_exported(out, tmp_path):
    report = json.loads((out / "scrub-report.json").read_text())
    report["instances"][0]["sha256"] = "0" * 64
    (out / "scrub-report.json").write_text(json.dumps(report))
    with pytest.raises(UsageError, match="not what was released"):
        export(out, tmp_path / "png", "png")
    assert not (tmp_path / "png").exists() and not list(tmp_path.glob(".png*"))
    with pytest.raises(UsageError, match="lies in OUT"):
        export(out, out / "png", "png")
    with pytest.raises(UsageError, match="no output folder"):
        export(tmp_path, tmp_path / "png", "png")


@pytest.mark.parametrize("path", ["../original.dcm", "a/../../original.dcm", "{root}/original.dcm", 7,
                                  "link.dcm", "folder/original.dcm"])
def test_nothing_outside_of_out_is_exported_whatever_a_report_says(out, tmp_path, path):
    (tmp_path / "original.dcm").write_bytes((out / "grey.dcm").read_bytes())
    (out / "link.dcm").symlink_to(tmp_path / "original.dcm")
    (out / "folder").symlink_to(tmp_path)
    named = path.format(root=tmp_path) if isinstance(path, str) else path
    entries = [{"outcome": "released", "output": named}]
    (out / "scrub-report.json").write_text(json.dumps({"instances": entries}))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UsageError):
        export(out, tmp_path / "png", "png")
    assert set(tmp_path.rglob("*")) == before


def test_a_broken_frame_is_left_out_and_told(out, tmp_path):
    (out / "grey.dcm").write_bytes((out / "grey.dcm").read_bytes()[:-50])
    done = export(out, tmp_path / "png", "png")
    assert len(done.left_out) == 1 and done.left_out[0].startswith("grey.dcm: ")
