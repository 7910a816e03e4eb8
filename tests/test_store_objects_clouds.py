"""OUT in Google Cloud and Azure, and kill -9 at named points: as in S3, nothing is lost and nothing leaks.

Google's store is emulated by gcp-storage-emulator, Azure's by `benchmarks.blob_server`, which acknowledges
copies before they are made.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from benchmarks.object_faults import AT_A_POINT, STORES, ObjectStage

NEEDS = {"gcs": ("gcsfs", "gcp_storage_emulator"), "azure": ("adlfs",)}
POINTS = (("put_file", "after", 2), ("cp_file", "before", 1), ("cp_file", "after", 2),
          ("rm_file", "before", 2))


@pytest.fixture(scope="module", params=sorted(NEEDS))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStage]:
    for package in NEEDS[request.param]:
        if find_spec(package) is None:  # gcsfs looks at its variables when it is imported: not yet
            pytest.skip(f"{package} is not installed")
    with STORES[request.param]() as url:
        yield ObjectStage(tmp_path_factory.mktemp("stage"), url, 4)


@pytest.mark.parametrize(("name", "when", "number"), POINTS, ids=lambda value: str(value))
def test_a_kill_leaves_whole_objects_and_can_be_resumed(
        stage: ObjectStage, name: str, when: str, number: int) -> None:
    process = stage.begun("-c", AT_A_POINT, name, when, str(number))
    assert process.wait(timeout=300) == -signal.SIGKILL
    stage.check()
    stage.finish()
