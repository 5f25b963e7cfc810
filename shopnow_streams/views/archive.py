"""`/api/archive`: how far the archive is, of the partitions that this worker archives."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.archiver import Archiver
from shopnow_streams.views.page import only


class ArchiveProgress(Collector):
    """The archive's progress, as JSON and as metrics."""

    def __init__(self, archiver: Archiver, root: str) -> None:
        self._archiver = archiver
        self._root = root

    async def shown(self, request: web.Request) -> dict[str, Any]:
        """Next offset of each partition in the archive; `outage` is why the last try failed, null where it did not."""
        only(request)
        archiver = self._archiver
        offsets: dict[str, dict[int, int]] = {}
        for tp, partition in sorted(archiver.partitions.items()):
            offsets.setdefault(tp.topic, {})[tp.partition] = partition.durable
        return {
            "root": self._root,
            "offsets": offsets,
            "segments": archiver.committed_segments,
            "bytes": archiver.committed_bytes,
            "held_bytes": archiver.held_bytes,
            "outage": archiver.outage,
            "gaps": [
                {"topic": tp.topic, "partition": tp.partition, "reason": reason} for tp, reason in archiver.gaps.items()
            ],
        }

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        archiver = self._archiver
        position = GaugeMetricFamily(
            "shopnow_archive_position", "Next offset in the archive", labels=["topic", "partition"]
        )
        for tp, partition in archiver.partitions.items():
            position.add_metric([tp.topic, str(tp.partition)], partition.durable)
        yield position
        for name, text, value in (
            ("shopnow_archive_segments", "Segments committed", archiver.committed_segments),
            ("shopnow_archive_bytes", "Bytes of the segments committed", archiver.committed_bytes),
            ("shopnow_archive_retries", "Tries that the archive did not take", archiver.retries),
        ):
            counter = CounterMetricFamily(name, text)
            counter.add_metric([], value)
            yield counter
        for name, text, size in (
            ("shopnow_archive_held_bytes", "Bytes of segments not yet committed", archiver.held_bytes),
            ("shopnow_archive_gaps", "Partitions not archived, since Kafka lost their next offset", len(archiver.gaps)),
            ("shopnow_archive_outage", "1 while the archive does not answer", int(archiver.outage is not None)),
        ):
            gauge = GaugeMetricFamily(name, text)
            gauge.add_metric([], size)
            yield gauge
