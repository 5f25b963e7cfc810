"""Visibility: how long after `produce()` an event is in an answer over HTTP, while many others are folded.

`python -m benchmarks visibility`. A broker, one worker and a steady load of a shop's events from a process of its own;
the prober is a second one. A probe is a view of a product that nobody else has, sent by the producer that backends
have, with its defaults. Its clock starts before the call and ends when an answer has been read that counts it. Half of
them are looked for by asking `/api/products/{id}` every few milliseconds, half by asking once, with the `at_least` of
their acknowledgement. Probes begin when it is their time, however long the ones before take.

Load, broker, worker and prober share the machine's cores, and no more can be sent than they leave: the title has what
was. The first probes come once the worker has had `WARM_UP_S` of the load.
"""

import asyncio
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import aiohttp
import click
from confluent_kafka import Producer
from rich.console import Console

from benchmarks.load import START, visited
from benchmarks.measured import Measured
from benchmarks.producer import PARTITIONS, broker
from benchmarks.visibility_results import Visibility, shown
from benchmarks.worker import Worker, started
from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.errors import StackError
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import AsyncShopProducer
from shopnow_streams.producer.awaitable import AwaitableDelivery
from shopnow_streams.stack.ports import free_ports

WARM_UP_S = 15.0
POLL_S = 0.005
TURN_S = 0.002
MOST_BEHIND = 20_000
"""Events of the load that are not acknowledged: beyond it waits for the broker."""
WAIT_MS = 10_000
FIRST_ID = 10**9
ACKNOWLEDGED = "acknowledged"
POLLED = f"in an answer, asked every {1000 * POLL_S:.0f} ms"
AWAITED = "in an answer, with at_least"

Taken = dict[str, list[float]]
"""Seconds from `produce()` on, by what they were until."""


def run(rate_per_s: int, seconds: float, probes: int) -> Visibility:
    """Measure so many `probes`, spread over that time. Blocks for a minute.

    Raises ProcessDied where the worker ends, another StackError where it does not begin, JavaMissing.
    """
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder:
        connection = KafkaConnection(bootstrap)
        KafkaAdmin(connection).create(PARTITIONS, 1)
        with (
            _worker(bootstrap, Path(folder)) as (worker, url),
            _load(bootstrap, rate_per_s, WARM_UP_S + seconds) as sent,
        ):
            time.sleep(WARM_UP_S)
            before, begun = sent(), time.monotonic()
            with Measured(worker.pid) as measured:
                taken = asyncio.run(_probe(connection, url, seconds, probes))
            count, lasted_s = sent() - before, time.monotonic() - begun
    return Visibility(count / lasted_s, measured.cpu_s / lasted_s, taken)


@contextmanager
def _worker(bootstrap: str, folder: Path) -> Iterator[tuple[Worker, str]]:
    (port,) = free_ports(1)
    environment = {
        "SHOPNOW_KAFKA": bootstrap,
        "SHOPNOW_DATA_DIR": str(folder / "tables"),
        "SHOPNOW_WEB_PORT": str(port),
        "SHOPNOW_ARCHIVE": "",
    }
    command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "warn"]
    with started(command, folder / "worker.log", environment) as worker:
        url = f"http://127.0.0.1:{port}"
        worker.until(WorkerApi(url).ready, 120)
        yield worker, url


@contextmanager
def _load(bootstrap: str, rate_per_s: int, lasts_s: float) -> Iterator[Callable[[], int]]:
    """The load, from its first event on until the end of the block; gives what tells how many are acknowledged."""
    context = multiprocessing.get_context("spawn")
    counter, go_on = context.Value("q", 0), context.Event()
    go_on.set()
    process = context.Process(target=send_steadily, args=(bootstrap, rate_per_s, lasts_s, counter, go_on))
    process.start()

    def sent() -> int:
        if not process.is_alive():
            raise StackError("the process that sends the load ended before its time")
        return int(counter.value)

    try:
        while not sent():
            time.sleep(POLL_S)
        yield sent
    finally:
        go_on.clear()
        process.join()


def send_steadily(
    bootstrap: str, rate_per_s: int, lasts_s: float, counter: "Synchronized[int]", go_on: "Event"
) -> None:
    """Send so many events a second while `go_on` is set, and count them; they are made before, enough for `lasts_s`."""
    made = list(visited(rate_per_s, int(lasts_s * rate_per_s)))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "compression.type": "lz4", "log_level": 0})
    begun, number = time.monotonic(), 0
    while go_on.is_set():
        due = min(int((time.monotonic() - begun) * rate_per_s), number + MOST_BEHIND - len(producer))
        for each in range(number, due):
            topic, key, value = made[each % len(made)]
            producer.produce(topic, value, key)
        number = max(number, due)
        producer.poll(0)
        counter.value = number - len(producer)
        time.sleep(TURN_S)
    producer.flush()


async def _probe(connection: KafkaConnection, url: str, seconds: float, probes: int) -> Taken:
    taken: Taken = {ACKNOWLEDGED: [], POLLED: [], AWAITED: []}
    chance = random.Random(1)
    async with AsyncShopProducer(connection) as shop, aiohttp.ClientSession(url) as session:
        await (await _produced(shop, FIRST_ID))  # the first one also connects
        begun, running = time.monotonic(), []
        for number in range(1, probes + 1):
            at = begun + seconds * (number - chance.random()) / probes  # at no beat of anybody's
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            look = _polled if number % 2 else _awaited
            running.append(asyncio.create_task(look(shop, session, FIRST_ID + number, taken)))
        await asyncio.gather(*running)
    return taken


async def _polled(shop: AsyncShopProducer, session: aiohttp.ClientSession, product: int, taken: Taken) -> None:
    begun = time.monotonic()
    await _produced(shop, product)
    while True:
        async with session.get(f"/api/products/{product}") as response:
            await response.read()
            if response.status == 200:
                break
        if time.monotonic() > begun + WAIT_MS / 1000:
            raise StackError(f"a probe was not counted within {WAIT_MS} ms")
        await asyncio.sleep(POLL_S)
    taken[POLLED].append(time.monotonic() - begun)


async def _awaited(shop: AsyncShopProducer, session: aiohttp.ClientSession, product: int, taken: Taken) -> None:
    begun = time.monotonic()
    delivery = await (await _produced(shop, product))
    taken[ACKNOWLEDGED].append(time.monotonic() - begun)
    event = f"{delivery.topic}:{delivery.partition}:{delivery.offset}"
    async with session.get(f"/api/products/{product}?at_least={event}&wait_ms={WAIT_MS}") as response:
        await response.read()
        if response.status != 200:
            raise StackError(f"a probe was not counted within {WAIT_MS} ms: {response.status}")
    taken[AWAITED].append(time.monotonic() - begun)


async def _produced(shop: AsyncShopProducer, product: int) -> AwaitableDelivery:
    return await shop.product_viewed(id_produit=product, nom_produit="Sonde", prix=1.0, timestamp=START)


@click.command("visibility")
@click.option("--rate", default=10_000, show_default=True, type=click.IntRange(0), help="Events a second, steadily.")
@click.option("--seconds", default=30.0, show_default=True, type=click.FloatRange(1))
@click.option("--probes", default=600, show_default=True, type=click.IntRange(2), help="Half of them for each way.")
def main(rate: int, seconds: float, probes: int) -> None:
    """How long after produce() an event is in an answer over HTTP, while a steady load is folded."""
    console = Console()
    console.print(shown(run(rate, seconds, probes)))
