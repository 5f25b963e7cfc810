"""`shopnow archive`: what is in the archive, whether all of it is right, and how it is made right again."""

import json
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.contents import Footer
from shopnow_streams.archive.in_order import in_order
from shopnow_streams.archive.rows import holding, named, rows
from shopnow_streams.archive.usage import Usage, usage
from shopnow_streams.batch.printing import Rows, print_table, widen
from shopnow_streams.cli.archive_compact import compact
from shopnow_streams.cli.archive_ddl import ddl
from shopnow_streams.cli.archive_diff import diff
from shopnow_streams.cli.archive_expire import expire
from shopnow_streams.cli.archive_options import TOPIC, archive_options, opened, progress
from shopnow_streams.cli.archive_seal import seal, seals
from shopnow_streams.cli.archive_verify import verify


@click.group()
def archive() -> None:
    """The archive of every record: look into it, verify it, mend it."""


@archive.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@click.option("--partition", type=click.IntRange(0), help="This one alone.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Latest segments of a partition.")
@archive_options
def ls(topic: str | None, partition: int | None, limit: int, url: str | None, webhdfs: str, as_json: bool) -> None:
    """Segments, the latest of each partition."""
    catalogue = opened(url, webhdfs)
    found: list[dict[str, Any]] = []
    hidden = 0
    for name in [topic] if topic else catalogue.topics():
        files = catalogue.listing(name, [] if partition is None else [partition]).segments
        latest = [file for _, some in groupby(files, lambda f: f.name.partition) for file in list(some)[-limit:]]
        hidden += len(files) - len(latest)
        footers = in_order(catalogue.footer, latest)
        found += [_described(file, footer) for file, footer in zip(latest, footers, strict=True)]
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print_segments(found)
    if hidden:
        click.echo(f"earlier segments not shown: {hidden:,} (--limit)", err=True)


@archive.command()
@click.argument("topic", required=False, type=TOPIC, metavar="[TOPIC]")
@archive_options
def du(topic: str | None, url: str | None, webhdfs: str, as_json: bool) -> None:
    """What each topic and partition takes up. Reads the end of every file."""
    catalogue = opened(url, webhdfs)
    topics = [topic] if topic else catalogue.topics()
    files = [file for name in topics for file in catalogue.listing(name).segments]
    with progress("reading ends", files) as told:
        found = usage(catalogue, files, told)
    if as_json:
        click.echo(json.dumps([vars(part) | {"mean_bytes": part.mean_bytes, "ratio": part.ratio} for part in found]))
    else:
        _print_usage(found)
    unreadable = sum(part.unreadable for part in found)
    if unreadable:
        click.echo(f"{unreadable} files can't be read: `shopnow archive verify` tells which", err=True)


@archive.command()
@click.argument("where", nargs=-1, required=True, metavar="PATH | TOPIC PARTITION OFFSET")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Rows to show.")
@click.option("--raw", is_flag=True, help="The value's bytes too, of those that are events.")
@archive_options
def show(where: tuple[str, ...], limit: int, raw: bool, url: str | None, webhdfs: str, as_json: bool) -> None:
    """Rows of a segment, decoded: from its beginning, or from an offset on."""
    catalogue = opened(url, webhdfs)
    file, first = _found(catalogue, where)
    shown, more = rows(catalogue, file, first, limit)
    if as_json:
        for row in shown:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        click.echo(f"{file.path}, {decimal(file.size)}")
        print_table(_columns(shown, raw))
    if more:
        click.echo(f"the first {limit}: --limit shows more", err=True)


archive.add_command(verify)
archive.add_command(compact)
archive.add_command(ddl)
archive.add_command(diff)
archive.add_command(expire)
archive.add_command(seal)
archive.add_command(seals)


def _found(catalogue: Catalogue, where: tuple[str, ...]) -> tuple[SegmentFile, int]:
    """The file that is asked for, and the offset to begin at."""
    if len(where) == 1:
        return named(catalogue, where[0].removeprefix(catalogue.url).lstrip("/")), 0
    if len(where) != 3 or not (where[1].isdecimal() and where[2].isdecimal()):
        raise click.UsageError("say PATH, as `shopnow archive ls --json` has it, or TOPIC PARTITION OFFSET")
    offset = int(where[2])
    return holding(catalogue, where[0], int(where[1]), offset), offset


def _described(file: SegmentFile, footer: Footer | None) -> dict[str, Any]:
    return {
        "topic": file.name.topic,
        "partition": file.name.partition,
        "first": file.name.first,
        "next": footer.next if footer else None,
        "rows": footer.rows if footer else None,
        "bytes": file.size,
        "date": file.name.date.isoformat(),
        "modified": datetime.fromtimestamp(file.modified_ms / 1000, UTC).isoformat(timespec="seconds"),
        "path": file.path,
        "readable": footer is not None,
    }


def _print_segments(found: list[dict[str, Any]]) -> None:
    table = _table("first", "next", "rows", "bytes")
    for name in ("date", "modified"):
        table.add_column(name)
    for row in found:
        after = _number(row["next"]) if row["readable"] else "[red]unreadable[/]"
        table.add_row(
            f"{row['topic']}/{row['partition']}",
            *(_number(row["first"]), after, _number(row["rows"]), decimal(row["bytes"])),
            row["date"],
            row["modified"].replace("T", " ").removesuffix("+00:00"),
        )
    _print(table)


def _print_usage(found: list[Usage]) -> None:
    table = _table("segments", "records", "bytes", "a segment", "raw values", "ratio")
    for topic, some in groupby(found, lambda part: part.topic):
        parts = list(some)
        for part in parts:
            table.add_row(f"{topic}/{part.partition}", *_usage_cells(part))
        table.add_row(topic, *_usage_cells(_total(parts)), style="bold")
    _print(table)


def _usage_cells(part: Usage) -> tuple[str, ...]:
    values = "-" if part.value_bytes is None else decimal(part.value_bytes)
    ratio = "-" if part.ratio is None else f"{part.ratio:.1f} : 1"
    size = (decimal(part.bytes), decimal(part.mean_bytes))
    return f"{part.segments:,}", _number(part.records), *size, values, ratio


def _columns(shown: list[dict[str, Any]], raw: bool) -> Rows:
    """For a table: the value of a record that is no event, or else what was read in it."""
    names = [name for name in (shown[0] if shown else ()) if name not in ("kafka_partition", "value")]
    if raw or any(row.get("rejected") for row in shown):
        names.append("value")
    numeric = [all(isinstance(row[name], int | float | None) for row in shown) for name in names]
    cells = [[row[name] if name != "value" or raw or row["rejected"] else "" for name in names] for row in shown]
    return Rows([name.removeprefix("kafka_") for name in names], numeric, cells, False)


def _table(*numbers: str) -> Table:
    table = Table("partition", box=None, header_style="bold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False)
    widen(console, table)
    console.print(table if table.row_count else "nothing is archived there")


def _total(parts: list[Usage]) -> Usage:
    total = Usage(parts[0].topic, None)
    for part in parts:
        total.add(part)
    return total


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
