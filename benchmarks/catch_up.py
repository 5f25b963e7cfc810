"""Catching up: a worker that finds all events waiting, until every one is folded, durable, and archived."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.load import load
from benchmarks.measured import Latency, Measured
from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.local import LocalStack
from shopnow_streams.stack.ports import StackPorts, free_ports
from shopnow_streams.topics import Topic

PARTITIONS = 4
TUTORIAL_S = 20.0
GIVE_UP_S = 600.0


@dataclass(frozen=True)
class Result:
    """One way, measured. `cpu_s` and `peak_mb` are of the worker's process alone."""

    way: str
    events: int
    seconds: float
    cpu_s: float
    peak_mb: float
    read_p99_ms: float | None = None

    @property
    def per_s(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def run(events: int, console: Console) -> list[Result]:
    """Load `events`, then measure each way in turn. Blocks for minutes."""
    with tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder, _stack(Path(folder)) as stack:
        KafkaAdmin(KafkaConnection(stack.bootstrap)).create(PARTITIONS, 1)
        with Progress(console=console, transient=True) as progress:
            load(stack.bootstrap, events, progress)
        results = []
        for way, archive in (("live side", ""), ("live side and archive", f"{stack.hdfs_uri}/bench")):
            console.print(f"measuring: {way}")
            results.append(_ours(way, stack, Path(folder), archive, events))
        console.print(f"measuring: Faust as its tutorial has it, for {TUTORIAL_S:.0f} s")
        results.append(_tutorial(stack, Path(folder)))
    return results


def shown(results: list[Result]) -> Table:
    """The results as a table; the last row is the peer that the ratios are against."""
    table = Table(title="catching up", title_justify="left", box=None, header_style="bold")
    table.add_column("way")
    for name in ("events", "seconds", "events/s", "times Faust", "CPU s", "peak MB", "read p99 ms"):
        table.add_column(name, justify="right")
    for result in results:
        p99 = "-" if result.read_p99_ms is None else f"{result.read_p99_ms:.1f}"
        table.add_row(
            result.way,
            f"{result.events:,}",
            f"{result.seconds:.2f}",
            f"{result.per_s:,.0f}",
            f"{result.per_s / results[-1].per_s:.1f}",
            f"{result.cpu_s:.1f}",
            f"{result.peak_mb:.0f}",
            p99,
        )
    return table


@contextmanager
def _stack(folder: Path) -> Iterator[LocalStack]:
    ports = free_ports(7)
    stack = LocalStack(folder / "stack", StackPorts(*ports))
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def _ours(way: str, stack: LocalStack, folder: Path, archive: str, events: int) -> Result:
    name = "bench-" + way.replace(" ", "-")
    (port,) = free_ports(1)
    environment = {
        "SHOPNOW_KAFKA": stack.bootstrap,
        "SHOPNOW_APPLICATION_ID": name,
        "SHOPNOW_DATA_DIR": str(folder / name),
        "SHOPNOW_WEB_PORT": str(port),
        "SHOPNOW_ARCHIVE": archive,
        "SHOPNOW_ARCHIVE_WEBHDFS": stack.webhdfs_url,
        "SHOPNOW_ARCHIVE_SEGMENT_AGE_S": "2",
    }
    api = WorkerApi(f"http://127.0.0.1:{port}")
    groups = [name] + ([f"{name}-archive"] if archive else [])
    admin = KafkaAdmin(KafkaConnection(stack.bootstrap))
    with _process(["-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "warn"], environment) as process:
        begun = _until(lambda: (api.get("/health/ready") or {}).get("lag", 0) > 0 or _done(admin, [name], events))
        with Measured(process.pid) as measured, Latency(lambda: api.get("/api/products/1")) as latency:
            ended = _until(lambda: _done(admin, groups, events))
    return Result(way, events, ended - begun, measured.cpu_s, measured.peak_rss_bytes / 1e6, latency.percentile_ms(99))


def _tutorial(stack: LocalStack, folder: Path) -> Result:
    (port,) = free_ports(1)
    environment = {"BENCH_KAFKA": stack.bootstrap, "BENCH_DATA": str(folder / "tutorial"), "BENCH_PORT": str(port)}
    admin = KafkaAdmin(KafkaConnection(stack.bootstrap))
    with _process(["-m", "faust", "-A", "benchmarks.tutorial", "worker", "-l", "warn"], environment) as process:
        _until(lambda: _committed(admin, "bench-tutorial") > 0)
        with Measured(process.pid) as measured:
            first, begun = _committed(admin, "bench-tutorial"), time.monotonic()
            time.sleep(TUTORIAL_S)
            folded, seconds = _committed(admin, "bench-tutorial") - first, time.monotonic() - begun
    return Result("Faust, one table, by event", folded, seconds, measured.cpu_s, measured.peak_rss_bytes / 1e6)


@contextmanager
def _process(arguments: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _until(holds: Callable[[], bool]) -> float:
    deadline = time.monotonic() + GIVE_UP_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker did not get there in time")
        time.sleep(0.05)
    return time.monotonic()


def _done(admin: KafkaAdmin, groups: list[str], events: int) -> bool:
    return all(_committed(admin, group) >= events for group in groups)


def _committed(admin: KafkaAdmin, group: str) -> int:
    offsets = admin.group_offsets(group)
    return sum(offset for (topic, _), offset in offsets.items() if topic in set(Topic))
