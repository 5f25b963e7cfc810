"""Open segments, one a partition, and their way into the archive.

The archive itself says how far it is: the end of a partition's last segment is where its writer goes on. So nothing
here needs to be remembered, and a segment that is committed twice, or by two workers, is in the archive once.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from faust.types import TP
from mode import Service

from agents.partition_archive import OpenSegment, PartitionArchive
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import ArchiveCorrupt, OffsetsLost, SegmentConflict, SinkUnavailable
from shopnow_streams.logs.logger import get_logger
from sinks.formats import Format
from sinks.rotation import Rotation, joining
from sinks.segments import Records, Segment, SegmentName, date_of
from sinks.sink import Sink

logger = get_logger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 30.0
STOP_S = 10.0
Result = TypeVar("Result")


class Archiver(Service):
    """Takes batches, closes segments, commits them in order. The event loop's; blocking parts run in its threads.

    `buffer_bytes` bounds what is held of all partitions together: above it `take` waits, Kafka keeps the rest, and an
    outage of the archive may last as long as Kafka's retention.
    """

    def __init__(self, sink: Sink, file_format: Format, rotation: Rotation, buffer_bytes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.partitions: dict[TP, PartitionArchive] = {}
        self.gaps: dict[TP, str] = {}
        self.on_durable: Callable[[Mapping[TP, int]], None] = lambda _offsets: None
        self.committed_segments = 0
        self.committed_bytes = 0
        self.retries = 0
        self.outage: str | None = None
        self._sink = sink
        self._format = file_format
        self._rotation = rotation
        self._buffer_bytes = buffer_bytes
        self._first: dict[TP, int] = {}
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._room = asyncio.Event()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="archive")

    @property
    def held_bytes(self) -> int:
        """What is in memory, not yet in the archive."""
        return sum(partition.held_bytes for partition in self.partitions.values())

    def next_offset(self, tp: TP) -> int | None:
        """Where `tp` stands (see `delivery.consumer.Progress`); None until its archive was looked at."""
        partition = self.partitions.get(tp)
        return None if partition is None or tp in self.gaps else partition.stands

    def begin(self, tp: TP, offset: int) -> None:
        """`tp`, whose archive was not looked at yet, has `offset` as its first in Kafka."""
        self._first[tp] = offset

    def give_up(self, lost: OffsetsLost) -> None:
        """Stop archiving the partition whose next offset Kafka no longer has, until this worker is started again."""
        self.gaps[TP(lost.topic, lost.partition)] = str(lost)
        logger.error("not archived any more: {error}", error=lost)

    def assigned(self, tps: Collection[TP]) -> None:
        """Let go of all partitions but these; their next owner begins where the archive ends."""
        for tp in self._first.keys() - set(tps):
            del self._first[tp]
        for tp in self.partitions.keys() - set(tps):
            partition = self.partitions.pop(tp)
            if partition.committing is not None:
                partition.committing.cancel()
        self._room.set()

    async def take(self, batch: Batch) -> bool:
        """Take `batch` in. False where it is not the next one: read on from `next_offset`.

        Blocks while the archive is away and the buffer is full, or while the partition's end is not known.
        """
        if batch.tp not in self.partitions:
            await self._look(batch.topic)
        partition = self.partitions.get(batch.tp)
        if partition is None:
            return False
        async with partition.busy:
            if batch.start != partition.stands or self.partitions.get(batch.tp) is not partition:
                return False
            records = await self._in_thread(_records, batch)
            while len(records):
                records = await self._add(partition, records)
            partition.stands = batch.next_offset
            if not batch.records:
                self.on_durable({batch.tp: partition.durable})
        await self._wait_for_room()
        return True

    async def _look(self, topic: str) -> None:
        """See where the archive ends, of all partitions of the topic that are ours: one look is many calls to HDFS."""
        async with self._looking[topic]:
            unknown = [tp.partition for tp in self._first if tp.topic == topic and tp not in self.partitions]
            if not unknown:
                return
            for number, end in (await self._until_available(self._sink.ends, topic, unknown)).items():
                tp = TP(topic, number)
                if tp in self._first:  # ours still
                    stands = self._first[tp] if end is None else end
                    self.partitions[tp] = PartitionArchive(tp, stands, stands)

    async def _add(self, partition: PartitionArchive, records: Records) -> Records:
        """Add what belongs to the open segment; what is left begins another one."""
        segment = partition.open or self._begin(partition, records.timestamps_ms[0])
        joined, rest = records.split(joining(segment.name.date, records.timestamps_ms))
        if len(joined):
            await self._in_thread(segment.encoder.add, joined)
            segment.rows += len(joined)
            partition.stands = joined.offsets[-1] + 1
        age_s = time.monotonic() - segment.opened_s
        if len(rest) or self._rotation.due(segment.encoder.size, segment.rows, age_s):
            await self._seal(partition)
        return rest

    def _begin(self, partition: PartitionArchive, timestamp_ms: int) -> OpenSegment:
        tp, day = partition.tp, date_of(timestamp_ms)
        name = SegmentName(tp.topic, tp.partition, partition.next, day, self._format.NAME)
        encoder = self._format.encoder(tp.topic, tp.partition, partition.next)
        partition.open = OpenSegment(name, encoder, time.monotonic())
        return partition.open

    async def _seal(self, partition: PartitionArchive) -> None:
        """Close the open segment and have it committed. The caller holds `busy`."""
        segment = partition.open
        if segment is None or segment.rows == 0:
            return
        data = await self._in_thread(segment.encoder.finish, partition.stands)
        partition.open = None  # with no turn of the loop between, so that `durable` never passes over it
        partition.sealed.append(Segment(segment.name, partition.stands, data))
        if partition.committing is None or partition.committing.done():
            partition.committing = self.add_future(self._commit(partition))

    async def _commit(self, partition: PartitionArchive) -> None:
        while partition.sealed:
            segment = partition.sealed[0]
            try:
                await self._until_available(self._sink.commit, segment)
            except SegmentConflict as conflict:
                tp, first = partition.tp, segment.name.first
                logger.warning(
                    "{error}: going on from what the archive has",
                    error=conflict,
                    topic=tp.topic,
                    partition=tp.partition,
                    offset=first,
                )
                self.partitions.pop(partition.tp, None)
                return
            partition.sealed.popleft()
            partition.end = segment.next
            self.committed_segments += 1
            self.committed_bytes += len(segment.data)
            self.on_durable({partition.tp: partition.end})
            self._room.set()

    async def _wait_for_room(self) -> None:
        while self.held_bytes > self._buffer_bytes:
            largest = max(self.partitions.values(), key=lambda each: each.open.encoder.held if each.open else 0)
            self._room.clear()
            if largest.open is not None:
                async with largest.busy:
                    await self._seal(largest)
            else:
                await self._room.wait()

    async def _until_available(self, call: Callable[..., Result], *args: Any) -> Result:
        wait_s = FIRST_RETRY_S
        while True:
            try:
                result: Result = await self._in_thread(call, *args)
            except SinkUnavailable as error:
                self.retries += 1
                self.outage = str(error)
                logger.warning("archive: {error}; again in {wait_s:.1f} s", error=error, wait_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LAST_RETRY_S)
            else:
                self.outage = None
                return result

    @Service.task
    async def _seal_old(self) -> None:
        while not self.should_stop:
            await self.sleep(min(1.0, self._rotation.max_age_s / 4))
            for partition in list(self.partitions.values()):
                segment = partition.open
                if segment and self._rotation.due(0, segment.rows, time.monotonic() - segment.opened_s):
                    async with partition.busy:
                        if partition.open is segment:
                            await self._seal(partition)

    async def flush(self) -> None:
        """Seal and commit all that is open. Blocks until the archive has it."""
        for partition in list(self.partitions.values()):
            async with partition.busy:
                await self._seal(partition)
        tasks = [partition.committing for partition in self.partitions.values() if partition.committing]
        await asyncio.gather(*tasks)

    async def on_stop(self) -> None:
        """Commit what is open where the archive answers; else the next owner reads it from Kafka again."""
        if not self.crashed:
            try:
                await asyncio.wait_for(self.flush(), STOP_S)
            except (TimeoutError, ArchiveCorrupt) as error:
                logger.warning("segments left open, to be read from Kafka again: {error!r}", error=error)
        self._threads.shutdown(wait=False)

    async def _in_thread(self, call: Callable[..., Result], *args: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


def _records(batch: Batch) -> Records:
    records = batch.records
    return Records(
        [record.offset() for record in records],
        [record.timestamp()[1] for record in records],
        [record.key() for record in records],
        [record.value() for record in records],
    )
