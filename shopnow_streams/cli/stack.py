"""`up`, `down`, `status`: the local Kafka and HDFS."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from shopnow_streams.stack.jars import Fetched
from shopnow_streams.stack.local import CACHE, HOME, SERVICES, LocalStack, Ready
from shopnow_streams.stack.ports import StackPorts

Command = Callable[..., Any]
STATE_STYLES = {"running": "green", "starting": "yellow", "died": "red"}


def _home(command: Command) -> Command:
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        default=HOME,
        show_default=True,
        envvar="SHOPNOW_STACK_HOME",
        help="Where Kafka and HDFS keep data, logs and pid files.",
    )(command)


@click.command()
@_home
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=CACHE,
    show_default=True,
    envvar="SHOPNOW_STACK_CACHE",
    help="Where stacks share jars and class archives.",
)
@click.option(
    "--port-offset",
    type=click.IntRange(0, 50_000),
    default=0,
    show_default=True,
    envvar="SHOPNOW_STACK_PORT_OFFSET",
    help="Add this to every port.",
)
@click.option("--kafka-only", is_flag=True, help="Leave HDFS out.")
def up(home: Path, cache: Path, port_offset: int, kafka_only: bool) -> None:
    """Start Kafka and HDFS, and wait until they answer. They run on until `down`."""
    console = Console(highlight=False)
    stack = LocalStack(home, StackPorts().shifted(port_offset), cache=cache)
    with announcing(console, stack) as announce:
        stack.start(announce, services=("kafka",) if kafka_only else SERVICES)


@contextmanager
def announcing(console: Console, stack: LocalStack) -> Iterator[Callable[[Fetched | Ready], None]]:
    """What shows the steps of `stack.start`: a bar while jars come, a line for each service that is ready."""
    addresses = {"kafka": stack.bootstrap, "hdfs": f"{stack.hdfs_uri}, {stack.webhdfs_url}"}
    columns = TextColumn("jars"), BarColumn(), DownloadColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    download = bar.add_task("jars")
    begun_s = time.monotonic()

    def show(step: Fetched | Ready) -> None:
        if isinstance(step, Fetched):
            bar.update(download, completed=step.bytes, total=step.bytes_total)
            if step.jars == step.jars_total:
                bar.stop()
                size = f"{step.bytes_total / 1e6:.0f} MB"
                console.print(f"jars   {step.jars}/{step.jars_total}, {size}, {time.monotonic() - begun_s:.1f} s")
        else:
            how = "was running already" if step.kept else f"ready in {step.seconds:.1f} s"
            console.print(f"{step.service:<6} {how}: {addresses[step.service]}")

    with bar:
        yield show


@click.command()
@_home
@click.option("--wipe", is_flag=True, help="Remove all topics and files as well.")
def down(home: Path, wipe: bool) -> None:
    """Stop Kafka and HDFS; their data stays."""
    stack = LocalStack(home)
    running = [row.process for row in stack.status() if row.pid is not None]
    stack.stop()
    if wipe:
        stack.wipe()
    stopped = f"stopped {', '.join(running)}" if running else "nothing was running"
    click.echo(f"{stopped}{'; data removed' if wipe else ''}")


@click.command()
@_home
@click.option("--json", "as_json", is_flag=True, help="One JSON array, an object a process.")
def status(home: Path, as_json: bool) -> None:
    """Show each process of the stack: its pid, port, state and uptime."""
    rows = LocalStack(home).status()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("process")
    for title in ("pid", "port"):
        table.add_column(title, justify="right")
    table.add_column("state")
    table.add_column("uptime", justify="right")
    for row in rows:
        state = f"[{STATE_STYLES.get(row.state, 'dim')}]{row.state}[/]"
        table.add_row(row.process, str(row.pid or "-"), str(row.port), state, duration(row.uptime_s))
    Console(highlight=False).print(table)


def duration(seconds: float | None) -> str:
    """`3 d 04:05:06`, or `-` for none."""
    if seconds is None:
        return "-"
    days, rest = divmod(int(seconds), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock
