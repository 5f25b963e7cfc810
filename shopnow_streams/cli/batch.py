"""`shopnow sql` and `shopnow batch`: questions to the whole archive, answered by Spark."""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.status import Status

from shopnow_streams.batch.jobs import JOBS, Job
from shopnow_streams.batch.printing import Rows, print_csv, print_json, print_table
from shopnow_streams.errors import SparkMissing
from shopnow_streams.settings import from_environment
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.local import CACHE

if TYPE_CHECKING:  # Spark is optional, and takes a second to import
    from pyspark.sql import DataFrame, SparkSession

    from shopnow_streams.batch.views import Tables

Command = Callable[..., Any]
Question = Callable[["SparkSession", "Tables"], "DataFrame"]


def _options(command: Command) -> Command:
    """What every question takes."""
    for option in reversed(
        [
            click.option("--archive", help="hdfs://host:port/root or file:///root; SHOPNOW_ARCHIVE where not given."),
            click.option("--master", default="local[*]", show_default=True, help="The Spark that works: this machine."),
            click.option("--memory", default="1g", show_default=True, help="What Spark may use here."),
            click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Rows to show."),
            click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
            click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, with a line of names."),
        ]
    ):
        command = option(command)
    return command


@click.command()
@click.argument("statement")
@_options
def sql(statement: str, **options: Any) -> None:
    """Ask the archive in SQL.

    \b
    Each topic is a table, under two names:
      produit_consulte  product_viewed      article_ajoute    item_added
      commande_validee  order_placed        paiement_accepte  payment_accepted
      stock_mis_a_jour  stock_updated

    `DESCRIBE order_placed` shows a table's columns. `rejected IS NULL` leaves out records that are no events.
    """
    _answer(lambda spark, _: spark.sql(statement), **options)


@click.group()
def batch() -> None:
    """Jobs over the whole archive."""


def _command(job: Job) -> click.Command:
    @click.command(job.name, help=job.summary)
    @_options
    def run(**options: Any) -> None:
        _answer(lambda _, tables: job.run(tables), **options)

    return run


for _job in JOBS:
    batch.add_command(_command(_job))


def _answer(
    question: Question, archive: str | None, master: str, memory: str, limit: int, as_json: bool, as_csv: bool
) -> None:
    """Ask, and print the answer; Spark has ended when this returns or raises."""
    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("Spark is not installed: pip install 'shopnow-streams[spark]'")
    archive = archive or from_environment().archive
    if not archive:
        raise click.UsageError("there is no archive to ask: --archive, or SHOPNOW_ARCHIVE")
    rows = _ask(question, archive, master, memory, limit)
    shown = print_json if as_json else print_csv if as_csv else print_table
    shown(rows)
    if rows.more:
        click.echo(f"the first {len(rows.rows)} rows; --limit shows more", err=True)


def _ask(question: Question, archive: str, master: str, memory: str, limit: int) -> Rows:
    from shopnow_streams.batch.failures import explained
    from shopnow_streams.batch.rows import fetch
    from shopnow_streams.batch.session import spark_session
    from shopnow_streams.batch.views import read_archive

    with Console(stderr=True).status("starting Spark") as status:
        java = find_java(CACHE / "jdk")
        with spark_session(master, java=java, memory=memory) as spark, explained():
            status.update(f"listing {archive}")
            tables = read_archive(spark, archive)
            with _told(spark, status):
                rows = fetch(question(spark, tables), limit)
            status.update("ending Spark")
        return rows


@contextmanager
def _told(spark: "SparkSession", status: Status) -> Iterator[None]:
    """Show how far Spark is, from a thread of its own."""
    done = threading.Event()

    def show() -> None:
        tracker = spark.sparkContext.statusTracker()
        while not done.wait(0.3):
            stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number))]
            tasks = f"{sum(s.numCompletedTasks for s in stages)} of {sum(s.numTasks for s in stages)} tasks done"
            status.update(f"Spark is working{f': {tasks}' if stages else ''}")

    status.update("Spark is working")
    thread = threading.Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
