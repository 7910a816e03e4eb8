"""What several test files share: a small set of generated Instances, and where labelled images may lie."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fixtures import make_fixture

settings.register_profile("suite", deadline=None, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
"""The same examples at every run, and no verdict on how long they took: only the code decides a test."""

SHARED = Path(os.environ.get("SCRUB_PIXELS_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data():
    """The folder of labelled test images, which is not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("the labelled test images are not here")
    return SHARED


@pytest.fixture(scope="session")
def ultrasound():
    """One generated ultrasound image with a name in its header band."""
    return make_fixture(11, "us_sector")
