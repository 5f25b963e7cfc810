"""What `shopnow audit` says: a table, the offsets that all of it is of, each difference, and one line."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shopnow_streams.audit.report import Report, Value
from shopnow_streams.batch.printing import widen


def described(report: Report, limit: int) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "verdict": report.verdict,
        "rows": report.rows,
        "records": report.records,
        "wrong_rows": report.wrong_rows,
        "differences": report.differences,
        "tables": [
            {
                "table": table.table,
                "rows": table.compared.rows,
                "partitions": table.partitions,
                "records": table.records,
                "wrong_rows": table.compared.wrong_rows,
                "differences": table.compared.differences,
            }
            for table in report.tables
        ],
        "offsets": report.offsets,
        "shown": [vars(difference) for difference in report.shown(limit)],
        "notes": report.notes,
    }


def print_report(console: Console, report: Report, limit: int) -> None:
    """For people."""
    for table in (_tables(report), _offsets(report)):
        widen(console, table)
        console.print(table)
        console.print()
    if not report.right:
        shown = report.shown(limit)
        table = _differences(report, limit)
        widen(console, table)
        console.print(table)
        if len(shown) < report.differences:
            console.print(f"the first {len(shown):,} of {report.differences:,} differences; --limit shows more")
        console.print()
    for note in report.notes:
        console.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    console.print(_verdict(report), soft_wrap=True)


def _tables(report: Report) -> Table:
    table = Table("table", box=None, header_style="bold")
    for name in ("rows compared", "partitions", "records read", "differences"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in report.tables:
        compared = one.compared
        table.add_row(
            one.table,
            f"{compared.rows:,}",
            f"{one.partitions:,}",
            f"{one.records:,}",
            f"{compared.differences:,}",
            "[red]wrong[/]" if compared.differences else "[green]right[/]",
        )
    return table


def _offsets(report: Report) -> Table:
    table = Table("at the offsets", "of partition: next offset", box=None, header_style="bold")
    for topic, partitions in report.offsets.items():
        table.add_row(topic, _ranges(partitions))
    return table


def _ranges(partitions: Mapping[int, tuple[int, int]]) -> str:
    """`0: 4,711  1: 12-15`: tables are read one after the other, while the worker folds on."""
    return "  ".join(
        f"{partition}: {low:,}" + (f"-{high:,}" if high > low else "") for partition, (low, high) in partitions.items()
    )


def _differences(report: Report, limit: int) -> Table:
    table = Table("table", "partition", "key", "field", "live", "batch", box=None, header_style="bold")
    for one in report.shown(limit):
        table.add_row(one.table, str(one.partition), escape(one.key), one.field, _text(one.live), _text(one.batch))
    return table


def _text(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else escape(value)


def _verdict(report: Report) -> str:
    rows, records = f"{report.rows:,} rows", f"{report.records:,} archived records"
    if report.right:
        return f"[bold green]right[/]: {rows}, each as the {records} below these offsets make it"
    wrong = ", ".join(
        f"{table.compared.wrong_rows:,} of {table.table}" for table in report.tables if table.compared.wrong_rows
    )
    if report.expired:
        return f"[bold yellow]unknown[/]: of {rows}, {wrong} differ, and {escape(report.expired)}"
    return f"[bold red]wrong[/]: of {rows}, {wrong} are not what the {records} below these offsets make them"
