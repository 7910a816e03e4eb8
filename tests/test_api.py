"""Scrubber and iterators from Python: values for results, bounded memory, shared by threads, typed."""

from __future__ import annotations

import asyncio
import doctest
import io
import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pydicom
import pytest
from test_run_campaign import plain

import scrub_pixels
from fixtures import make_fixture
from scrub_pixels import Held, Policy, Refused, Scrubbed, Scrubber, ascrub_all, scrub_all, scrub_as_completed
from scrub_pixels.errors import MissingDependency
from scrub_pixels.frames.turns import undisturbed, while_others_work
from scrub_pixels.header import ProjectKey
from scrub_pixels.run import iterate, outcomes

KEY = ProjectKey(b"k" * 32)


@pytest.fixture(scope="module")
def headers():
    """A Scrubber that does not search: quick."""
    return Scrubber(Policy(header_only=True), KEY)


def as_bytes(dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_every_kind_of_source_has_the_same_outcome(headers, tmp_path):
    content = as_bytes(plain())
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    sources = [path, str(path), content, io.BytesIO(content), pydicom.dcmread(io.BytesIO(content))]
    outcomes_found = list(scrub_all(sources, headers, workers=2))
    assert [type(outcome) for outcome in outcomes_found] == [Scrubbed] * 5
    assert len({outcome.dataset.SOPInstanceUID for outcome in outcomes_found}) == 1


def test_results_are_values_in_input_order(headers):
    held = Scrubber(Policy(), KEY)
    sources = [as_bytes(plain()), b"no DICOM", as_bytes(plain(BurnedInAnnotation="YES")),
               as_bytes(plain(PixelData=b""))]
    kinds = [type(outcome) for outcome in scrub_all(sources, held, workers=2)]
    assert kinds == [Scrubbed, Refused, Held, Refused]
    (refused,) = scrub_all([b"no DICOM"], headers)
    assert (refused.code, refused.stage) == ("not-dicom", "open") and refused.message
    as_they_end = dict(scrub_as_completed(sources, held, workers=2))
    assert [type(as_they_end[number]) for number in range(4)] == kinds


def test_an_error_nobody_foresaw_is_a_value_without_its_text(headers, monkeypatch):
    def fail(*_):
        raise RuntimeError("Quixotewski")

    monkeypatch.setattr(Scrubber, "scrub", fail)
    (refused,) = scrub_all([b""], headers)
    assert refused.code == "internal-error" and "Quixotewski" not in repr(refused)


def test_what_ends_the_run_is_raised(headers, monkeypatch):
    def fail(*_):
        raise MissingDependency("gone")

    monkeypatch.setattr(Scrubber, "scrub", fail)
    with pytest.raises(MissingDependency):
        list(scrub_all([b"", b""], headers))


@pytest.mark.parametrize("iterator", [scrub_all, scrub_as_completed])
def test_sources_are_taken_as_results_are(headers, iterator):
    taken = []

    def sources():
        for number in range(1000):
            taken.append(number)
            yield b"no DICOM"

    results = iterator(sources(), headers, workers=2)
    for count in range(1, 6):
        next(results)
        assert len(taken) <= count + 2 * iterate.AHEAD
    results.close()
    assert len(taken) < 20


def test_the_asynchronous_iterator_takes_both_kinds_and_does_not_block(headers):
    async def given():
        for _ in range(3):
            await asyncio.sleep(0)
            yield as_bytes(plain())

    async def collect():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        found = [type(o) async for o in ascrub_all(given(), headers, workers=2)]
        found += [type(o) async for o in ascrub_all([b"", as_bytes(plain())], headers, workers=2)]
        ticking.cancel()
        return found, ticks

    found, ticks = asyncio.run(collect())
    assert found == [Scrubbed] * 3 + [Refused, Scrubbed] and ticks > 5


def test_an_abandoned_asynchronous_iterator_stops_asking(headers):
    taken = []

    def sources():
        for number in range(1000):
            taken.append(number)
            yield b""

    async def first():
        async for outcome in (results := ascrub_all(sources(), headers, workers=1)):
            await results.aclose()
            return outcome

    assert isinstance(asyncio.run(first()), Refused) and len(taken) < 20


def test_threads_share_one_scrubber_and_find_what_one_alone_finds():
    """Real searches in parallel: equal evidence, and the process as it was."""
    content = [as_bytes(make_fixture(seed, "us_grey").dataset) for seed in (5, 6)]
    scrubber = Scrubber(Policy(), KEY)
    before = (list(warnings.filters), logging.getLogger("pydicom").level,
              pydicom.config.settings.reading_validation_mode)
    alone = [outcomes.outcome_of(scrubber, one) for one in content]
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(lambda n: outcomes.outcome_of(scrubber, content[n % 2]), range(6)))
    after = (list(warnings.filters), logging.getLogger("pydicom").level,
             pydicom.config.settings.reading_validation_mode)
    assert before == after
    for number, outcome in enumerate(shared):
        assert type(outcome) is type(alone[number % 2])
        assert outcome.evidence == alone[number % 2].evidence


