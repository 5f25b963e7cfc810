"""Which partitions this worker owns, and the flushes that make their state durable."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from faust.types import TP
from mode import Service
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import OffsetsLost, StoreBusy, TablesChanged, WriterFenced
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.watermark import STANDARD, EventTime
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS, Cut
from tables.partition import Partition
from tables.restore import restore, topic_ids
from tables.store import PartitionStore, prefix
from tables.timings import Timings
from tables.writer import PartitionWriter

logger = get_logger(__name__)

STOP_S = 10.0
OPEN_S = 10.0


@retry(retry=retry_if_exception_type(StoreBusy), stop=stop_after_delay(OPEN_S), wait=wait_fixed(0.1), reraise=True)
def _open_store(path: Path) -> PartitionStore:
    """Open it, once a worker that is just ending lets go of it. Blocks `OPEN_S` at most; then raises StoreBusy."""
    return PartitionStore(path)


@dataclass(frozen=True)
class LiveTablesConfig:
    """`flush_interval_s` (twice that after a take-over) bounds what a kill makes the next owner fold again, as long as
    all flushes together take less; `flush_rows` bounds one cut, and
    `keep_rows` what stays in memory of each table and partition between cuts. `event_time` says what is late."""

    application_id: str
    data_dir: Path
    librdkafka: Mapping[str, str]
    flush_interval_s: float = 1.0
    flush_rows: int = 20_000
    keep_rows: int = 50_000
    event_time: EventTime = STANDARD

    def changelog(self, table: str) -> str:
        """The table's changelog topic, by Faust's rule."""
        return f"{self.application_id}-{table}-changelog"

    def transactional_id(self, number: int) -> str:
        """Of the one writer of a partition: whoever opens it fences the others."""
        return f"{self.application_id}-tables-{number}"


def _let_go(writers: Iterable[PartitionWriter], stores: Iterable[PartitionStore]) -> None:
    for writer in writers:
        writer.close()
    for store in stores:
        store.close()


@dataclass
class Owned:
    """A partition that is ours: its state and its writer. `flushing` keeps its cuts one behind the other."""

    partition: Partition
    writer: PartitionWriter
    flushing: asyncio.Lock


class LiveTables(Service):
    """All tables of one worker. The event loop's, but for the threads that it runs its blocking parts in."""

    def __init__(self, config: LiveTablesConfig, definitions: Iterable[Definition[Any]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.definitions = {definition.name: definition for definition in definitions}
        self.changelogs = {table: config.changelog(table) for table in (*self.definitions, POSITIONS)}
        self.owned: dict[int, Owned] = {}
        self.turn = asyncio.Lock()
        self.on_durable: Callable[[Mapping[TP, int]], None] = lambda _offsets: None
        self.on_folded: Callable[[Batch], object] = lambda _batch: None
        self.on_owned: Callable[[Partition], object] = lambda _partition: None
        self.timings = Timings()
        self.flushed_rows = 0
        self.restored_rows = 0
        self.accepted_before: Counter[str] = Counter()
        self.refused_before: Counter[tuple[str, str]] = Counter()
        self.misdated_before: Counter[tuple[str, str]] = Counter()
        self.moved_before: Counter[tuple[str, str]] = Counter()
        self._generation = -1
        self._opening: list[PartitionWriter] = []
        self._flush_due = asyncio.Event()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="tables")

    @property
    def accepted(self) -> Counter[str]:
        """Events folded since the start, by topic."""
        return sum((owned.partition.accepted for owned in self.owned.values()), self.accepted_before)

    @property
    def refused(self) -> Counter[tuple[str, str]]:
        """Records that were no events since the start, by topic and reason."""
        return sum((owned.partition.refused for owned in self.owned.values()), self.refused_before)

    @property
    def misdated(self) -> Counter[tuple[str, str]]:
        """Events since the start that no window has, by topic and reason: `late`, `ahead`."""
        return sum((owned.partition.misdated for owned in self.owned.values()), self.misdated_before)

    @property
    def moved(self) -> Counter[tuple[str, str]]:
        """Rows of windows since the start that went on (see `Partition.moved`)."""
        return sum((owned.partition.moved for owned in self.owned.values()), self.moved_before)

    def next_offset(self, tp: TP) -> int | None:
        """Where `tp` stands (see `delivery.consumer.Progress`)."""
        owned = self.owned.get(tp.partition)
        return None if owned is None else owned.partition.positions.get(tp.topic)

    def begin(self, tp: TP, offset: int) -> None:
        """`tp`, of which nothing was folded yet, begins at `offset`."""
        if tp.partition in self.owned:
            self.owned[tp.partition].partition.begin(tp.topic, offset)

    def apply(self, batch: Batch) -> None:
        """Fold a batch of a partition of ours; one of another partition is left for its owner."""
        owned = self.owned.get(batch.partition)
        if owned is None:
            return
        with self.timings.fold.time():
            owned.partition.apply(batch)
        self.on_folded(batch)
        if owned.partition.pending >= self.config.flush_rows:
            self._flush_due.set()

    async def back_pressure(self, batch: Batch) -> None:
        """Wait while the partition has twice a cut's rows unwritten: memory is bounded, and Kafka keeps the rest."""
        while (owned := self.owned.get(batch.partition)) and owned.partition.pending >= 2 * self.config.flush_rows:
            self._flush_due.set()
            await asyncio.sleep(0.01)

    async def take_over(self, assigned: Collection[int], generation: int) -> None:
        """Own exactly these partition numbers, as of this generation of the group.

        New ones: fence the former owner, then restore. A generation that we missed may have had another owner write
        to a partition which looks as if we had kept it: then all are new.

        Raises OffsetsLost where a topic was made anew, TablesChanged where the rows are of another version.
        """
        kept = set(assigned) & self.owned.keys() if generation == self._generation + 1 else set()
        self._generation = generation
        await self._release(self.owned.keys() - kept)
        new = sorted(set(assigned) - kept)
        if new:
            with self.timings.restore.time():
                writers, stores, sources = await self._in_thread(self._open, new)
            self._opening = []
            if self.should_stop:  # the restore was ended before its end, perhaps: rows and positions of two instants
                await asyncio.to_thread(_let_go, writers.values(), stores.values())  # our own threads may be gone
                return
            try:
                self.owned |= {number: self._own(number, writers, stores, sources) for number in new}
            except (OffsetsLost, TablesChanged):
                await self._in_thread(_let_go, writers.values(), stores.values())
                raise

    def _own(
        self,
        number: int,
        writers: Mapping[int, PartitionWriter],
        stores: Mapping[int, PartitionStore],
        sources: Mapping[str, str],
    ) -> Owned:
        partition = Partition(number, self.definitions.values(), stores[number], self.config.event_time)
        partition.recognise(sources)
        self.on_owned(partition)  # before anything is folded
        return Owned(partition, writers[number], asyncio.Lock())

    def _open(self, numbers: list[int]) -> tuple[dict[int, PartitionWriter], dict[int, PartitionStore], dict[str, str]]:
        config = self.config
        writers = {
            number: PartitionWriter(config.librdkafka, config.transactional_id(number), number, self.changelogs)
            for number in numbers
        }
        self._opening = list(writers.values())
        with ThreadPoolExecutor(len(numbers)) as threads:  # each waits for Kafka: their waits are one
            list(threads.map(lambda writer: writer.open(), writers.values()))
        stores = {number: _open_store(config.data_dir / "tables" / str(number)) for number in numbers}
        self.restored_rows += restore(config.librdkafka, stores, self.changelogs, lambda: self.should_stop)
        return writers, stores, topic_ids(config.librdkafka, [str(topic) for topic in Topic], lambda: self.should_stop)

    async def _release(self, numbers: Collection[int]) -> None:
        released = [self.owned.pop(number) for number in list(numbers)]
        for owned in released:
            owned.writer.give_up()
            self.accepted_before += owned.partition.accepted
            self.refused_before += owned.partition.refused
            self.misdated_before += owned.partition.misdated
            self.moved_before += owned.partition.moved
        for owned in released:
            async with owned.flushing:
                await self._in_thread(owned.writer.close)
                owned.partition.store.close()

    @Service.task
    async def _flush_regularly(self) -> None:
        """Each partition once an interval, one after the other and spread over it: at once they would be felt."""
        while not self.should_stop:
            turns: list[Owned | None] = [*self.owned.values()]
            share_s = self.config.flush_interval_s / max(1, len(turns))
            for owned in turns or [None]:
                until_s = self.loop.time() + share_s
                if owned is not None:
                    await self._flush(owned)
                await self._flush_large(until_s)

    async def _flush_large(self, until_s: float) -> None:
        while (left_s := until_s - self.loop.time()) > 0 and not self.should_stop:
            await self.wait_first(self._flush_due.wait(), timeout=left_s)
            self._flush_due.clear()
            if not await self.flush(self.config.flush_rows, until_s):
                self._flush_due.set()  # the rest, once the one whose turn it is has had it

    async def flush(self, at_least_rows: int = 0, until_s: float = math.inf) -> bool:
        """Make durable what every owned partition stands at that has so many rows to write.

        False where it broke off, since `until_s` of the loop's clock had come. Raises WriterFenced where one is not
        ours any more.
        """
        for owned in list(self.owned.values()):  # one by one: the loop and the reader want the interpreter too
            if owned.partition.pending >= at_least_rows:
                await self._flush(owned)
            if self.loop.time() >= until_s:
                return False
        return True

    async def _flush(self, owned: Owned) -> None:
        async with owned.flushing:
            number = owned.partition.number
            if self.owned.get(number) is not owned:
                return
            cut = owned.partition.cut()
            if cut is None:
                return
            started = self.loop.time()
            try:
                await self._in_thread(self._write, owned, cut)
            except (KafkaException, WriterFenced):
                if self.owned.get(number) is owned:
                    raise
                return  # revoked meanwhile, and given up: the next owner reads on from the cut before
            owned.partition.settle(self.config.keep_rows)
            self.on_durable({TP(topic, number): offset for topic, offset in cut.positions.items()})
            self.timings.flush.observe(self.loop.time() - started)
            self.flushed_rows += len(cut)

    @staticmethod
    def _write(owned: Owned, cut: Cut) -> None:
        ends = owned.writer.commit(cut)
        owned.partition.store.write({prefix(table): rows for table, rows in cut.rows.items()}, ends)

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await self.loop.run_in_executor(self._threads, call, *args)

    async def on_stop(self) -> None:
        """Flush once more, so that the next owner starts where we end; then let go of everything."""
        for writer in self._opening:
            writer.give_up()
        if not self.crashed:
            try:
                await asyncio.wait_for(self.flush(), STOP_S)
            except (TimeoutError, WriterFenced, KafkaException) as error:
                logger.warning(
                    "stopped without a last flush, the next owner folds it again: {error!r}",
                    error=error,
                    partitions=sorted(self.owned),
                )
        await self._release(self.owned.keys())
        self._threads.shutdown(wait=False)
