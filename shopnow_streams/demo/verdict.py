"""What was sent, what the tables say, what the archive holds: compared number by number.

Three independent counts of the same events: the simulator's ledger, the live folds over HTTP, and the Parquet files.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import msgspec
import pyarrow.parquet as pq
from rich import box
from rich.table import Table

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.hours import HOURS
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.folds.rejections import REJECTIONS
from shopnow_streams.folds.stock import STOCK
from shopnow_streams.simulator import Ledger
from shopnow_streams.topics import Topic
from sinks.sink import Sink

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One number, counted up to three times. `archived` is None where the archive is not asked."""

    what: str
    sent: int
    counted: int
    archived: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether all counts are the same."""
        return self.sent == self.counted and self.archived in (None, self.sent)


@dataclass(frozen=True)
class Archived:
    """What the archive holds, by topic; `repeated` counts records whose offset is there twice."""

    valid: Counter[str]
    malformed: Counter[str]
    placed_cents: int
    paid_cents: int
    repeated: int


def compare(ledger: Ledger, api: WorkerApi, archive: Archived | None) -> list[Line]:
    """Every number that can be compared. Blocks for the rows of all tables."""
    hours, stock = _table(api, HOURS), _table(api, STOCK)
    rejections = _table(api, REJECTIONS)
    counted = {
        Topic.PRODUCT_VIEWED: _sum(hours, "views"),
        Topic.ITEM_ADDED: _sum(hours, "adds"),
        Topic.ORDER_PLACED: _sum(hours, "orders"),
        Topic.PAYMENT_ACCEPTED: _sum(hours, "payments"),
        Topic.STOCK_UPDATED: _sum(stock, "counts"),
    }
    lines = [
        Line(topic, ledger.events.get(topic, 0), counted[topic], None if archive is None else archive.valid[topic])
        for topic in Topic
    ]
    malformed = sum(sum(row["by_reason"].values()) for row in rejections.values())
    lines.append(
        Line(
            "malformed",
            sum(ledger.malformed.values()),
            malformed,
            None if archive is None else sum(archive.malformed.values()),
        )
    )
    placed = sum(hour.ordered_cents for hour in ledger.hours.values())
    paid = sum(hour.paid_cents for hour in ledger.hours.values())
    lines.append(
        Line("ordered, cents", placed, _sum(hours, "placed_cents"), None if archive is None else archive.placed_cents)
    )
    lines.append(Line("paid, cents", paid, _sum(hours, "paid_cents"), None if archive is None else archive.paid_cents))
    if archive is not None:
        lines.append(Line("offsets archived twice", 0, 0, archive.repeated))
    sent_rows: list[tuple[str, Mapping[str, Any], Rows]] = [
        ("products", {str(key): _product(row) for key, row in ledger.products.items()}, _products(api)),
        ("stock levels", {str(key): (row.stock, row.counted_at) for key, row in ledger.stock.items()}, _levels(stock)),
        ("orders", {key: (row.placed_cents, row.paid_cents) for key, row in ledger.orders.items()}, _orders(api)),
        ("hours", {key: _hour(row) for key, row in ledger.hours.items()}, _hours(hours)),
    ]
    lines.extend(Line(f"{name}, all alike", len(sent), _alike(sent, rows)) for name, sent, rows in sent_rows)
    return lines


def read_archive(sink: Sink) -> Archived:
    """Read every segment. Blocks; raises SinkUnavailable."""
    valid: Counter[str] = Counter()
    malformed: Counter[str] = Counter()
    placed = paid = repeated = 0
    for topic in Topic:
        seen: set[tuple[int, int]] = set()
        for info in sink.segments(topic):
            table = pq.read_table(BytesIO(sink.read(info.path)))
            offsets = [(info.span.partition, offset) for offset in table["kafka_offset"].to_pylist()]
            repeated += len(offsets) - len(set(offsets) - seen)
            seen.update(offsets)
            bad = table.num_rows - table["rejected"].null_count
            malformed[topic] += bad
            valid[topic] += table.num_rows - bad
            if topic == Topic.ORDER_PLACED:
                placed += sum(filter(None, table["montant_total_cents"].to_pylist()))
            if topic == Topic.PAYMENT_ACCEPTED:
                paid += sum(filter(None, table["montant_cents"].to_pylist()))
    return Archived(valid, malformed, placed, paid, repeated)


def shown(lines: list[Line]) -> Table:
    """The verdict as a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("sent", "in the tables", "in the archive"):
        table.add_column(name, justify="right")
    table.add_column("")
    for line in lines:
        archived = "" if line.archived is None else f"{line.archived:,}"
        mark = "[green]right[/]" if line.agrees else "[bold red]different[/]"
        table.add_row(line.what, f"{line.sent:,}", f"{line.counted:,}", archived, mark)
    return table


def _table(api: WorkerApi, definition: Definition[Any]) -> Rows:
    """Rows merged over partitions, each as JSON has it; None-safe: no answer is no rows."""
    merged: dict[str, Any] = {}
    for _, _, rows in api.rows(definition.name) or []:
        for key, raw in rows:
            state = msgspec.convert(raw, definition.state)
            merged[key] = definition.merge(merged[key], state) if key in merged else state
    return {key: msgspec.to_builtins(state, builtin_types=(datetime,)) for key, state in merged.items()}


def _alike(sent: Mapping[str, Any], rows: Mapping[str, Any]) -> int:
    return sum(1 for key in sent if rows.get(key) == sent[key]) - len(rows.keys() - sent.keys())


def _sum(rows: Rows, field: str) -> int:
    return sum(row[field] for row in rows.values())


def _product(row: Any) -> tuple[int, ...]:
    return row.views, row.adds, row.added_units, row.units_sold, row.revenue_cents


def _products(api: WorkerApi) -> dict[str, Any]:
    fields = ("views", "adds", "units_added", "units_sold", "revenue_cents")
    return _picked(_table(api, PRODUCTS), lambda row: tuple(row[field] for field in fields))


def _levels(stock: Rows) -> dict[str, Any]:
    return _picked(stock, lambda row: (row["units"], row["counted_at"]))


def _orders(api: WorkerApi) -> dict[str, Any]:
    return _picked(_table(api, ORDERS), lambda row: (row["placed_cents"], row["paid_cents"]))


def _hour(row: Any) -> tuple[int, ...]:
    return row.views, row.adds, row.orders, row.payments, row.ordered_cents, row.paid_cents


def _hours(hours: Rows) -> dict[str, Any]:
    fields = ("views", "adds", "orders", "payments", "placed_cents", "paid_cents")
    return _picked(hours, lambda row: tuple(row[field] for field in fields))


def _picked(rows: Rows, pick: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    return {key: pick(row) for key, row in rows.items()}
