"""`shopnow archive diff`: whether two archives hold the same events."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shopnow_streams.archive.diff import PartitionDiff, pairs
from shopnow_streams.archive.diff import diff as compared
from shopnow_streams.archive.exclusive import refuse_while_changing
from shopnow_streams.archive.offsets import Ranges
from shopnow_streams.batch.printing import widen
from shopnow_streams.cli.archive_options import TOPIC, opened, progress
from shopnow_streams.topics import Topic

SHOWN = 10


@click.command()
@click.argument("a", metavar="URL_A")
@click.argument("b", metavar="URL_B")
@click.option("--topic", type=TOPIC, help="This one alone.")
@click.option("--common", is_flag=True, help="Only the offsets between where both begin and where both end.")
@click.option("--webhdfs-a", default="", help="A's WebHDFS address, where it is not SHOPNOW_ARCHIVE's.")
@click.option("--webhdfs-b", default="", help="B's.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def diff(a: str, b: str, topic: str | None, common: bool, webhdfs_a: str, webhdfs_b: str, as_json: bool) -> None:
    """Compare two archives: offset, key, value and timestamp of every record, however they are cut into files.

    Exit code 1 where they differ.
    """
    one, other = opened(a, webhdfs_a), opened(b, webhdfs_b)
    for side in (one, other):
        refuse_while_changing(side.files)
    topics = [topic] if topic else [str(each) for each in Topic]
    work = {place: files for name in topics for place, files in pairs(one, other, name).items()}
    found = []
    with progress("comparing", (file for pair in work.values() for files in pair for file in files)) as told:
        for place, files in work.items():
            found.append(compared(one, other, place, files, common=common))
            for file in (*files[0], *files[1]):
                told(file)
    same = all(part.same for part in found)
    if as_json:
        click.echo(json.dumps({"same": same, "partitions": [_described(part) for part in found]}))
    else:
        _print(found)
    sys.exit(0 if same else 1)


def _described(part: PartitionDiff) -> dict[str, Any]:
    return {
        "topic": part.place.topic,
        "partition": part.place.partition,
        "records_a": part.records_a,
        "records_b": part.records_b,
        "same": part.difference.same,
        **{
            name: {"records": ranges.count, "ranges": ranges.kept, "more_ranges": ranges.more}
            for name, ranges in _differences(part)
        },
        "changed_columns": part.difference.columns,
    }


def _differences(part: PartitionDiff) -> Iterator[tuple[str, Ranges]]:
    found = part.difference
    yield from (("only_a", found.only_a), ("only_b", found.only_b), ("changed", found.changed))
    yield from (("twice_in_a", part.repeated_a), ("twice_in_b", part.repeated_b))


def _print(found: list[PartitionDiff]) -> None:
    table = Table("partition", box=None, header_style="bold")
    for name in ("records A", "records B", "same", "only A", "only B", "changed", "twice"):
        table.add_column(name, justify="right")
    for part in found:
        only_a, only_b, changed, *twice = (ranges.count for _, ranges in _differences(part))
        numbers = (part.records_a, part.records_b, part.difference.same, only_a, only_b, changed, sum(twice))
        table.add_row(part.place.text, *(f"{number:,}" for number in numbers))
    console = Console(highlight=False)
    widen(console, table)
    console.print(table)
    for part in found:
        for name, ranges in _differences(part):
            if ranges.count:
                console.print(f"{part.place.text} {_WORDS[name]}: {_offsets(ranges)}", soft_wrap=True)
    differing = sum(not part.same for part in found)
    if differing:
        console.print(f"[bold red]different[/] in {differing} of {len(found)} partitions")
    else:
        console.print(f"[bold green]same[/]: {sum(part.records_a for part in found):,} records in both")


_WORDS = {
    "only_a": "only in A",
    "only_b": "only in B",
    "changed": "not alike",
    "twice_in_a": "more than once in A",
    "twice_in_b": "more than once in B",
}


def _offsets(ranges: Ranges) -> str:
    shown = ", ".join(part.text for part in ranges.kept[:SHOWN])
    more = ranges.more + max(0, len(ranges.kept) - SHOWN)
    return f"offsets {shown}" + (f" and {more:,} other ranges" if more else "")
