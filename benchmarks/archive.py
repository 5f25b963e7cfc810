"""Archiving: our archive app catching up, beside Spark Structured Streaming's file sink on the same events.

Both find all events waiting in the same Kafka and bring every record, raw and as its event's typed columns, into
Parquet (zstd) on the same HDFS, each on two cores. Two stretches are timed. The start is from before the process is
made until it is ready to ask for the first record: ours has been assigned all partitions, Spark has its session and is
about to start the query. Archiving begins there and ends when the last record is durable: ours has committed the
offsets of all to Kafka, which it does once their files have their names; Spark's query, `Trigger.AvailableNow`, has
ended after its commit to the checkpoint on HDFS. A JVM compiles itself meanwhile, and that is within: with few events
it is a good part, and `--events 10000000` is kinder to Spark.

Spark takes all that waits as one batch, and so makes a file of each partition. Ours goes on archiving, and its last
segments would be waited for: here they close after two seconds, where five minutes are the default. So its files are
smaller and more than in operation, and up to two seconds of its time are that wait. Ours also holds events to their
bounds, and gives its files Bloom filters of ids.

Each is one process, and its processor time is all that this process takes, the JVM's compiler included. How many
records arrived is read from the files themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import Progress

from benchmarks.archive_results import Archived, shown
from benchmarks.archiver import archiver
from benchmarks.ground import PARTITIONS, Ground, ground
from benchmarks.measured import Measured
from benchmarks.spark_archive import SparkArchive, spark_archive
from benchmarks.stored import stored
from benchmarks.worker import Group, Worker, started, two_cores
from shopnow_streams.errors import StackError
from shopnow_streams.stack.local import CACHE

OURS = "ours"
SPARK = "Spark"


@dataclass(frozen=True)
class Bench:
    """What both run on, and the peer."""

    ground: Ground
    peer: SparkArchive


def run(events: int, rounds: int, console: Console) -> dict[str, list[Archived]]:
    """Load `events`, then measure both once a round, in turn. Blocks for minutes.

    Raises ProcessDied where one ends before it is done, another StackError where it gets nowhere or does not archive
    every record once, JavaMissing.
    """
    results: dict[str, list[Archived]] = {way: [] for way in WAYS}
    with ground(events, console) as loaded, loaded.room("classes") as classes:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("Spark")
            peer = spark_archive(
                CACHE.absolute(), classes, lambda now: progress.update(task, total=now.bytes_total, completed=now.bytes)
            )
        for number in range(1, rounds + 1):
            for way, measure in WAYS.items():
                console.print(f"round {number} of {rounds}: {way}")
                with two_cores():
                    results[way].append(measure(Bench(loaded, peer), f"archive-{way.lower()}-{number}"))
                console.print(f"    {results[way][-1].per_s:,.0f} events/s")
    return results


def _ours(bench: Bench, name: str) -> Archived:
    group = Group(bench.ground.stack.bootstrap, f"{name}-archive")
    with archiver(bench.ground, name) as worker:
        return _archived(
            bench, name, worker, lambda: group.assigned(PARTITIONS), lambda: group.committed() >= bench.ground.events
        )


def _spark(bench: Bench, name: str) -> Archived:
    with bench.ground.room(name) as folder:
        command = bench.peer.command(bench.ground.stack.bootstrap, bench.ground.archive(name), folder)
        with started(command, bench.ground.log(name), {}) as worker:
            return _archived(bench, name, worker, lambda: worker.says("ready"), lambda: worker.says("durable"))


WAYS: Mapping[str, Callable[[Bench, str], Archived]] = {OURS: _ours, SPARK: _spark}


def _archived(
    bench: Bench, name: str, worker: Worker, ready: Callable[[], bool], durable: Callable[[], bool]
) -> Archived:
    with Measured(worker.pid) as start:
        begun = worker.until(ready)
    with Measured(worker.pid) as measured:
        ended = worker.until(durable)
    there = stored(bench.ground.files(name))
    if there.records != bench.ground.events:
        raise StackError(f"{there.records:,} of {bench.ground.events:,} records are in {bench.ground.archive(name)}.")
    return Archived(
        events=bench.ground.events,
        value_bytes=bench.ground.value_bytes,
        start_s=begun - worker.begun,
        seconds=ended - begun,
        start_cpu_s=start.cpu_s,
        cpu_s=measured.cpu_s,
        peak_mb=max(start.peak_rss_bytes, measured.peak_rss_bytes) / 1e6,
        file_bytes=there.bytes,
        files=there.files,
    )


@click.command("archive")
@click.option("--events", default=2_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1), help="Each way so often, in turn.")
def main(events: int, rounds: int) -> None:
    """The archive catching up, beside Spark Structured Streaming's file sink."""
    console = Console()
    console.print(shown(run(events, rounds, console), SPARK))
