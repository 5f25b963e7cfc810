"""`shopnow archive compact`: many small segments of the days gone by become few large ones."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from shopnow_streams.archive.address import Address
from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.compaction import TARGET_BYTES, Piece, Run, plan
from shopnow_streams.archive.compactor import Outcome, joinable, pieces
from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.batch.printing import widen
from shopnow_streams.cli.archive_options import DAY, TAKE_OVER, TOPIC, address, archive_options, progress
from shopnow_streams.cli.batch import require_spark
from shopnow_streams.cli.spark_status import told
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.local import CACHE


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--before", type=DAY, help="Days before this one (UTC); if not given, before today.")
@click.option(
    "--target-mib",
    type=click.IntRange(1, 1024),
    default=TARGET_BYTES >> 20,
    show_default=True,
    help="Of a file; a task holds four times that.",
)
@click.option("--dry-run", is_flag=True, help="Say what would become one, and change nothing.")
@TAKE_OVER
@click.option("--master", default="local[*]", show_default=True, help="The Spark that works: this machine.")
@click.option("--memory", default="1g", show_default=True, help="What Spark's JVM may use here.")
@archive_options
def compact(
    topic: str | None,
    before: datetime | None,
    target_mib: int,
    dry_run: bool,
    take_over: bool,
    master: str,
    memory: str,
    url: str | None,
    webhdfs: str,
    as_json: bool,
) -> None:
    """Make the small segments of each partition and day one file, or a few. Exit code 1 where one was left.

    At every moment each record is in the archive once, whatever is killed; workers may archive meanwhile. A query that
    began before may end with a file not found: ask it again.
    """
    require_spark()
    where = address(url, webhdfs)
    catalogue = Catalogue(where.open(), where.url)
    files = joinable(catalogue.files, catalogue.form)
    day = before.date() if before else datetime.now(UTC).date()
    topics = [topic] if topic else catalogue.topics()
    if dry_run:
        planned = _planned(catalogue, topics, day, target_mib)
        outcomes = [Outcome(run) for run in planned.runs]
    else:
        lock = ExclusiveLock(files)
        with lock.holding("compact", take_over=take_over):
            planned = _planned(catalogue, topics, day, target_mib)
            outcomes = _compacted(where, lock.token, planned.runs, master, memory)
    outcomes.sort(key=lambda outcome: _order(outcome.run))
    if as_json:
        click.echo(json.dumps([_described(outcome) for outcome in outcomes]))
    else:
        _print(outcomes, dry_run=dry_run)
    for path in planned.unreadable:
        click.echo(f"{path} can't be read, and was left: `shopnow archive verify` says what to do", err=True)
    sys.exit(1 if planned.unreadable or any(outcome.failed for outcome in outcomes) else 0)


class _Planned(NamedTuple):
    runs: list[Run]
    unreadable: list[str]


def _planned(catalogue: Catalogue, topics: Sequence[str], before: date, target_mib: int) -> _Planned:
    planned = _Planned([], [])
    for topic in topics:
        segments = catalogue.listing(topic).segments
        known: list[Piece] = []
        with progress(f"reading ends of {topic}", segments) as done:
            for piece in pieces(catalogue, segments):
                known.append(piece)
                done(piece.file)
        planned.runs.extend(plan(known, before, target_mib << 20))
        planned.unreadable.extend(piece.file.path for piece in known if piece.next is None)
    return planned


def _compacted(where: Address, token: str, runs: list[Run], master: str, memory: str) -> list[Outcome]:
    from shopnow_streams.batch.compacting import compacted
    from shopnow_streams.batch.failures import explained
    from shopnow_streams.batch.session import spark_session

    if not runs:
        return []
    directories = [list(some) for _, some in groupby(runs, lambda run: run.pieces[0].file.path.rpartition("/")[0])]
    with (
        Console(stderr=True).status("starting Spark") as status,
        spark_session(master, java=find_java(CACHE / "jdk"), memory=memory) as spark,
        explained(),
        told(spark, status, f"compacting {len(runs):,} runs of {len(directories):,} directories"),
    ):
        return compacted(spark, where, token, directories)


def _order(run: Run) -> tuple[str, int, int]:
    name = run.pieces[0].file.name
    return name.topic, name.partition, name.first


def _described(outcome: Outcome) -> dict[str, Any]:
    run = outcome.run
    name = run.pieces[0].file.name
    return {
        "topic": name.topic,
        "partition": name.partition,
        "date": name.date.isoformat(),
        "first": name.first,
        "next": run.next,
        "segments": len(run.pieces),
        "bytes": run.bytes,
        "path": run.pieces[0].file.path,
        "compacted_bytes": outcome.bytes,
        "failed": outcome.failed or None,
    }


def _print(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    console = Console(highlight=False)
    table = Table("partition", "date", box=None, header_style="bold")
    for name in ("segments", "files", "bytes", "bytes now"):
        table.add_column(name, justify="right")
    for day, some in groupby(outcomes, lambda outcome: _day(outcome.run)):
        table.add_row(*day, *_cells(list(some)))
    if outcomes:
        widen(console, table)
        console.print(table)
    for outcome in outcomes:
        if outcome.failed:
            path = outcome.run.pieces[0].file.path
            console.print(f"[red]left as it is[/] {path} and on: {escape(outcome.failed)}", soft_wrap=True)
    console.print(_summary(outcomes, dry_run=dry_run), soft_wrap=True)


def _day(run: Run) -> tuple[str, str]:
    name = run.pieces[0].file.name
    return f"{name.topic}/{name.partition}", name.date.isoformat()


def _cells(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    sizes = [outcome.bytes for outcome in outcomes if outcome.bytes is not None]
    return (
        f"{sum(len(outcome.run.pieces) for outcome in outcomes):,}",
        f"{len(outcomes):,}",
        decimal(sum(outcome.run.bytes for outcome in outcomes)),
        decimal(sum(sizes)) if len(sizes) == len(outcomes) else "-",
    )


def _summary(outcomes: Sequence[Outcome], *, dry_run: bool) -> str:
    if not outcomes:
        return "nothing to compact: no day gone by has segments that fit together"
    done = [outcome for outcome in outcomes if not outcome.failed]
    segments = sum(len(outcome.run.pieces) for outcome in done)
    return f"{segments:,} segments {'would become' if dry_run else 'became'} {len(done):,} files"
