"""The example for MONAI: the scrubber as the first transform of its data sets."""

from __future__ import annotations

import numpy as np
import pytest
from test_run_campaign import plain, saved

from scrub_pixels import Held, Policy, Scrubber
from scrub_pixels.decisions import Decision, Disposition
from scrub_pixels.errors import NotDicom

data = pytest.importorskip("monai.data")
transforms = pytest.importorskip("monai.transforms")


class ScrubbedImage(transforms.Transform):
    """A path in, samples of the scrubbed Instance out, channel first; what is not released is an error."""

    def __init__(self, scrubber):
        self.scrubber = scrubber

    def __call__(self, path):
        outcome = self.scrubber.scrub(path)
        if isinstance(outcome, Held):
            raise ValueError("An Instance waits for a person: run scrub-pixels first, and review.")
        return outcome.dataset.pixel_array[np.newaxis].astype("float32")


@pytest.fixture(scope="module")
def scrubber():
    return Scrubber(Policy(header_only=True))


@pytest.fixture
def paths(tmp_path):
    return [saved(plain(PixelData=bytes([n]) * 1024), tmp_path / f"{n}.dcm") for n in range(3)]


def test_a_monai_dataset_of_scrubbed_images(scrubber, paths):
    chain = transforms.Compose([ScrubbedImage(scrubber), transforms.ScaleIntensityRange(0, 2, 0.0, 1.0)])
    loader = data.DataLoader(data.Dataset(data=paths, transform=chain), batch_size=2, num_workers=0)
    batches = list(loader)
    assert [tuple(batch.shape) for batch in batches] == [(2, 1, 32, 32), (1, 1, 32, 32)]
    assert [float(batch.max()) for batch in batches] == [0.5, 1.0]


def test_a_monai_cache_scrubs_each_once(scrubber, paths, monkeypatch):
    asked, scrub = [], scrubber.scrub
    monkeypatch.setattr(scrubber, "scrub", lambda path: asked.append(path) or scrub(path))
    chain = transforms.Compose([ScrubbedImage(scrubber)])
    cached = data.CacheDataset(data=paths, transform=chain, num_workers=1, progress=False)
    assert [float(cached[n].max()) for n in (2, 1, 2)] == [2.0, 1.0, 2.0]
    assert sorted(asked) == paths


def test_what_is_not_released_is_no_item(scrubber, paths, tmp_path):
    (tmp_path / "note").write_text("no DICOM")
    refused = data.Dataset(data=[tmp_path / "note"], transform=ScrubbedImage(scrubber))
    with pytest.raises(RuntimeError) as told:
        refused[0]
    assert isinstance(told.value.__cause__, NotDicom)
    held = data.Dataset(data=paths, transform=ScrubbedImage(Holding()))
    with pytest.raises(RuntimeError) as told:
        held[0]
    assert isinstance(told.value.__cause__, ValueError)


class Holding:
    """A scrubber that is sure of nothing."""

    def scrub(self, path):
        return Held(Decision((), (), Disposition.HOLD), ("a test holds it",))
