"""An answer on standard output: a table for people, JSON and CSV for programs."""

import csv
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

import click
import msgspec
from rich.console import Console
from rich.measure import Measurement
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

ANY_WIDTH = 1_000_000


class Rows(NamedTuple):
    """`more`: there are others beyond the limit. `numeric`: which columns hold numbers."""

    columns: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Any]]
    more: bool


def print_json(rows: Rows) -> None:
    """One object a line, decimals as numbers with their exact digits."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    for row in rows.rows:
        click.echo(encoder.encode(dict(zip(rows.columns, row, strict=True))).decode())


def print_csv(rows: Rows) -> None:
    """As `write_csv`, on standard output."""
    write_csv(rows, sys.stdout)


def write_csv(rows: Rows, file: TextIO) -> None:
    """A line of names, then the rows. A null is nothing at all; lists and structs are JSON."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows([text(value, "") for value in row] for row in rows.rows)


def print_table(rows: Rows) -> None:
    """An aligned table; where the terminal is too narrow for it, a block a row. Elsewhere nothing is ever cut off."""
    table = _table(rows)
    console = Console(highlight=False)
    width = widen(console, table)
    if width <= console.width:
        console.print(table)
    else:
        for number, row in enumerate(rows.rows, 1):
            console.print(Rule(f"row {number}", align="left", style="dim"), _block(rows, row))
    if not rows.rows:
        click.echo("no rows", err=True)


def widen(console: Console, table: Table) -> int:
    """The width that `table` needs; `console` has it then, unless it is a terminal."""
    width = Measurement.get(console, console.options.update(width=ANY_WIDTH), table).maximum
    if not console.is_terminal:
        console.width = max(console.width, width)
    return width


def _table(rows: Rows) -> Table:
    table = Table(box=None, header_style="bold")
    for name, numeric in zip(rows.columns, rows.numeric, strict=True):
        table.add_column(Text(name), justify="right" if numeric else "left")
    for row in rows.rows:
        table.add_row(*(Text(text(value, "-")) for value in row))
    return table


def _block(rows: Rows, row: Any) -> Table:
    block = Table(box=None, show_header=False)
    block.add_column(style="bold")
    block.add_column(overflow="fold")
    for name, value in zip(rows.columns, row, strict=True):
        block.add_row(Text(name), Text(text(value, "-")))
    return block


def text(value: Any, nothing: str) -> str:
    """A value in one cell: `nothing` for a null, JSON for lists and structs."""
    if value is None:
        return nothing
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else str(value)
