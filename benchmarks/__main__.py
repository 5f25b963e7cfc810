"""`python -m benchmarks`: all of them, a table each at the end."""

import click
from rich.console import Console

from benchmarks import catch_up, producer


@click.group(invoke_without_command=True)
@click.pass_context
def benchmarks(context: click.Context) -> None:
    """Ours and the peers', side by side in one run. Ratios are what to quote: machines differ, runs differ."""
    if context.invoked_subcommand is None:
        context.invoke(catching_up)
        context.invoke(producer.main)


@benchmarks.command("catch-up")
@click.option("--events", default=2_000_000, show_default=True, type=click.IntRange(1_000))
def catching_up(events: int) -> None:
    """The whole worker catching up, archive off and on, beside Faust's tutorial."""
    console = Console()
    console.print(catch_up.shown(catch_up.run(events, console)))


benchmarks.add_command(producer.main, "producer")


if __name__ == "__main__":
    benchmarks()
