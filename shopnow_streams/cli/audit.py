"""`shopnow audit`: every row of every live table against a recount of the archive, at the same offsets."""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from shopnow_streams.archive.expiry import expired
from shopnow_streams.audit.patience import Offsets, Patience
from shopnow_streams.audit.rejects import complete_rejects
from shopnow_streams.audit.rows import ALL, LIVE, REJECTIONS, REJECTS
from shopnow_streams.audit.snapshot import Snapshot, Workers, highest
from shopnow_streams.audit.verdict import described, print_report
from shopnow_streams.cli.archive_options import opened
from shopnow_streams.errors import AuditImpossible, ShopNowError, SparkMissing
from shopnow_streams.settings import Settings, from_environment
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.local import CACHE
from shopnow_streams.views.tokens import read_tokens
from sinks import parquet
from sinks.archive import Archive

if TYPE_CHECKING:  # Spark is optional, and takes a second to import
    from shopnow_streams.audit.report import Report

WRONG, IMPOSSIBLE = 1, 2
OPEN_SEGMENT_S = 60.0
"""Waited for beyond the age at which a segment closes: its upload, and Kafka's archive group behind the live one."""

Tell = Callable[[str], None]


@click.command()
@click.option("--worker", "worker", help="http://host:port of any worker; SHOPNOW_WEB_HOST and _PORT where not given.")
@click.option("--archive", "url", help="hdfs://host:port/root or file:///root; SHOPNOW_ARCHIVE where not given.")
@click.option("--webhdfs", default="", help="Its WebHDFS address, where that is not SHOPNOW_ARCHIVE's.")
@click.option("--master", default="local[*]", show_default=True, help="The Spark that works: this machine.")
@click.option("--memory", default="1g", show_default=True, help="What Spark may use here.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Differences to show.")
@click.option(
    "--wait-s",
    type=click.FloatRange(0),
    help="For the archive to come as far as the workers; if not given, a minute more than segments stay open.",
)
@click.option(
    "--table",
    "chosen",
    multiple=True,
    type=click.Choice([table.name for table in ALL]),
    help="This table alone, or these; all where not given.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def audit(
    worker: str | None,
    url: str | None,
    webhdfs: str,
    master: str,
    memory: str,
    limit: int,
    wait_s: float | None,
    chosen: tuple[str, ...],
    as_json: bool,
) -> None:
    """Recompute every number from the archive, and compare.

    Takes every row of every table from all workers, with the offsets that it stands at; waits until the archive is as
    far; and has Spark recompute all of them from the archived records below exactly those offsets, by code that shares
    nothing with the workers' but what an event is. Workers may be at work meanwhile.

    Exit code 0: right. 1: wrong, each difference is listed. 2: it could not be found out, as where records that a row
    counts were expired.
    """
    try:
        settings = from_environment()
        worker = worker or f"http://{settings.web_host}:{settings.web_port}"
        if wait_s is None:
            wait_s = settings.archive_segment_age_s + OPEN_SEGMENT_S
        with tempfile.TemporaryDirectory(prefix="shopnow-audit-") as folder:
            tables = chosen or tuple(table.name for table in ALL)
            archive = opened_parquet(url, webhdfs)
            report = _audit(settings, worker, archive, master, memory, limit, wait_s, tables, Path(folder))
    except ShopNowError as error:
        click.echo(f"shopnow: could not audit: {error}", err=True)
        sys.exit(IMPOSSIBLE)
    if as_json:
        click.echo(json.dumps(described(report, limit), ensure_ascii=False))
    else:
        print_report(Console(highlight=False), report, limit)
    sys.exit({"right": 0, "wrong": WRONG, "unknown": IMPOSSIBLE}[report.verdict])


def opened_parquet(url: str | None, webhdfs: str) -> tuple[Archive, str]:
    """The archive and its URL. Raises SparkMissing, and AuditImpossible where Spark could not read it."""
    if importlib.util.find_spec("pyspark") is None:
        raise SparkMissing("Spark is not installed: `make spark` installs it, or the package's extra [spark]")
    catalogue = opened(url, webhdfs)
    if catalogue.form.NAME != parquet.NAME:
        raise AuditImpossible(f"the archive {catalogue.url} is one of {catalogue.form.NAME} files, not Parquet")
    return catalogue.archive, catalogue.url


def _audit(
    settings: Settings,
    worker: str,
    archive: tuple[Archive, str],
    master: str,
    memory: str,
    limit: int,
    wait_s: float,
    tables: Collection[str],
    folder: Path,
) -> "Report":
    from shopnow_streams.audit.reckoning import reckon
    from shopnow_streams.audit.staging import within_reach
    from shopnow_streams.batch.failures import explained
    from shopnow_streams.batch.session import spark_session
    from shopnow_streams.batch.views import read_archive

    sink, url = archive
    console = Console(stderr=True)
    with console.status("asking the workers") as status:
        tell = status.update
        workers = Workers(worker, headers=read_tokens(settings.web_tokens_file).own)
        snapshots = _snapshots(workers, tables, folder, tell)
        patience = Patience(wait_s, tell)
        wanted = highest(snapshots)
        patience.until("the archive", wanted, lambda: _ends(sink, wanted), _ARCHIVE_HINT)
        rejects = None
        if REJECTS.name in tables:
            counted = [snapshot for snapshot in snapshots if snapshot.table == REJECTIONS.name]
            rejects = complete_rejects(settings.connection, counted, folder / "rejects.parquet", tell)
        tell("starting Spark")
        with spark_session(master, java=find_java(CACHE / "jdk"), memory=memory) as spark, explained():
            files = [each.file for each in (rejects, *snapshots) if each is not None]
            with within_reach(spark, files, url) as urls:
                report = reckon(spark, read_archive(spark, url), urls, snapshots, rejects, limit, tell)
    return replace(report, expired=_expired(sink))


def _expired(sink: Archive) -> str:
    notes = expired(sink.files)
    if not notes:
        return ""
    before = max(note.before for note in notes.values())
    return f"records of {len(notes):,} partitions were expired, those of days before {before}"


def _snapshots(workers: Workers, tables: Collection[str], folder: Path, tell: Tell) -> list[Snapshot]:
    """Of these tables, where the application keeps them; what was counted of rejects says where these must stand."""
    application = workers.described()
    wanted = {*tables, *([REJECTIONS.name] if REJECTS.name in tables else [])} & {*application.tables}
    found: list[Snapshot] = []
    for table in (each for each in LIVE if each.name in wanted):
        tell(f"reading {table.name} of {application.partitions} partitions")
        files = [folder / table.name / f"{number}.parquet" for number in range(application.partitions)]
        found += [workers.snapshot(table, number, file) for number, file in enumerate(files)]
    return found


def _ends(sink: Archive, wanted: Offsets) -> Offsets:
    return {
        topic: {number: end or 0 for number, end in sink.ends(topic, list(partitions)).items()}
        for topic, partitions in wanted.items()
    }


_ARCHIVE_HINT = (
    "--wait-s waits longer; a segment is committed once it is SHOPNOW_ARCHIVE_SEGMENT_AGE_S old. "
    "`shopnow health` tells whether the archive is well"
)
