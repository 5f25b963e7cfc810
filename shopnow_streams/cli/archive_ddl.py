"""`shopnow archive ddl`: the archive's tables for a catalog, to be piped into spark-sql or beeline."""

import json

import click

from shopnow_streams.archive.ddl import DIALECTS, statements
from shopnow_streams.cli.archive_options import TOPIC, archive_options, opened
from shopnow_streams.errors import SettingsError
from shopnow_streams.topics import Topic
from sinks import parquet


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--dialect", type=click.Choice(list(DIALECTS)), default="spark", show_default=True)
@click.option("--database", default="shopnow", show_default=True, help="Made where it is missing.")
@archive_options
def ddl(topic: str | None, dialect: str, database: str, url: str | None, webhdfs: str, as_json: bool) -> None:
    """Statements that declare the archive's topics as tables of a catalog.

    New days are found by running a table's last statement again:

    shopnow archive ddl | spark-sql
    """
    catalogue = opened(url, webhdfs)
    if catalogue.form.NAME != parquet.NAME:
        raise SettingsError(
            f"the archive {catalogue.url} is one of {catalogue.form.NAME} files: tables are declared over Parquet ones"
        )
    topics = [Topic(topic)] if topic else list(Topic)
    found = statements(catalogue.url, database, topics, dialect)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(";\n\n".join(found) + ";")
