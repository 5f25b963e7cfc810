"""`shopnow rebuild`: the tables from the archive, for an application's workers, or served as of a past moment."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from faust.types import TP
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.exclusive import refuse_while_changing
from shopnow_streams.cli.archive_options import opened
from shopnow_streams.rebuild.state import Done, plan, refuse_expired
from shopnow_streams.settings import Settings, from_environment

AS_OF_PORT = 6067


@click.command()
@click.option("--archive", "url", help="hdfs://host:port/root or file:///root; SHOPNOW_ARCHIVE where not given.")
@click.option("--webhdfs", default="", help="Its WebHDFS address, where that is not SHOPNOW_ARCHIVE's.")
@click.option("--replace", is_flag=True, help="Delete the application's tables first, if it has any.")
@click.option("--without-expired", is_flag=True, help="Of the records that `archive expire` left, if it took any.")
@click.option("--until", "until", help="ISO 8601 with an offset: no changelogs, but the tables as of then, over HTTP.")
@click.option("--port", default=AS_OF_PORT, show_default=True, type=click.IntRange(1, 65535), help="With --until.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def rebuild(
    url: str | None, webhdfs: str, replace: bool, without_expired: bool, until: str | None, port: int, as_json: bool
) -> None:
    """Build the live tables from the archive.

    \b
    Without --until: for the application SHOPNOW_APPLICATION_ID, whose workers must be stopped. They then start where
    the archive ends, as if Kafka had kept every record since the first.
    With --until: nothing is written to Kafka. The tables as they stood before the first record that Kafka dated at
    that moment or later are served read-only on 127.0.0.1, until Ctrl-C.
    """
    settings = from_environment()
    catalogue = opened(url, webhdfs)
    refuse_while_changing(catalogue.files)
    if not without_expired:
        refuse_expired(catalogue)
    if until is None:
        _for_workers(settings, catalogue, replace, as_json)
    else:
        _as_of(settings, catalogue, _moment(until), port, as_json)


def _for_workers(settings: Settings, catalogue: Catalogue, replace: bool, as_json: bool) -> None:
    from shopnow_streams.rebuild.application import Application

    application = Application(settings, catalogue)
    planned = plan(catalogue, settings.partitions)
    application.check(planned, replace)
    with _progress(planned) as done:
        rebuilt = application.rebuild(planned, done)
    offsets: dict[str, dict[int, int]] = {}
    for tp, offset in sorted(rebuilt.positions.items()):
        offsets.setdefault(tp.topic, {})[tp.partition] = offset
    _tell(rebuilt.records, offsets, as_json)
    if not as_json:
        click.echo(f"Workers of {settings.application_id} read on from there: start them.")


def _as_of(settings: Settings, catalogue: Catalogue, until: datetime, port: int, as_json: bool) -> None:
    from aiohttp import web

    from shopnow_streams.folds.watermark import EventTime
    from shopnow_streams.rebuild.serving import PastTables, positions

    planned = plan(catalogue, settings.partitions)
    with tempfile.TemporaryDirectory(prefix="shopnow-as-of-") as folder:
        past = PastTables(
            Path(folder), settings.partitions, EventTime.of_seconds(settings.allowed_lateness_s, settings.clock_skew_s)
        )
        with _progress(planned) as done:
            live, records = past.fold(catalogue, planned, int(until.timestamp() * 1000), done)
        _tell(records, positions(live), as_json)
        click.echo(
            f"The tables as of {until.isoformat()}: http://127.0.0.1:{port}/api/products (Ctrl-C ends it)", err=True
        )
        try:
            web.run_app(past.application(live, f"127.0.0.1:{port}"), host="127.0.0.1", port=port, print=None)
        finally:
            for owned in live.owned.values():
                owned.partition.store.close()


def _tell(records: int, offsets: Mapping[str, Mapping[int, int]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"records": records, "offsets": offsets}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic")
    table.add_column("next offsets", justify="right")
    for topic, ends in offsets.items():
        table.add_row(topic, "  ".join(f"{end:,}" for _, end in sorted(ends.items())) or "-")
    console = Console()
    console.print(f"{records:,} records folded")
    console.print(table)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no moment: 2026-11-24T12:00:00+01:00", param_hint="--until") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _progress(planned: Mapping[TP, list[SegmentFile]]) -> Iterator[Done]:
    """A bar of the archive's bytes on standard error, if that is a terminal, and a count of records."""
    console = Console(stderr=True)
    total = sum(file.size for files in planned.values() for file in files)
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rebuilding", total=total)
        last: list[SegmentFile] = []
        count = 0

        def done(file: SegmentFile, records: int) -> None:
            nonlocal count
            count += records
            if last != [file]:
                bar.update(task, advance=last[0].size if last else 0, description=f"rebuilding, {count:,} records")
                last[:] = [file]

        yield done
