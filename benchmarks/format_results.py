"""What asking both formats gave, round by round, and the table of it. No IO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from rich.table import Table


@dataclass(frozen=True)
class Asked:
    """One question, answered: how long it took, and what Spark's tasks read from files for it."""

    seconds: float
    bytes_read: int


@dataclass(frozen=True)
class Kept:
    """What the archive takes up on HDFS."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Pair:
    """The same of our two formats."""

    parquet: Sequence[Asked]
    json_lines: Sequence[Asked]


def median(rounds: Sequence[Asked]) -> Asked:
    """The round of median time, the slower of the two in the middle: one that happened."""
    return sorted(rounds, key=lambda asked: asked.seconds)[len(rounds) // 2]


def times(more: float, less: float) -> str:
    """How many times `less` `more` is."""
    ratio = more / less if less else inf
    return f"{ratio:,.1f}"


def shown(rounds: Mapping[str, Pair], parquet: Kept, json_lines: Kept) -> Table:
    """A line a question, by its medians; at the end what the archives take up. 80 characters are enough."""
    count = len(next(iter(rounds.values())).parquet)
    table = Table(title=f"asking: medians of {count} rounds", title_justify="left", box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in ("Parquet ms", "JSON ms", "times", "Parquet MB read", "JSON MB read", "times"):
        table.add_column(name, justify="right")
    for name, pair in rounds.items():
        ours, lines = median(pair.parquet), median(pair.json_lines)
        table.add_row(
            name,
            f"{ours.seconds * 1000:,.0f}",
            f"{lines.seconds * 1000:,.0f}",
            times(lines.seconds, ours.seconds),
            f"{ours.bytes_read / 1e6:,.2f}",
            f"{lines.bytes_read / 1e6:,.2f}",
            times(lines.bytes_read, ours.bytes_read),
        )
    sizes = (f"{parquet.bytes / 1e6:,.2f}", f"{json_lines.bytes / 1e6:,.2f}", times(json_lines.bytes, parquet.bytes))
    table.add_row("MB on HDFS", "", "", "", *sizes)
    table.add_row("files", "", "", "", f"{parquet.files:,}", f"{json_lines.files:,}")
    return table
