"""OUT in S3, and kill -9 at named points: what stands is whole, and resumed runs end as if undisturbed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

from benchmarks.object_faults import AT_A_POINT, Broken, ObjectStage, objects_of, s3_store
from scrub_pixels.store.atomic import PARTIAL_PREFIX
from scrub_pixels.store.objects import file_system

POINTS = (
    # method of the store, before or after it has done its work, at which call of it
    ("put_file", "before", 3),  # an upload to the private prefix
    ("put_file", "after", 3),
    ("pipe_file", "after", 2),  # the journal; the first object written is the mark of OUT
    ("cp_file", "before", 1),  # names are journaled, none is given
    ("cp_file", "after", 1),
    ("cp_file", "after", 4),
    ("rm_file", "before", 2),  # named, and its private copy not yet gone
    ("rm_file", "after", 5),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStage]:
    with s3_store() as url:
        yield ObjectStage(tmp_path_factory.mktemp("stage"), url, 12)


def killed_at(stage: ObjectStage, name: str, when: str, number: int) -> None:
    process = stage.begun("-c", AT_A_POINT, name, when, str(number))
    assert process.wait(timeout=300) == -signal.SIGKILL


@pytest.mark.parametrize(("name", "when", "number"), POINTS, ids=lambda value: str(value))
def test_a_kill_at_any_point_leaves_whole_objects_and_can_be_resumed(
        stage: ObjectStage, name: str, when: str, number: int) -> None:
    killed_at(stage, name, when, number)
    stage.check()
    stage.finish()


def test_a_resumed_run_may_be_killed_again(stage: ObjectStage) -> None:
    killed_at(stage, "cp_file", "after", 2)
    killed_at(stage, "cp_file", "before", 1)
    killed_at(stage, "rm_file", "before", 1)
    stage.check()
    stage.finish()


def test_a_kill_after_the_upload_shows_in_the_private_prefix_alone(stage: ObjectStage) -> None:
    killed_at(stage, "cp_file", "before", 1)
    names = set(objects_of(str(stage.campaign.out)))
    assert {name for name in names if name.endswith(".dcm")} == set()
    assert any(name.startswith(PARTIAL_PREFIX) for name in names)
    stage.finish()


def test_the_check_finds_what_must_not_stand(stage: ObjectStage, tmp_path: Path) -> None:
    system, base = file_system(str(stage.campaign.out))
    system.pipe_file(f"{base}/half.dcm", b"half an Instance")
    with pytest.raises(Broken, match="not one of"):
        stage.check()
    system.pipe_file(f"{base}/half.dcm", b"Quixotewski")
    with pytest.raises(Broken, match="a name stands"):
        stage.check()
    system.rm_file(f"{base}/half.dcm")
