"""Tables: what each of them costs a worker, in processor time an event.

`python -m benchmarks tables`. One process; librdkafka's own mock broker stands in for Kafka. The events are those of
catching up. The reader fetches all of them, and then, again and again, they are folded into tables that are empty: in
slices of as many records as an agent folds in one go, cut as soon as so many rows wait as make a flush due, and each
cut written to RocksDB, all by the worker's own code. What belongs to each table is timed within the same pass, slice by
slice and cut by cut, and what is shown is the median of all passes, so that no table has the better moments.

It is processor time of the one thread, since that thread holds the interpreter. What moves to longer windows is of the
cut. What RocksDB does on its own threads, the changelog's producer, and Faust between the reader and the fold are not
in it. `decode` is all of a fold that is of no table. Bytes are keys and values of the changelog, before compression.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from confluent_kafka import Producer
from faust.types import TP
from rich.console import Console
from rich.progress import Progress

from agents.fold import SLICE_RECORDS
from benchmarks.load import Sent, Traffic, traffic_of
from benchmarks.options import of_a_shop
from benchmarks.producer import PARTITIONS
from benchmarks.table_results import Cost, Pass, shown
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.delivery.reader import Reader
from shopnow_streams.folds import TABLES
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from shopnow_streams.wiring import tune_memory
from tables.cut import POSITIONS
from tables.partition import Partition
from tables.store import PartitionStore, prefix
from tables.windowed import WindowedRows

DEFAULTS = Settings()
PORTION = 50_000
"""Events sent to the mock broker at a time: it keeps 5 MB of each partition, no more."""

Given = ParamSpec("Given")
Got = TypeVar("Got")


def run(events: int, passes: int, traffic: Traffic, progress: Progress) -> list[Pass]:
    """Read and fold the mix so often. Blocks for some 20 µs an event and pass."""
    tune_memory()
    task = progress.add_task(f"passes over {events:,} events", total=passes)
    mix, done = list(traffic(events)), []
    for _ in range(passes):
        reader_s, batches = asyncio.run(_read(mix))
        done.append(folded(batches, reader_s))
        progress.advance(task)
    return done


async def _read(mix: Sequence[Sent]) -> tuple[float, list[Batch]]:
    """Processor time of the reader's thread, and what it read, in the order in which it came."""
    producer = Producer({"test.mock.num.brokers": 1, "compression.type": "lz4", "linger.ms": 50, "log_level": 0})
    (mock,) = producer.list_topics(timeout=10).brokers.values()
    reader = Reader({"bootstrap.servers": f"{mock.host}:{mock.port}", "log_level": "0"})
    await reader.assign({TP(str(topic), number): 0 for topic in Topic for number in range(PARTITIONS)})
    loop = asyncio.get_running_loop()
    begun_s = await loop.run_in_executor(reader._thread, time.thread_time)
    batches, records = list[Batch](), 0
    for sent in range(0, len(mix), PORTION):
        for topic, key, value in mix[sent : sent + PORTION]:
            producer.produce(topic, value, key)
        producer.flush()
        while records < min(sent + PORTION, len(mix)):
            fetched = (await reader.take()).values()
            records += sum(len(batch.records) for batch in fetched)
            batches += fetched
    taken_s = await loop.run_in_executor(reader._thread, time.thread_time) - begun_s
    await reader.close()
    return taken_s, batches


def folded(batches: Iterable[Batch], reader_s: float) -> Pass:
    """Fold them into empty tables, cut and store these: what each took."""
    with tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder:
        bench = Bench([PartitionStore(Path(folder) / str(number)) for number in range(PARTITIONS)])
        for batch in batches:
            bench.apply(batch)
        return bench.end(reader_s)


class Bench:
    """Partitions whose tables have a stopwatch each for folds, for cuts, and for the store."""

    def __init__(self, stores: Sequence[PartitionStore]) -> None:
        self._partitions = [Partition(number, TABLES, store) for number, store in enumerate(stores)]
        self._folds = {name: Stopwatch() for name in (*self._partitions[0].tables, POSITIONS)}
        self._cuts = {name: Stopwatch() for name in self._folds}
        self._stores = {name: Stopwatch() for name in self._folds}
        self._apply = Stopwatch()
        self._bytes, self._rows = Counter[str](), Counter[str]()
        self._events = self._cut_count = 0
        for partition in self._partitions:
            for name, rows in partition.tables.items():
                rows.fold = self._folds[name].timed(rows.fold)  # type: ignore[method-assign]
                rows.cut = self._cuts[name].timed(rows.cut)  # type: ignore[method-assign]
                if isinstance(rows, WindowedRows):
                    rows.advance = self._cuts[name].timed(rows.advance)  # type: ignore[method-assign]

    def apply(self, batch: Batch) -> None:
        """As an agent does, and a flush where one is due."""
        partition = self._partitions[batch.partition]
        partition.begin(batch.topic, batch.start)
        apply = self._apply.timed(partition.apply)
        for part in batch.slices(SLICE_RECORDS):
            apply(part)
            if partition.pending >= DEFAULTS.flush_rows:
                self._cut(partition)
        self._events += len(batch.records)

    def _cut(self, partition: Partition) -> None:
        cut = partition.cut()
        if cut is None:
            return
        for name, rows in cut.rows.items():
            self._stores[name].timed(partition.store.write)({prefix(name): rows}, {})
            self._rows[name] += len(rows)
            self._bytes[name] += sum(len(key) + len(value or b"") for key, value in rows)
        partition.settle(DEFAULTS.keep_rows)
        self._cut_count += 1

    def end(self, reader_s: float) -> Pass:
        """Cut what is left and close the stores."""
        for partition in self._partitions:
            self._cut(partition)
            partition.store.close()
        costs = {
            name: Cost(
                self._folds[name].taken_s,
                self._cuts[name].taken_s,
                self._stores[name].taken_s,
                self._bytes[name],
                self._rows[name],
            )
            for name in self._folds
        }
        folds_s = sum(cost.fold_s for cost in costs.values())
        return Pass(self._events, self._cut_count, reader_s, self._apply.taken_s - folds_s, costs)


class Stopwatch:
    """Processor time of this thread in calls that are `timed`, added up."""

    def __init__(self) -> None:
        self.taken_s = 0.0

    def timed(self, call: Callable[Given, Got]) -> Callable[Given, Got]:
        """The call, timed."""

        def timed(*args: Given.args, **kwargs: Given.kwargs) -> Got:
            begun_s = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                self.taken_s += time.thread_time() - begun_s

        return timed


@click.command("tables")
@click.option("--events", default=200_000, show_default=True, type=click.IntRange(10_000))
@click.option("--passes", default=7, show_default=True, type=click.IntRange(1))
@of_a_shop
def main(events: int, passes: int, per_s: float) -> None:
    """What each table costs a worker, an event; beside the reader and the decoder."""
    console = Console()
    with Progress(console=console, transient=True) as progress:
        done = run(events, passes, traffic_of(per_s), progress)
    console.print(shown(done))
