"""Streams, events and logs: one Instance through a pipe, one line per Instance, nothing identified."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from types import SimpleNamespace

import pydicom
import pytest
from test_api import as_bytes
from test_run_campaign import plain, saved

from scrub_pixels import Policy, Scrubber
from scrub_pixels.cli import main
from scrub_pixels.errors import ProofFailed, UsageError
from scrub_pixels.header import ProjectKey
from scrub_pixels.run import observing, single
from scrub_pixels.run.observing import EventLines, JsonLines, Wanted, event_of, observers
from scrub_pixels.store import atomic
from scrub_pixels.store.accounts import Account, Outcome

KEY = ProjectKey(b"k" * 32)
HEADERS = Policy(header_only=True)


def streamed(content: bytes, policy: Policy = HEADERS) -> tuple[int, bytes]:
    wanted = io.BytesIO()
    return single.scrub_stream(io.BytesIO(content), wanted, policy, KEY), wanted.getvalue()


def test_one_instance_goes_through_and_is_what_the_scrubber_gives():
    content = as_bytes(plain())
    code, result = streamed(content)
    assert code == 0 and b"Quixotewski" not in result
    found = pydicom.dcmread(io.BytesIO(result))
    assert found == Scrubber(HEADERS, KEY).scrub(content).dataset


@pytest.mark.parametrize(("content", "policy", "code", "told"), [
    (b"no DICOM", HEADERS, 1, "refused"), (b"", HEADERS, 1, "refused"),
    (as_bytes(plain(BurnedInAnnotation="YES")), Policy(), 10, "held")])
def test_what_is_not_released_leaves_nothing_on_the_stream(content, policy, code, told, capsys):
    assert streamed(content, policy) == (code, b"")
    assert f"scrub-pixels: {told}: " in capsys.readouterr().err


def test_a_stream_without_end_is_refused_at_the_limit(capsys):
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            assert 0 < size <= HEADERS.limits.max_file_bytes + 1
            return bytearray(size)

    small = Policy(header_only=True, limits=type(HEADERS.limits)(max_file_bytes=1000))
    assert single.scrub_stream(Endless(), io.BytesIO(), small, KEY) == 1
    assert "longer than" in capsys.readouterr().err


def test_what_cannot_be_proven_is_not_written(monkeypatch):
    def fail(*_):
        raise ProofFailed("differs", stage="write")

    monkeypatch.setattr(atomic, "prove_written", fail)
    wanted = io.BytesIO()
    with pytest.raises(ProofFailed):
        single.scrub_stream(io.BytesIO(as_bytes(plain())), wanted, HEADERS, KEY)
    assert wanted.getvalue() == b""


def test_the_command_takes_a_key_or_a_workspace_and_gives_the_same_pseudonyms(tmp_path, monkeypatch):
    content = as_bytes(plain())

    def through(*options):
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", SimpleNamespace(buffer=out, fileno=lambda: 1))
            assert main(["-", "-", "--header-only", *options]) == 0
        return pydicom.dcmread(io.BytesIO(out.getvalue())).PatientID

    first = through("--workspace", str(tmp_path / "ws"))
    assert through("--workspace", str(tmp_path / "ws")) == first != "ZQ77310"
    assert through("--key-file", str(tmp_path / "ws" / "key")) == first


@pytest.mark.parametrize("options", [["-", "-"], ["-", "out"], ["in", "-"],
                                     ["-", "-", "--key-file", "nowhere"]])
def test_streams_that_cannot_be_meant_are_wrong_usage(options, capsys):
    assert main(options) == 2
    assert capsys.readouterr().err


KEYS = {"schema", "event", "time", "ref", "outcome", "code", "stage", "reasons", "output", "frames",
        "frames_masked", "bytes", "sha256", "seconds"}


def test_there_is_one_event_for_each_input_and_none_names_anybody(tmp_path, capsys):
    saved(plain(), tmp_path / "in" / "QUIXOTEWSKI.dcm")
    saved(plain(BurnedInAnnotation="YES"), tmp_path / "in" / "b.dcm")
    (tmp_path / "in" / "ZQ77310.txt").write_text("note")
    code = main([str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "0", "--events", "-",
                 "--log-json", str(tmp_path / "log")])
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert code == 10 and sorted(e["outcome"] for e in events) == ["held", "not-dicom", "released"]
    assert all(set(event) == KEYS and event["schema"] == "scrub-pixels-event/1" for event in events)
    assert len({event["ref"] for event in events}) == 3
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["run-started", *["instance"] * 3, "run-finished"]
    told = (captured.out + captured.err + (tmp_path / "log").read_text()).lower()
    assert "quixotewski" not in told and "zq77310" not in told
    assert "files" in captured.err, "what is for people does not mix with what is for programs"


def test_a_dry_run_has_events_too(tmp_path, capsys):
    saved(plain(), tmp_path / "in" / "a.dcm")
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "0", "--header-only", "--dry-run",
                 "--events", str(tmp_path / "events")]) == 0
    (event,) = (json.loads(line) for line in (tmp_path / "events").read_text().splitlines())
    assert event["outcome"] == "released" and event["output"] == ""


def test_an_observer_that_cannot_write_fails_nothing(tmp_path):
    closed = io.StringIO()
    closed.close()
    lines = EventLines(closed)
    lines(Account(Outcome.HELD))
    assert lines.lost == 1


def test_a_file_for_events_that_cannot_be_written_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError), observers(Wanted(events=str(tmp_path / "none" / "events"))):
        pass


def test_events_have_reasons_and_never_readings():
    account = Account(Outcome.REFUSED, code="corrupt", stage="decode", message="It does not decode.", ref=4)
    assert event_of(account) | {"time": ""} == {
        "schema": "scrub-pixels-event/1", "event": "instance", "time": "", "ref": 4, "outcome": "refused",
        "code": "corrupt", "stage": "decode", "reasons": ["It does not decode."], "output": "", "frames": 0,
        "frames_masked": 0, "bytes": 0, "sha256": "", "seconds": 0.0}


def test_a_logged_exception_is_its_type_alone():
    try:
        raise ValueError("Quixotewski")
    except ValueError:
        record = logging.LogRecord("scrub_pixels", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    line = json.loads(JsonLines().format(record))
    assert line["error"] == "ValueError" and "Quixotewski" not in json.dumps(line)


@pytest.fixture
def spans(monkeypatch):
    """The spans that the real OpenTelemetry SDK exports; its provider is set in this process alone."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_every_input_of_a_run_is_a_span_without_identifiers(spans, tmp_path):
    """Released, held, refused and no DICOM: from its start to its end, and nothing that names anybody."""
    folder = tmp_path / "in" / "QUIXOTEWSKI"
    saved(plain(), folder / "a.dcm")
    saved(plain(BurnedInAnnotation="YES"), folder / "b.dcm")
    (folder / "c.dcm").write_bytes(saved(plain(PatientComments="ZQ77310"), folder / "d").read_bytes()[:900])
    (folder / "ZQ77310.txt").write_text("note")
    begun = time.time_ns()
    main([str(tmp_path / "in"), str(tmp_path / "out"), "--jobs", "0", "--quiet"])
    finished = spans.get_finished_spans()
    assert sorted(span.attributes["scrub_pixels.outcome"] for span in finished) \
        == ["held", "not-dicom", "refused", "released", "released"]
    for span in finished:
        assert set(span.attributes) == {f"scrub_pixels.{name}" for name in (
            "ref", "outcome", "code", "stage", "frames", "frames_masked", "bytes")}
        assert begun - 10**9 < span.start_time <= span.end_time < time.time_ns() + 10**9
        told = span.to_json().lower()
        assert not any(word in told for word in ("quixotewski", "zq77310", str(tmp_path).lower(), "1.2.840"))
    assert len({span.attributes["scrub_pixels.ref"] for span in finished}) == 5


def test_a_span_lasts_as_long_as_the_work(spans):
    with observers(Wanted()) as observe:
        observe(Account(Outcome.HELD, ref=3, started=1e9, seconds=2.0))
    (span,) = spans.get_finished_spans()
    assert span.end_time - span.start_time == 2_000_000_000 and span.name == "scrub-pixels instance"


def test_without_opentelemetry_there_are_no_spans_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    assert observing.tracer() is None
    with observers(Wanted()) as observe:
        observe(Account(Outcome.HELD))
