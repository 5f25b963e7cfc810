"""`python -m benchmarks`: all of them, a table each at the end."""

import sys

import click
from rich.console import Console

from benchmarks import archive, catch_up, formats, producer, push, tables, visibility
from benchmarks.load import traffic_of
from benchmarks.options import of_a_shop
from shopnow_streams.errors import ShopNowError


@click.group(invoke_without_command=True)
@click.pass_context
def benchmarks(context: click.Context) -> None:
    """Ours and the peers', side by side in one run. Ratios are what to quote: machines differ, runs differ."""
    if context.invoked_subcommand is None:
        context.invoke(catching_up)
        context.invoke(producer.main)
        context.invoke(archive.main)
        context.invoke(formats.main)
        context.invoke(push.main)
        context.invoke(visibility.main)
        context.invoke(tables.main)


@benchmarks.command("catch-up")
@click.option("--events", default=2_000_000, show_default=True, type=click.IntRange(100_000))
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1), help="Each way so often, in turn.")
@of_a_shop
def catching_up(events: int, rounds: int, per_s: float) -> None:
    """The worker catching up, archive off and on, beside Kafka Streams and Faust's tutorial."""
    console = Console()
    results = catch_up.run(events, rounds, traffic_of(per_s), console)
    for table in catch_up.compared(results):
        console.print(table)


benchmarks.add_command(producer.main, "producer")
benchmarks.add_command(archive.main, "archive")
benchmarks.add_command(formats.main, "formats")
benchmarks.add_command(push.main, "push")
benchmarks.add_command(visibility.main, "visibility")
benchmarks.add_command(tables.main, "tables")


if __name__ == "__main__":
    try:
        benchmarks()
    except ShopNowError as error:
        sys.exit(f"error: {error}")
