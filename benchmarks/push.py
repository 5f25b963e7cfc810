"""Push: what `/api/stream` costs a worker, and how soon its clients know, with none, some and many of them.

`python -m benchmarks push`. For each number of clients there are two parts, on one worker and one broker. First events
come at a steady rate, and each stock event carries the moment it was sent at: latency is from there to a client that
has the row, so Kafka, the fold and the tick (250 ms) are in it. Then as many events as can be are waiting: what the
worker folds of them a second, with that many clients open. The clients are a process of their own that reads and
counts, and looks into what one in fifty of them gets.
"""

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import re
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click
from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks.load import mixed
from benchmarks.measured import Measured
from benchmarks.producer import broker
from benchmarks.worker import Worker, started
from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.ports import free_ports
from shopnow_streams.topics import Topic

PARTITIONS = 4
STEADY_S = 15.0
LOOKED_INTO = 50
_STAMP = re.compile(rb'"units":\d+,"counted_at":"([^"]+)"')


@dataclass(frozen=True)
class Result:
    """One number of clients. `sent` and `cpu_s` are of the steady part; latencies in milliseconds."""

    clients: int
    sent: float
    p50_ms: float
    p99_ms: float
    cpu: float
    folded_per_s: float


class Clients:
    """So many streams, read in a process of their own. `with Clients(port, 100) as clients: ...`"""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count

    def __enter__(self) -> "Clients":
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=listen, args=(self._port, self._count, theirs))
        self._process.start()
        self._ours.recv()  # all are connected
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.send("end")
        self._process.join(30)

    def heard(self) -> tuple[int, list[float]]:
        """Events heard by all together, and latencies in seconds, since it was asked before."""
        self._ours.send("tell")
        events, latencies = self._ours.recv()
        return events, latencies


def listen(port: int, count: int, asked: "multiprocessing.connection.Connection[object, object]") -> None:
    """Be so many clients until told to end."""
    asyncio.run(_listen(port, count, asked))


async def _listen(port: int, count: int, asked: "multiprocessing.connection.Connection[object, object]") -> None:
    heard = [0]
    latencies: list[float] = []
    reading = []
    for number in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        reading.append(asyncio.create_task(_read(reader, heard, latencies if number % LOOKED_INTO == 0 else None)))
        reading[-1].writer = writer  # type: ignore[attr-defined]  # kept as long as it is read
    asked.send("ready")
    while await asyncio.to_thread(asked.recv) == "tell":
        asked.send((heard[0], list(latencies)))
        heard[0] = 0
        latencies.clear()
    for task in reading:
        task.cancel()


async def _read(reader: asyncio.StreamReader, heard: list[int], latencies: list[float] | None) -> None:
    while data := await reader.read(1 << 18):
        heard[0] += data.count(b"\nevent: ") + data.startswith(b"event: ")
        if latencies is not None:
            now = datetime.now(UTC)
            latencies += [
                (now - datetime.fromisoformat(stamp.decode())).total_seconds() for stamp in _STAMP.findall(data)
            ]


def run(clients: list[int], rate_per_s: int, waiting: int, console: Console) -> list[Result]:
    """Measure each number of clients in turn. Blocks for a minute each."""
    results = []
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder:
        KafkaAdmin(KafkaConnection(bootstrap)).create(PARTITIONS, 1)
        (port,) = free_ports(1)
        environment = {
            "SHOPNOW_KAFKA": bootstrap,
            "SHOPNOW_DATA_DIR": f"{folder}/tables",
            "SHOPNOW_WEB_PORT": str(port),
            "SHOPNOW_WEB_STREAMS": str(max(clients)),
            "SHOPNOW_ARCHIVE": "",
        }
        command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "warn"]
        with started(command, Path(folder) / "worker.log", environment) as worker:
            api = WorkerApi(f"http://127.0.0.1:{port}")
            worker.until(lambda: (api.get("/health/ready") or {}).get("status") == "ready", 120)
            for count in clients:
                console.print(f"measuring: {count:,} clients")
                with Clients(port, count) as listening:
                    results.append(_measured(bootstrap, worker, api, listening, count, rate_per_s, waiting))
    return results


def _measured(
    bootstrap: str, worker: Worker, api: WorkerApi, clients: Clients, count: int, rate_per_s: int, waiting: int
) -> Result:
    clients.heard()
    with Measured(worker.pid) as measured:
        began = time.monotonic()
        _send_steadily(bootstrap, rate_per_s)
        steady_s = time.monotonic() - began
    events, latencies = clients.heard()
    taken = sorted(latencies) or [float("nan")]
    before = _folded(api)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 2 * waiting})
    for topic, key, value in list(mixed(waiting, seed=count + 2)):
        producer.produce(topic, value, key)
    sending = threading.Thread(target=producer.flush)
    began = time.monotonic()
    sending.start()
    ended = worker.until(lambda: _folded(api) - before >= waiting)
    sending.join()
    return Result(
        count,
        events / steady_s,
        1000 * taken[len(taken) // 2],
        1000 * taken[len(taken) * 99 // 100],
        measured.cpu_s / steady_s,
        waiting / (ended - began),
    )


def _send_steadily(bootstrap: str, rate_per_s: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    began = time.monotonic()
    for number, (topic, key, value) in enumerate(islice(mixed(10**9), int(rate_per_s * STEADY_S))):
        if topic == Topic.STOCK_UPDATED:
            value = json.dumps(json.loads(value) | {"timestamp": datetime.now(UTC).isoformat()}).encode()
        producer.produce(topic, value, key)
        producer.poll(0)
        if (ahead_s := number / rate_per_s - (time.monotonic() - began)) > 0.01:
            time.sleep(ahead_s)
    producer.flush()
    time.sleep(1)  # what is on its way to the clients


def _folded(api: WorkerApi) -> int:
    """Events that the worker stands at, by what an answer says of itself."""
    offsets = (api.get("/api/products?limit=1") or {}).get("offsets", {})
    return sum(offset for of_topic in offsets.values() for offset in of_topic.values())


def shown(results: list[Result]) -> Table:
    """The results as a table; the first row is the one that the ratio is against."""
    table = Table(title="push", title_justify="left", box=None, header_style="bold")
    for name in ("clients", "events/s sent", "p50 ms", "p99 ms", "cores", "folded/s, many waiting", "ratio"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(
            f"{result.clients:,}",
            f"{result.sent:,.0f}",
            *("-" if result.clients == 0 else f"{ms:,.0f}" for ms in (result.p50_ms, result.p99_ms)),
            f"{result.cpu:.2f}",
            f"{result.folded_per_s:,.0f}",
            f"{result.folded_per_s / results[0].folded_per_s:.2f}",
        )
    return table


@click.command("push")
@click.option("--clients", default="0,1,100,1000", show_default=True, help="How many, in turn.")
@click.option("--rate", default=200, show_default=True, type=click.IntRange(1), help="Events a second, steadily.")
@click.option("--waiting", default=300_000, show_default=True, type=click.IntRange(10_000))
def main(clients: str, rate: int, waiting: int) -> None:
    """A worker with open streams: what its clients get, and what that costs its folds."""
    console = Console()
    console.print(shown(run([int(count) for count in clients.split(",")], rate, waiting, console)))


if __name__ == "__main__":
    main()
