"""`shopnow archive expire`: retention. Shows what would go; `--delete` lets it go."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.archive.expiry import Expirer, Expiry, plan
from shopnow_streams.batch.printing import widen
from shopnow_streams.cli.archive_options import DAY, TAKE_OVER, TOPIC, archive_options, opened, progress


@click.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--keep-days", type=click.IntRange(1), help="Keep so many days before today (UTC).")
@click.option("--before", type=DAY, help="Or: keep this day and those after it.")
@click.option("--delete", "deleting", is_flag=True, help="Delete them. Without it nothing changes.")
@TAKE_OVER
@archive_options
def expire(
    topic: str | None,
    keep_days: int | None,
    before: datetime | None,
    deleting: bool,
    take_over: bool,
    url: str | None,
    webhdfs: str,
    as_json: bool,
) -> None:
    """Let segments go that are past their age, by the day that Kafka had their first record.

    Of each partition those from its first on, never its last. It is written down, so that `verify` tells them from lost
    ones. What they held can't be audited nor rebuilt afterwards, nor be found in HDFS's trash: keep a copy where that
    matters.
    """
    if (keep_days is None) == (before is None):
        raise click.UsageError("say --keep-days or --before")
    day = before.date() if before else datetime.now(UTC).date() - timedelta(days=keep_days or 0)
    if day > datetime.now(UTC).date():
        raise click.UsageError(f"--before {day} is yet to come: at most today's date, which keeps today")
    catalogue = opened(url, webhdfs)
    topics = [topic] if topic else catalogue.topics()
    if not deleting:
        _tell([each for name in topics for each in plan(catalogue.listing(name).segments, day)], day, False, as_json)
        return
    lock = ExclusiveLock(catalogue.files)
    with lock.holding("expire", take_over=take_over):
        planned = [each for name in topics for each in plan(catalogue.listing(name).segments, day)]
        expirer = Expirer(catalogue, day, lock.check)
        with progress("deleting", (file for each in planned for file in each.files)) as told:
            for each in planned:
                expirer.expire(each, told)
    _tell(planned, day, True, as_json)


def _tell(planned: Sequence[Expiry], before: date, deleted: bool, as_json: bool) -> None:
    if as_json:
        described = [_described(each) for each in planned]
        click.echo(json.dumps({"before": before.isoformat(), "deleted": deleted, "partitions": described}))
        return
    console = Console(highlight=False)
    segments = sum(len(each.files) for each in planned)
    if segments:
        table = _table(planned)
        widen(console, table)
        console.print(table)
    for each in planned:
        if each.held_up is not None:
            console.print(
                f"[yellow]held up[/] {each.place.text}: {each.held_up.path} is not so old, but others after it are",
                soft_wrap=True,
            )
    size = decimal(sum(each.bytes for each in planned))
    if not segments:
        console.print(f"nothing is of days before {before}")
    elif deleted:
        console.print(f"deleted: {segments:,} segments of days before {before}, {size}")
    else:
        console.print(f"{segments:,} segments of days before {before}, {size}, would go: --delete deletes them")


def _table(planned: Sequence[Expiry]) -> Table:
    table = Table("partition", "from", "to", box=None, header_style="bold")
    for name in ("segments", "bytes"):
        table.add_column(name, justify="right")
    for each in planned:
        if each.files:
            days = (str(each.files[0].name.date), str(max(file.name.date for file in each.files)))
            table.add_row(each.place.text, *days, f"{len(each.files):,}", decimal(each.bytes))
    return table


def _described(each: Expiry) -> dict[str, object]:
    return {
        "topic": each.place.topic,
        "partition": each.place.partition,
        "segments": len(each.files),
        "bytes": each.bytes,
        "paths": [file.path for file in each.files],
        "held_up_by": each.held_up.path if each.held_up else None,
    }
