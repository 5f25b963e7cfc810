"""`shopnow sql` and `shopnow batch`: questions to the whole archive, answered by Spark."""

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from shopnow_streams.batch.answer import SHOWN, Asked
from shopnow_streams.batch.command import Decorator, Shown, archive_option, archive_url, form, form_options, job_command
from shopnow_streams.batch.jobs import JOBS
from shopnow_streams.batch.output import Output
from shopnow_streams.cli.spark_status import told
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
    require_spark()
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


def require_spark() -> None:
    """Raises SparkMissing where it is not installed."""
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("Spark is not installed: `make spark` installs it, or the package's extra [spark]")


for _job in JOBS:
    batch.add_command(job_command(_job, _answer, SPARK, before=require_spark))


def _ask(question: Question[Answer], archive: str, master: str, memory: str) -> Answer:
    from shopnow_streams.batch.failures import explained
    from shopnow_streams.batch.session import spark_session
    from shopnow_streams.batch.views import read_archive

    with Console(stderr=True).status("starting Spark") as status:
        java = find_java(CACHE / "jdk")
        with spark_session(master, java=java, memory=memory) as spark, explained():
            status.update(f"listing {archive}")
            tables = read_archive(spark, archive)
            with told(spark, status):
                answer = question(spark, tables)
            status.update("ending Spark")
        return answer
