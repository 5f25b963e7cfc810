"""Asking: Spark on the archive in Parquet, beside the same events archived by the same app as JSON lines.

Both archives are on the same HDFS, made by catching up with segments of ten seconds. One Spark on two cores is asked
each question of each archive in turn. Timed is a question until its rows are here: it is planned, files are opened,
decoded, and all that it takes. Directories are listed and the JVM is started before that, each question is asked once
before rounds are counted, and files are then in the machine's page cache: on disks, bytes weigh more. The bytes read
are what Spark's tasks say of themselves (`inputMetrics.bytesRead`), all of a question's tasks together. Answers of both
formats have to be the same.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from pyspark.sql import Row, SparkSession
from rich.console import Console
from rich.table import Table

from benchmarks.archiver import archiver
from benchmarks.format_results import Asked, Kept, Pair, shown
from benchmarks.ground import PARTITIONS, Ground, ground
from benchmarks.queries import Question, Tables, json_lines_tables, parquet_tables, questions
from benchmarks.worker import Group, two_cores
from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.batch.session import spark_session
from shopnow_streams.errors import StackError
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.local import CACHE
from sinks.archive import Archive
from sinks.formats import format_named

SEGMENT_AGE_S = 10
PARQUET, JSON_LINES = "parquet", "jsonl"
FORMATS: Mapping[str, Callable[[SparkSession, str], Tables]] = {
    PARQUET: parquet_tables,
    JSON_LINES: json_lines_tables,
}


def run(events: int, rounds: int, console: Console) -> Table:
    """Archive `events` in both formats, then ask both in turn. Blocks for minutes.

    Raises ProcessDied or another StackError where an archive is not made, or the two do not answer the same;
    JavaMissing, SparkMissing.
    """
    with ground(events, console) as loaded, loaded.room("spark") as folder, two_cores():
        kept = {form: _archived(loaded, form, console) for form in FORMATS}
        with spark_session("local[2]", java=find_java(CACHE / "jdk"), settings=_settings(folder)) as spark:
            tables = {form: read(spark, loaded.archive(_application(form))) for form, read in FORMATS.items()}
            asked = {}
            for name, question in questions(events).items():
                console.print(f"asking: {name}")
                asked[name] = _asked(spark, question, tables, rounds)
    return shown(asked, kept[PARQUET], kept[JSON_LINES])


def _settings(folder: Path) -> dict[str, str]:
    return {
        # both of the JVM's compilers: what `shopnow sql` has for short questions would slow down JSON more than Parquet
        "spark.driver.extraJavaOptions": f"-XX:+UseParallelGC -Djava.io.tmpdir={folder}",
        "spark.ui.liveUpdate.period": "0",  # else Spark's own numbers are up to 100 ms old
    }


def _archived(ground: Ground, form: str, console: Console) -> Kept:
    console.print(f"archiving: {form}")
    application = _application(form)
    group = Group(ground.stack.bootstrap, f"{application}-archive")
    settings = {"SHOPNOW_ARCHIVE_FORMAT": form, "SHOPNOW_ARCHIVE_SEGMENT_AGE_S": str(SEGMENT_AGE_S)}
    with archiver(ground, application, settings) as worker:
        worker.until(lambda: group.assigned(PARTITIONS))
        worker.until(lambda: group.committed() >= ground.events)
    catalogue = Catalogue(Archive(ground.files(application), format_named(form)))
    sizes = [segment.size for topic in catalogue.topics() for segment in catalogue.listing(topic).segments]
    return Kept(len(sizes), sum(sizes))


def _asked(spark: SparkSession, question: Question, tables: Mapping[str, Tables], rounds: int) -> Pair:
    """Asked once of each format, and then `rounds` times in turn. StackError where answers differ."""
    answers = {form: _answer(spark, question, tables[form])[0] for form in FORMATS}
    if answers[PARQUET] != answers[JSON_LINES]:
        raise StackError(f"The formats answer differently: {answers}.")
    asked: dict[str, list[Asked]] = {form: [] for form in FORMATS}
    for _ in range(rounds):
        for form in FORMATS:
            asked[form].append(_answer(spark, question, tables[form])[1])
    return Pair(asked[PARQUET], asked[JSON_LINES])


def _answer(spark: SparkSession, question: Question, tables: Tables) -> tuple[list[Row], Asked]:
    before, begun = _bytes_read(spark), time.perf_counter()
    rows = question(tables).collect()
    seconds = time.perf_counter() - begun
    return rows, Asked(seconds, _bytes_read(spark) - before)


def _bytes_read(spark: SparkSession) -> int:
    """What all tasks until now have read from files, by their own metrics; on a local master one executor has them."""
    context = spark._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    return int(context.statusStore().executorSummary("driver").totalInputBytes())


def _application(form: str) -> str:
    return f"formats-{form}"


@click.command("formats")
@click.option("--events", default=2_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Each question so often, in turn.")
def main(events: int, rounds: int) -> None:
    """Spark asking the archive in Parquet, beside the same archive as JSON lines."""
    console = Console()
    console.print(run(events, rounds, console))
