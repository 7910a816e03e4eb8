"""Figures for Prometheus; no label or value comes from an instance, a sender or a file name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from scrub_pixels.gateway.service import Gateway

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class GatewayCollector:
    """Reads the figures of a gateway when they are asked for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        yield _family(GaugeMetricFamily, "scrub_pixels_gateway_instances",
                      "Instances the journal knows, by where they stand.", "stage",
                      self._gateway.journal.counts())
        reception = self._gateway.reception
        yield _family(CounterMetricFamily, "scrub_pixels_gateway_received", "Instances sent to the gateway.",
                      "answer", {"stored": reception.taken, "known": reception.repeated,
                                 "turned_away": reception.turned_away})
        yield from self._work()
        files, size = reception.spool.usage
        yield GaugeMetricFamily("scrub_pixels_gateway_spool_files", "Files in the spool.", value=files)
        yield GaugeMetricFamily("scrub_pixels_gateway_spool_bytes", "Bytes in the spool.", value=size)
        dimse = self._gateway.dimse
        yield CounterMetricFamily("scrub_pixels_gateway_peers_refused", "Connections that were not allowed.",
                                  value=dimse.refused_peers if dimse else 0)

    def _work(self) -> Iterator[Metric]:
        tally, delivery = self._gateway.scrubbing.tally, self._gateway.delivery
        yield _family(CounterMetricFamily, "scrub_pixels_gateway_settled", "Instances by how they ended.",
                      "outcome", {outcome.value: count for outcome, count in tally.outcomes.items()})
        yield CounterMetricFamily("scrub_pixels_gateway_work_seconds", "Time spent on instances.",
                                  value=tally.seconds)
        yield CounterMetricFamily("scrub_pixels_gateway_frames_masked", "Frames with a redaction.",
                                  value=tally.masked)
        results = {"stored": delivery.delivered, "failed": delivery.failed}
        yield _family(CounterMetricFamily, "scrub_pixels_gateway_deliveries",
                      "Deliveries to the destination.", "result", results)
        yield GaugeMetricFamily("scrub_pixels_gateway_destination_up", "1 if the last delivery found it.",
                                value=0 if delivery.trouble else 1)
        yield GaugeMetricFamily("scrub_pixels_gateway_working", "1 unless disk or workspace stop the work.",
                                value=0 if self._gateway.scrubbing.trouble else 1)


def _family(kind: type, name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = kind(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def exposition(gateway: Gateway) -> bytes:
    """Return every figure in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway))
    return generate_latest(registry)
