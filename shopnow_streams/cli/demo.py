"""`shopnow demo`: all of it on this machine, with simulated shoppers, until Ctrl-C; then the verdict."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from shopnow_streams.cli.stack import announcing
from shopnow_streams.demo.screen import Screen
from shopnow_streams.demo.verdict import compare, read_archive, shown
from shopnow_streams.demo.worker import DemoWorker
from shopnow_streams.errors import StackError
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.settings import Settings
from shopnow_streams.simulator import LedgerFile, SimulationOptions, simulate
from shopnow_streams.stack.local import HOME, LocalStack
from shopnow_streams.stack.ports import StackPorts, require_free
from shopnow_streams.topics import Topic

DEMO_HOME = Path("var/demo")
SEGMENT_AGE_S = 5.0
CATCH_UP_S = 60.0


@click.command()
@click.option("--rate", type=click.FloatRange(1), default=200.0, show_default=True, help="Events a second.")
@click.option("--duration", type=click.FloatRange(1), help="End by itself after so many seconds.")
@click.option(
    "--malformed", type=click.FloatRange(0, 0.5), default=0.005, show_default=True, help="Share of non-events."
)
@click.option("--port-offset", type=click.IntRange(0, 50_000), default=0, help="Add this to every port.")
@click.option("--keep-stack", is_flag=True, help="Leave Kafka and HDFS running at the end.")
def demo(rate: float, duration: float | None, malformed: float, port_offset: int, keep_stack: bool) -> None:
    """Kafka, HDFS, a Faust worker and simulated shoppers, with a live table.

    Ctrl-C ends everything it started and compares what was sent with what the tables and the archive say. A second run
    goes on with the same data.
    """
    console = Console(highlight=False)
    stopping = threading.Event()
    with ExitStack() as started:
        stack = LocalStack(HOME, StackPorts().shifted(port_offset))
        settings = _settings(stack, port_offset)
        worker = DemoWorker(DEMO_HOME, settings)
        worker.stop()  # one that a killed demo left behind
        require_free({"the worker's HTTP": settings.web_port})
        if not keep_stack and not any(row.pid is not None for row in stack.status()):
            started.callback(stack.stop)
        began = time.monotonic()
        started.callback(worker.stop)  # before Kafka is stopped: it flushes
        worker.launch()
        with announcing(console, stack) as announce:
            stack.start(announce)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        worker.wait(stopping)
        console.print(f"worker ready in {time.monotonic() - began:.1f} s: {worker.api.url}")
        options = SimulationOptions(rate=rate, malformed=malformed, ledger=DEMO_HOME / "ledger.json", seed=1)
        shop = _Shop(settings, options)
        started.callback(shop.stop)
        shop.start()
        _watch(console, Screen(worker.api, _urls(worker, stack)), stopping, duration, worker, shop)
        shop.stop()
        shop.raise_error()
        right = _verdict(console, settings, worker)
    console.print("Kafka and HDFS run on: `make down` ends them" if keep_stack else "everything it started has ended")
    sys.exit(0 if right else 1)


class _Shop:
    """The simulator on a thread of its own; what ends it early is told."""

    def __init__(self, settings: Settings, options: SimulationOptions) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(settings, options))

    def start(self) -> None:
        """Open the doors."""
        self._thread.start()

    def stop(self) -> None:
        """Close them, and block until Kafka has all that was sent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def raise_error(self) -> None:
        """Raise what ended it, if something did."""
        if self.error is not None:
            raise self.error

    def _run(self, settings: Settings, options: SimulationOptions) -> None:
        try:
            simulate(settings.connection, options, stop=self._stop)
        except BaseException as error:  # noqa: BLE001 (raised again by the thread that watches)
            self.error = error


def _settings(stack: LocalStack, port_offset: int) -> Settings:
    return replace(
        Settings(),
        kafka=stack.bootstrap,
        data_dir=DEMO_HOME / "worker",
        web_port=Settings.web_port + port_offset,
        archive=f"{stack.hdfs_uri}/shopnow",
        archive_webhdfs=stack.webhdfs_url,
        archive_segment_age_s=SEGMENT_AGE_S,
    )


def _urls(worker: DemoWorker, stack: LocalStack) -> dict[str, str]:
    return {
        "dashboard": f"{worker.api.url}/",
        "products": f"{worker.api.url}/api/products?sort=views",
        "revenue": f"{worker.api.url}/api/revenue?by=day",
        "metrics": f"{worker.api.url}/metrics",
        "HDFS": f"{stack.webhdfs_url}/explorer.html#/shopnow",
    }


def _watch(
    console: Console,
    screen: Screen,
    stopping: threading.Event,
    duration_s: float | None,
    worker: DemoWorker,
    shop: _Shop,
) -> None:
    until = time.monotonic() + duration_s if duration_s else float("inf")
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while time.monotonic() < until and not stopping.is_set():
            shop.raise_error()
            if not worker.process.alive():
                worker.launch()  # as a supervisor would: a fenced worker exits to be started again
            live.update(screen.look(), refresh=True)
            stopping.wait(1.0)
    console.print(screen.look())


def _verdict(console: Console, settings: Settings, worker: DemoWorker) -> bool:
    ledger = LedgerFile(DEMO_HOME / "ledger.json").load()
    sent = sum(ledger.events.values()) + sum(ledger.malformed.values())
    with console.status(f"waiting until all {sent:,} records are counted and archived"):
        ends = KafkaAdmin(settings.connection)
        wanted = {str(topic): sum(end for _, end in ends.watermarks(topic).values()) for topic in Topic}
        _until(lambda: _stands(worker.api.get("/api/products?limit=1"), wanted), "the tables")
        _until(lambda: _stands(worker.api.get("/api/archive"), wanted), "the archive")
        lines = compare(ledger, worker.api, read_archive(settings.sink()))
    console.print(shown(lines))
    right = sent > 0 and all(line.agrees for line in lines)
    others = sum(wanted.values()) - sent
    if right:
        console.print("[bold green]right:[/] every record sent is counted once and archived once")
    elif others:
        console.print(f"{others:,} records in Kafka are not the simulator's: the tables have them, its ledger does not")
    else:
        console.print("[bold red]wrong:[/] what was sent, counted and archived differs; please report it")
    return right


def _stands(answer: Any, wanted: dict[str, int]) -> bool:
    offsets = (answer or {}).get("offsets", {})
    return all(sum(offsets.get(topic, {}).values()) >= end for topic, end in wanted.items())


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + CATCH_UP_S
    while not holds():
        if time.monotonic() > deadline:
            raise StackError(f"{what} did not catch up within {CATCH_UP_S:.0f} s; see {DEMO_HOME}/worker.log")
        time.sleep(0.2)
