"""What a row of each table is made of, said a second time: the audit takes no row that has a field more or less."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

import msgspec
import pyarrow as pa

from shopnow_streams.topics import Topic


class Kind(Enum):
    """What a field holds."""

    NUMBER = auto()
    TEXT = auto()
    MOMENT = auto()
    """Null where it never happened."""
    REASONS = auto()
    """Counts by reason, written as `not-json=3, not-valid=1`."""


@dataclass(frozen=True)
class Table:
    """A live table: its fields, and the topics that its rows are made of."""

    name: str
    fields: Mapping[str, Kind]
    topics: tuple[Topic, ...]

    def decoder(self) -> "msgspec.json.Decoder[tuple[str, Any]]":
        """Of `[key, state]`. Its decode raises msgspec.ValidationError for a state with other fields than these."""
        fields = [(name, _TYPES[kind]) for name, kind in self.fields.items()]
        state = msgspec.defstruct(self.name, fields, forbid_unknown_fields=True)
        return msgspec.json.Decoder(tuple[str, state])  # type: ignore[valid-type]

    def plain(self, state: Any) -> list[Any]:
        """The state's fields in order, as `schema` stores them."""
        return [_plain(kind, getattr(state, name)) for name, kind in self.fields.items()]

    def schema(self) -> pa.Schema:
        """The columns of a file of rows: the partition, the key, the fields."""
        fields = [pa.field(name, ARROW[kind]) for name, kind in self.fields.items()]
        return pa.schema([pa.field("partition", pa.int32()), pa.field("key", pa.string()), *fields])


def micros(moment: datetime) -> int | None:
    """Since 1970; None for what the workers write where something never happened."""
    since = (moment - _EPOCH) // timedelta(microseconds=1)
    return None if since == NEVER_US else since


def reasons(by_reason: Mapping[str, int]) -> str:
    """Counts by reason as one text, in order of reasons."""
    return ", ".join(f"{reason}={count}" for reason, count in sorted(by_reason.items()))


def counts(text: str) -> dict[str, int]:
    """The inverse of `reasons`."""
    pairs = (part.rpartition("=") for part in text.split(", ") if part)
    return {reason: int(count) for reason, _, count in pairs}


def _plain(kind: Kind, value: Any) -> Any:
    if kind is Kind.MOMENT:
        return micros(value)
    return reasons(value) if kind is Kind.REASONS else value


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = (datetime.fromisoformat("0001-01-01T00:00:00+23:59") - _EPOCH) // timedelta(microseconds=1)
"""The earliest moment that a timestamp can write."""

_TYPES: dict[Kind, Any] = {
    Kind.NUMBER: int,
    Kind.TEXT: str,
    Kind.MOMENT: datetime,
    Kind.REASONS: dict[str, int],
}
ARROW: dict[Kind, pa.DataType] = {
    Kind.NUMBER: pa.decimal128(38, 0),  # a product's revenue has no bound
    Kind.TEXT: pa.string(),
    Kind.MOMENT: pa.timestamp("us", "UTC"),
    Kind.REASONS: pa.string(),
}

PRODUCTS = Table(
    "products",
    {
        "name": Kind.TEXT,
        "named_at": Kind.MOMENT,
        "views": Kind.NUMBER,
        "adds": Kind.NUMBER,
        "units_added": Kind.NUMBER,
        "order_lines": Kind.NUMBER,
        "units_sold": Kind.NUMBER,
        "revenue_cents": Kind.NUMBER,
    },
    (Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED),
)
STOCK = Table("stock", {"units": Kind.NUMBER, "counted_at": Kind.MOMENT, "counts": Kind.NUMBER}, (Topic.STOCK_UPDATED,))
ORDERS = Table(
    "orders",
    {
        "user_id": Kind.NUMBER,
        "placed_at": Kind.MOMENT,
        "placed_cents": Kind.NUMBER,
        "units": Kind.NUMBER,
        "placements": Kind.NUMBER,
        "paid_at": Kind.MOMENT,
        "paid_cents": Kind.NUMBER,
        "payments": Kind.NUMBER,
    },
    (Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED),
)
HOURS = Table(
    "hours",
    dict.fromkeys(("views", "adds", "orders", "placed_cents", "payments", "paid_cents"), Kind.NUMBER),
    (Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED),
)
REJECTIONS = Table("rejections", {"by_reason": Kind.REASONS}, tuple(Topic))

LIVE = (PRODUCTS, STOCK, ORDERS, HOURS, REJECTIONS)
"""The tables of the workers."""

REJECTS = Table("rejects", {"reason": Kind.TEXT, "copies": Kind.NUMBER}, tuple(Topic))
"""The reject topic as a table: a row a rejected record, its key `topic offset`, and how often the topic has it."""

ALL = (*LIVE, REJECTS)
