"""Sending: many events in flight, beside waiting for each one as the seed's backend does.

`python -m benchmarks.producer`. Every way encodes, keys and sends the same events to the same topics, and is timed
until the last acknowledgement; one of them sends values that are encoded already.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.table import Table

from shopnow_streams.events import Event
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import AsyncShopProducer, ProducerOptions, ShopProducer, record_of
from shopnow_streams.producer.records import unchecked_record_of
from shopnow_streams.simulator import shoppers, steady_clock
from shopnow_streams.stack.local import LocalStack
from shopnow_streams.stack.ports import StackPorts, free_ports

PARTITIONS = 4
ONE_BY_ONE_S = 3.0
DISTINCT = 20_000

Timing = tuple[int, float, float]
"""Events, seconds, CPU seconds."""


@dataclass(frozen=True)
class Result:
    """One way, measured; `cpu_s` is of this process, all threads."""

    way: str
    events: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Events acknowledged a second."""
        return self.events / self.seconds


def run(connection: KafkaConnection, events: int, console: Console) -> list[Result]:
    """Measure each way in turn against a broker with our topics. The first is what the others are compared with."""
    sample = list(islice(shoppers(1, steady_clock(datetime(2025, 11, 28, tzinfo=UTC), 1_000)), DISTINCT))
    batch = [sample[number % DISTINCT] for number in range(events)]
    plain, unchecked = ProducerOptions(), ProducerOptions(validate=False)
    ways: list[tuple[str, Callable[[], Timing]]] = [
        # No linger for it, though it has one in the product: else it would mostly wait for that.
        ("one by one", lambda: _one_by_one(connection, batch, ProducerOptions(linger_ms=0))),
        ("one by one, linger 5 ms", lambda: _one_by_one(connection, batch, plain)),
        ("in flight", lambda: _in_flight(connection, batch, plain)),
        ("in flight, unchecked", lambda: _in_flight(connection, batch, unchecked)),
        ("in flight, send_raw", lambda: _encoded(connection, batch)),
        ("asyncio", lambda: asyncio.run(_async(connection, batch, plain))),
        ("asyncio, unchecked", lambda: asyncio.run(_async(connection, batch, unchecked))),
        ("aiokafka, unchecked", lambda: asyncio.run(_aiokafka(connection, batch[: events // 4]))),
    ]
    results = []
    for way, send in ways:
        console.print(f"measuring: {way}")
        count, seconds, cpu_s = send()
        results.append(Result(way, count, seconds, cpu_s))
    return results


def shown(results: list[Result]) -> Table:
    """The results as a table; the first row is the one that the ratios are against."""
    table = Table(title="sending", title_justify="left", box=None, header_style="bold")
    table.add_column("way")
    for name in ("events", "seconds", "events/s", "ratio", "CPU µs/event"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(
            result.way,
            f"{result.events:,}",
            f"{result.seconds:.2f}",
            f"{result.per_s:,.0f}",
            f"{result.per_s / results[0].per_s:.1f}",
            f"{result.cpu_s / result.events * 1e6:.1f}",
        )
    return table


def _timed(work: Callable[[], int]) -> Timing:
    began, cpu = time.perf_counter(), time.process_time()
    count = work()
    return count, time.perf_counter() - began, time.process_time() - cpu


async def _timed_async(work: Callable[[], Awaitable[int]]) -> Timing:
    began, cpu = time.perf_counter(), time.process_time()
    count = await work()
    return count, time.perf_counter() - began, time.process_time() - cpu


def _one_by_one(connection: KafkaConnection, batch: list[Event], options: ProducerOptions) -> Timing:
    with ShopProducer(connection, options) as shop:

        def work() -> int:
            until = time.monotonic() + ONE_BY_ONE_S
            for count, event in enumerate(batch):
                if time.monotonic() > until:
                    return count
                shop.send_and_wait(event)
            return len(batch)

        shop.send_and_wait(batch[0])  # the first one also opens connections
        return _timed(work)


def _in_flight(connection: KafkaConnection, batch: list[Event], options: ProducerOptions) -> Timing:
    with ShopProducer(connection, options) as shop:

        def work() -> int:
            for event in batch:
                shop.send(event)
            shop.flush(120)
            return len(batch)

        shop.send_and_wait(batch[0])
        return _timed(work)


def _encoded(connection: KafkaConnection, batch: list[Event]) -> Timing:
    records = [record_of(event) for event in batch[:DISTINCT]]
    with ShopProducer(connection) as shop:

        def work() -> int:
            for number in range(len(batch)):
                topic, key, value = records[number % DISTINCT]
                shop.send_raw(topic, value, key)
            shop.flush(120)
            return len(batch)

        shop.send_and_wait(batch[0])
        return _timed(work)


async def _async(connection: KafkaConnection, batch: list[Event], options: ProducerOptions) -> Timing:
    async with AsyncShopProducer(connection, options) as shop:

        async def work() -> int:
            for event in batch:
                await shop.send(event)
            await shop.flush(120)
            return len(batch)

        await shop.send_and_wait(batch[0])
        return await _timed_async(work)


async def _aiokafka(connection: KafkaConnection, batch: list[Event]) -> Timing:
    async with AIOKafkaProducer(
        bootstrap_servers=connection.brokers,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=1 << 17,  # its default of 16 KiB costs it a third
    ) as peer:

        async def work() -> int:
            for event in batch:
                topic, key, value = unchecked_record_of(event)
                await peer.send(topic, value, key)
            await peer.flush()
            return len(batch)

        topic, key, value = record_of(batch[0])
        await peer.send_and_wait(topic, value, key)
        return await _timed_async(work)


@contextmanager
def broker() -> Iterator[str]:
    """A broker of our own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder:
        stack = LocalStack(Path(folder) / "stack", StackPorts(*free_ports(7)))
        stack.start(services=("kafka",))
        try:
            yield stack.bootstrap
        finally:
            stack.stop()


@click.command("producer")
@click.option("--events", default=500_000, show_default=True, type=click.IntRange(1_000))
@click.option("--kafka", help="host:port of a broker to use; else one is started.")
def main(events: int, kafka: str | None) -> None:
    """Ratios are what to quote: machines differ, runs differ."""
    console = Console()
    if kafka is None:
        with broker() as bootstrap:
            _report(bootstrap, events, console)
    else:
        _report(kafka, events, console)


def _report(bootstrap: str, events: int, console: Console) -> None:
    connection = KafkaConnection(bootstrap)
    KafkaAdmin(connection).create(PARTITIONS, 1)
    console.print(shown(run(connection, events, console)))


if __name__ == "__main__":
    main()
