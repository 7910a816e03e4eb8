"""A small run with held Instances, for the tests of the review."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from test_run_campaign import plain, saved

from scrub_pixels import Policy
from scrub_pixels.run.campaign import Campaign, run

SIZE = 64


@dataclass(frozen=True)
class Case:
    """A finished run: its folders, and the campaign it was."""

    campaign: Campaign

    @property
    def workspace(self) -> Path:
        """The private folder."""
        return self.campaign.private

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.campaign.out

    def released(self) -> list[Path]:
        """Return the files in OUT."""
        return sorted(self.out.rglob("*.dcm"))


def picture(seed: int, **changes) -> pydicom.Dataset:
    """Return a smooth picture without text; Burned In Annotation YES makes the pipeline hold it."""
    ramp = np.add.outer(np.arange(SIZE), np.arange(SIZE)) // 2 + 60 + seed
    values = {"Rows": SIZE, "Columns": SIZE, "PixelData": ramp.astype(np.uint8).tobytes(),
              "Manufacturer": "Examplia", "ManufacturerModelName": "Sonar 5", "Modality": "US",
              "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.77", "BurnedInAnnotation": "YES", **changes}
    return plain(**values)


def a_case(folder: Path, held: int = 2, clean: int = 0, **more) -> Case:
    """Run over `held` Instances that a person must look at, and `clean` ones that are released."""
    for index in range(held + clean):
        changes = {} if index < held else {"BurnedInAnnotation": "NO"}
        saved(picture(index, **changes), folder / "in" / f"DOE-{index}.dcm")
    campaign = Campaign(folder / "in", folder / "out", Policy(), jobs=0, **more)
    run(campaign)
    return Case(campaign)