def test_turns_go_one_at_a_time_and_are_given_up_while_others_work():
    order, first_waits = [], threading.Event()

    def second():
        first_waits.wait(120)
        with undisturbed():
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with undisturbed(), undisturbed():
        order.append("first")
        with while_others_work():
            first_waits.set()
            other.join(120)
        order.append("first again")
    assert order == ["first", "second", "first again"]


def test_quiet_ends_with_the_last_that_needs_it():
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with undisturbed(), while_others_work():
            warnings.warn("not heard", stacklevel=1)
        warnings.warn("heard", stacklevel=1)
    assert [str(w.message) for w in heard] == ["heard"]


def test_the_examples_in_the_documentation_run():
    results = doctest.testmod(iterate)
    assert results.attempted >= 10 and results.failed == 0


def test_the_package_says_that_it_is_typed_and_names_what_is_public():
    assert files(scrub_pixels).joinpath("py.typed").is_file()
    assert {"Held", "Policy", "Refused", "Scrubbed", "Scrubber", "ascrub_all", "scrub_all"} \
        <= set(scrub_pixels.__all__)


def test_a_torch_dataset_of_scrubbed_images(headers, tmp_path):
    """The example of the README: what is not released is left out, and said so."""
    torch = pytest.importorskip("torch")
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(as_bytes(plain(PixelData=bytes([number]) * 1024)))
    paths.append(tmp_path / "note.txt")
    paths[-1].write_text("no DICOM")

    class ScrubbedImages(torch.utils.data.IterableDataset):
        def __init__(self, paths, scrubber):
            self.paths, self.scrubber = paths, scrubber

        def __iter__(self):
            for outcome in scrub_all(self.paths, self.scrubber):
                if isinstance(outcome, Scrubbed):
                    yield torch.from_numpy(outcome.dataset.pixel_array.astype("float32"))

    batches = list(torch.utils.data.DataLoader(ScrubbedImages(paths, headers), batch_size=2))
    assert [batch.shape for batch in batches] == [(2, 32, 32), (1, 32, 32)]
    assert float(batches[1].max()) == 2.0


def scrub_folder(source: str, out: str) -> dict[str, int]:
    """A task for Prefect (``@task``) or Airflow (``PythonOperator``): plain in, plain out, safe to retry."""
    from pathlib import Path

    from scrub_pixels.run.campaign import Campaign, run

    result = run(Campaign(Path(source), Path(out), Policy(header_only=True), resume=True))
    return {"released": result.totals.released, "held": result.totals.held, "refused": result.totals.refused}


def test_a_task_of_an_orchestrator_can_be_tried_again(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(as_bytes(plain()))
    for _ in range(2):
        assert scrub_folder(str(tmp_path / "in"), str(tmp_path / "out")) \
            == {"released": 1, "held": 0, "refused": 0}
