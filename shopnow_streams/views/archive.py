"""`/api/archive`: how far the archive is, by the workers that write it."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.archiver import Archiver
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.views.page import json_response, only
from shopnow_streams.views.peers import Peers, decoded

logger = get_logger(__name__)

PATH = "/internal/archive"


class Gap(msgspec.Struct, frozen=True):
    """A partition that is not archived any more, since Kafka lost its next offset."""

    topic: str
    partition: int
    reason: str


class Part(msgspec.Struct, frozen=True):
    """One worker's part. `offsets` has the next offset in the archive by topic and partition, where it knows it yet;
    `segments` and `bytes` are what it committed since it started."""

    offsets: dict[str, dict[int, int]]
    segments: int
    bytes: int
    held_bytes: int
    outage: str | None
    gaps: list[Gap]


class Answering(msgspec.Struct, frozen=True):
    """How many of the workers are in an answer."""

    answered: int
    of: int


class Progress(Part, frozen=True, kw_only=True):
    """How far the archive is, by all workers that write it. `segments` and `bytes` are since they started, `outage` is
    why the last try of one of them failed."""

    root: Annotated[str, Meta(description="Where the archive is.", examples=["hdfs://127.0.0.1:8020/shopnow"])]
    complete: Annotated[bool, Meta(description="Whether every worker answered.")]
    workers: Answering


_decode = msgspec.json.Decoder(Part).decode


class ArchiveProgress(Collector):
    """The archive's progress, as JSON of all workers and as metrics of this one."""

    def __init__(self, archiver: Archiver, root: str, peers: Peers) -> None:
        self._archiver = archiver
        self._root = root
        self._peers = peers

    async def shown(self, request: web.Request) -> Progress:
        """All parts as one; `outage` is why the last try of one of them failed, null where none did."""
        only(request)
        bodies = await self._peers.ask(PATH)
        parts = [self._part(), *decoded(bodies, _decode, "the archive's progress is incomplete")]
        workers = Answering(len(parts), 1 + len(self._peers.hosts))
        whole = msgspec.structs.asdict(merged(parts))
        return Progress(**whole, root=self._root, complete=workers.answered == workers.of, workers=workers)

    async def serve(self, _request: web.Request) -> web.Response:
        """This worker's part, for another one."""
        return json_response(self._part())

    def _part(self) -> Part:
        archiver = self._archiver
        offsets: dict[str, dict[int, int]] = {}
        for tp, partition in sorted(archiver.partitions.items()):
            offsets.setdefault(tp.topic, {})[tp.partition] = partition.durable
        return Part(
            offsets,
            archiver.committed_segments,
            archiver.committed_bytes,
            archiver.held_bytes,
            archiver.outage,
            [Gap(tp.topic, tp.partition, reason) for tp, reason in archiver.gaps.items()],
        )

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


def merged(parts: Iterable[Part]) -> Part:
    """Several workers' parts as one. Of a partition that two of them name (a rebalance) the one further on counts."""
    parts = list(parts)
    offsets: dict[str, dict[int, int]] = {}
    for part in parts:
        for topic, ends in part.offsets.items():
            known = offsets.setdefault(topic, {})
            for partition, end in ends.items():
                known[partition] = max(end, known.get(partition, 0))
    return Part(
        {topic: dict(sorted(ends.items())) for topic, ends in sorted(offsets.items())},
        sum(part.segments for part in parts),
        sum(part.bytes for part in parts),
        sum(part.held_bytes for part in parts),
        next((part.outage for part in parts if part.outage), None),
        [gap for part in parts for gap in part.gaps],
    )
