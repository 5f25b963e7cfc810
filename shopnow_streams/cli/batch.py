"""`shopnow sql` and `shopnow batch`: questions to the whole archive, answered by Spark."""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.status import Status

from shopnow_streams.batch.answer import SHOWN, Asked
from shopnow_streams.batch.command import Decorator, Shown, archive_option, archive_url, form, form_options, job_command
from shopnow_streams.batch.jobs import JOBS
from shopnow_streams.batch.output import Output
from shopnow_streams.errors import SparkMissing
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.local import CACHE

if TYPE_CHECKING:  # Spark is optional, and takes a second to import
    from pyspark.sql import SparkSession

    from shopnow_streams.batch.views import Tables

Answer = TypeVar("Answer")
Question = Callable[["SparkSession", "Tables"], Answer]

SPARK: tuple[Decorator, ...] = (
    click.option("--master", default="local[*]", show_default=True, help="The Spark that works: this machine."),
    click.option("--memory", default="1g", show_default=True, help="What Spark may use here."),
)


def _sql_options(command: Callable[..., Any]) -> Callable[..., Any]:
    limit: Decorator = click.option(
        "--limit", type=click.IntRange(1), default=SHOWN, show_default=True, help="Rows to show."
    )
    options: list[Decorator] = [archive_option(), *SPARK, limit, *form_options()]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("statement")
@_sql_options
def sql(statement: str, archive: str | None, master: str, memory: str, limit: int, as_json: bool, as_csv: bool) -> None:
    """Ask the archive in SQL.

    \b
    Each topic is a table, under two names:
      produit_consulte  product_viewed      article_ajoute    item_added
      commande_validee  order_placed        paiement_accepte  payment_accepted
      stock_mis_a_jour  stock_updated

    `DESCRIBE order_placed` shows a table's columns. `rejected IS NULL` leaves out records that are no events.
    """
    shown = form(as_json, as_csv)
    _require_spark()
    from shopnow_streams.batch.rows import fetch

    rows = _ask(lambda spark, _: fetch(spark.sql(statement), limit), archive_url(archive), master, memory)
    shown.show(rows)


@click.group()
def batch() -> None:
    """Jobs over the whole archive."""


def _answer(asked: Asked, where: Shown | Output, master: str, memory: str) -> None:
    """Spark has ended when this returns or raises."""
    if isinstance(where, Output):
        output = where
        output.require_free()
        _ask(lambda spark, tables: asked.write(spark, tables, output), asked.archive, master, memory)
        click.echo(f"wrote {output.place}", err=True)
    else:
        where.show(_ask(lambda _, tables: asked.shown(tables), asked.archive, master, memory))


def _require_spark() -> None:
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("Spark is not installed: pip install 'shopnow-streams[spark]'")


for _job in JOBS:
    batch.add_command(job_command(_job, _answer, SPARK, before=_require_spark))


def _ask(question: Question[Answer], archive: str, master: str, memory: str) -> Answer:
    from shopnow_streams.batch.failures import explained
    from shopnow_streams.batch.session import spark_session
    from shopnow_streams.batch.views import read_archive

    with Console(stderr=True).status("starting Spark") as status:
        java = find_java(CACHE / "jdk")
        with spark_session(master, java=java, memory=memory) as spark, explained():
            status.update(f"listing {archive}")
            tables = read_archive(spark, archive)
            with _told(spark, status):
                answer = question(spark, tables)
            status.update("ending Spark")
        return answer


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
