"""Catching up: a worker that finds all events waiting, until every one is folded, durable, and archived.

The clock is the broker's, the same for ours and for Kafka Streams. It starts when the group's members have been
assigned all partitions: processes have started by then, no record has been read, and both still have to fence their
predecessors, which is work of theirs. It ends when the offsets that the group has committed reach the end of all five
topics; both commit once a second. A JVM compiles itself in the first seconds, and that is within: it is what a restart
costs. What it does once that is over, the second half shows.

Faust's tutorial would take minutes, so it is measured for a while from its first commit on: its start, and what it is
slow at in the beginning, are not in its rate. It counts one topic only. Ours also answers 50 reads a second meanwhile.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.archiver import archiver
from benchmarks.ground import PARTITIONS, Ground, ground
from benchmarks.kafka_streams import KafkaStreams, kafka_streams
from benchmarks.load import Traffic
from benchmarks.measured import Latency, Measured
from benchmarks.results import Result, Rounds, late_rate, shown
from benchmarks.worker import Group, Worker, started
from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.local import CACHE
from shopnow_streams.stack.ports import free_ports
from shopnow_streams.topics import Topic

TUTORIAL_S = 20.0
FAUST = "Faust, one table, by event"
KAFKA_STREAMS = "Kafka Streams, exactly once"
KAFKA_STREAMS_ALL = "Kafka Streams, all tables"
AS_THE_PEER = {"SHOPNOW_WITHOUT_TABLES": "activity,shoppers"}
"""Kafka Streams keeps five tables here; a row for each product and minute, or customer and hour, is none of them."""
LIVE_ALL = "live side, all tables"
ALL_TABLES = (LIVE_ALL, KAFKA_STREAMS_ALL)
"""The ways that keep all: they do more than the others, so that a ratio to those would say nothing."""
PEERS = {"x Faust": FAUST, "x Kafka Streams": KAFKA_STREAMS}
PEERS_ALL = {"x Kafka Streams": KAFKA_STREAMS_ALL}


@dataclass(frozen=True)
class Bench:
    """What every way runs on, and the peer from elsewhere."""

    ground: Ground
    peer: KafkaStreams


def run(events: int, rounds: int, traffic: Traffic, console: Console) -> Rounds:
    """Load so many events of `traffic`, then measure every way once a round, in turn. Blocks for minutes.

    Raises ProcessDied where a worker ends before it is done, another StackError where it gets nowhere, JavaMissing.
    """
    results: dict[str, list[Result]] = {way: [] for way in WAYS}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Kafka Streams")
        peer = kafka_streams(
            CACHE.absolute(), lambda now: progress.update(task, total=now.bytes_total, completed=now.bytes)
        )
    with ground(events, console, traffic) as loaded:
        bench = Bench(loaded, peer)
        for number in range(1, rounds + 1):
            for way, measure in WAYS.items():
                console.print(f"round {number} of {rounds}: {way}")
                with _application(bench, way, number) as application:
                    results[way].append(measure(bench, application))
                console.print(f"    {results[way][-1].per_s:,.0f} events/s")
    return results


def _live(bench: Bench, application: str) -> Result:
    return _ours(bench, application, "", AS_THE_PEER)


def _all_tables(bench: Bench, application: str) -> Result:
    return _ours(bench, application, "", {})


def _archived(bench: Bench, application: str) -> Result:
    return _ours(bench, application, bench.ground.archive(application), AS_THE_PEER)


def _archive_alone(bench: Bench, application: str) -> Result:
    with archiver(bench.ground, application) as worker:
        return _caught_up(bench, worker, [f"{application}-archive"], lambda: None)


def _ours(bench: Bench, application: str, archive: str, more: dict[str, str]) -> Result:
    environment = bench.ground.settings(application, archive) | more
    api = WorkerApi(f"http://127.0.0.1:{environment['SHOPNOW_WEB_PORT']}")
    groups = [application] + ([f"{application}-archive"] if archive else [])
    command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "warn"]
    with started(command, bench.ground.log(application), environment) as worker:
        return _caught_up(bench, worker, groups, lambda: api.get("/api/products/1"))


def _kafka_streams(bench: Bench, application: str) -> Result:
    return _peer(bench, application, all_tables=False)


def _kafka_streams_all(bench: Bench, application: str) -> Result:
    return _peer(bench, application, all_tables=True)


def _peer(bench: Bench, application: str, *, all_tables: bool) -> Result:
    folder = bench.ground.folder / application
    command = bench.peer.command(bench.ground.stack.bootstrap, application, folder, all_tables=all_tables)
    with started(command, bench.ground.log(application), {}) as worker:
        return _caught_up(bench, worker, [application], lambda: None)


def _caught_up(bench: Bench, worker: Worker, names: list[str], read: Callable[[], object]) -> Result:
    groups = [Group(bench.ground.stack.bootstrap, name) for name in names]
    seen: list[tuple[float, int]] = []

    def done() -> bool:
        seen.append((time.monotonic(), min(group.committed() for group in groups)))
        return seen[-1][1] >= bench.ground.events

    begun = worker.until(lambda: groups[0].assigned(PARTITIONS))
    with Measured(worker.pid) as measured, Latency(read) as latency:
        ended = worker.until(done)
    return Result(
        bench.ground.events,
        ended - begun,
        measured.cpu_s,
        measured.peak_rss_bytes / 1e6,
        late_rate(seen, bench.ground.events),
        latency.percentile_ms(99),
    )


def _tutorial(bench: Bench, application: str) -> Result:
    (port,) = free_ports(1)
    environment = {
        "BENCH_APPLICATION": application,
        "BENCH_KAFKA": bench.ground.stack.bootstrap,
        "BENCH_DATA": str(bench.ground.folder / application),
        "BENCH_PORT": str(port),
    }
    group = Group(bench.ground.stack.bootstrap, application)
    ends = KafkaAdmin(KafkaConnection(bench.ground.stack.bootstrap)).watermarks(Topic.PRODUCT_VIEWED)
    views = sum(end for _, end in ends.values())
    command = [sys.executable, "-m", "faust", "-A", "benchmarks.tutorial", "worker", "-l", "warn"]
    with started(command, bench.ground.log(application), environment) as worker:
        worker.until(lambda: group.committed() > 0)
        with Measured(worker.pid) as measured:
            first, begun = group.committed(), time.monotonic()
            worker.until(lambda: time.monotonic() >= begun + TUTORIAL_S or group.committed() >= views)
            folded, seconds = group.committed() - first, time.monotonic() - begun
    return Result(folded, seconds, measured.cpu_s, measured.peak_rss_bytes / 1e6)


WAYS: dict[str, Callable[[Bench, str], Result]] = {
    "live side": _live,
    LIVE_ALL: _all_tables,
    KAFKA_STREAMS: _kafka_streams,
    KAFKA_STREAMS_ALL: _kafka_streams_all,
    "archive side alone": _archive_alone,
    "both in one process": _archived,
    FAUST: _tutorial,
}


def compared(results: Rounds) -> tuple[Table, Table]:
    """Ways that do the same work beside each other: with the first tables, and with all."""
    first = {way: rounds for way, rounds in results.items() if way not in ALL_TABLES}
    every = {way: results[way] for way in ALL_TABLES}
    return shown(first, PEERS), shown(every, PEERS_ALL, "catching up, all tables")


@contextmanager
def _application(bench: Bench, way: str, number: int) -> Iterator[str]:
    """An application id of its own, and a folder of that name; afterwards both are gone, with the topics."""
    application = f"bench-{'-'.join(re.findall('[a-z]+', way.lower()))}-{number}"
    with bench.ground.room(application):
        yield application
    # else the broker would compact the changelogs of one while the next is measured
    client = AdminClient({"bootstrap.servers": bench.ground.stack.bootstrap, "log_level": 0})
    topics = [name for name in client.list_topics(timeout=10).topics if name.startswith(f"{application}-")]
    for deleted in client.delete_topics(topics).values() if topics else ():
        deleted.result()
