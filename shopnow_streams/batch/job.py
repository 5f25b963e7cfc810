"""`spark-submit job.py NAME --archive hdfs://…`, or `python -m shopnow_streams.batch NAME`: a job in Spark's own hands.

The session is the one that is there: that of spark-submit or of a notebook, with its master, memory and settings.
`shopnow batch` makes one for itself, on this machine.
"""

import sys
from collections.abc import Sequence

import click
from pyspark.sql import SparkSession

from shopnow_streams.batch.answer import Asked
from shopnow_streams.batch.command import Shown, job_command
from shopnow_streams.batch.failures import explained
from shopnow_streams.batch.jobs import JOBS
from shopnow_streams.batch.output import Output
from shopnow_streams.batch.views import read_archive
from shopnow_streams.errors import ShopNowError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def jobs() -> None:
    """Jobs over the whole archive, by the Spark that this is started in."""


def answer(asked: Asked, where: Shown | Output) -> None:
    """Ask the session that is there, or else a new one; only a new one ends here."""
    if isinstance(where, Output):
        where.require_free()
    found = SparkSession.getActiveSession()
    session = found or SparkSession.builder.appName(f"shopnow {asked.job.name}").getOrCreate()
    try:
        _answer(_own(session), asked, where)
    finally:
        if found is None:
            session.stop()


def _own(session: SparkSession) -> SparkSession:
    """Beside `session`, so that neither its views nor its time zone change: days are UTC's."""
    own = session.newSession()
    own.conf.set("spark.sql.session.timeZone", "UTC")
    return own


def _answer(spark: SparkSession, asked: Asked, where: Shown | Output) -> None:
    with explained():
        tables = read_archive(spark, asked.archive)
        if isinstance(where, Output):
            asked.write(spark, tables, where)
            return
        rows = asked.shown(tables)
    where.show(rows)


for _job in JOBS:
    jobs.add_command(job_command(_job, answer, []))


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: an error of ours is one sentence and exit code 1."""
    try:
        jobs.main(None if arguments is None else list(arguments), prog_name="shopnow-job", standalone_mode=False)
    except ShopNowError as error:
        click.echo(f"shopnow: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
