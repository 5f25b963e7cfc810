"""What a row of each table is made of, said a second time: the audit takes no row that has a field more or less."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

import msgspec
import pyarrow as pa
from datasketches import hll_sketch, hll_union

from shopnow_streams.topics import Topic


class Kind(Enum):
    """What a field holds."""

    NUMBER = auto()
    TEXT = auto()
    MOMENT = auto()
    """Null where it never happened."""
    REASONS = auto()
    """Counts by reason, written as `not-json=3, not-valid=1`."""
    ORDERED = auto()
    """When the newest order was, in milliseconds since 1970; `NO_ORDER_MS` where there was none."""
    DISTINCT = auto()
    """How many different customers a sketch says there were."""
    VISITS = auto()
    CART = auto()
    LATE = auto()
    """Lists, in their order, as text: see `visits`, `cart` and `late_events`."""


NUMBERS = frozenset((Kind.NUMBER, Kind.ORDERED, Kind.DISTINCT))
"""Kinds that are whole numbers, and compared as such."""

LG_K = 11
"""Of sketches: their registers are 2 to the power of this."""

NO_ORDER_MS = -1


@dataclass(frozen=True)
class Table:
    """A live table: its fields, and the topics that its rows are made of.

    `timed`: which events are late decides its rows. `sparse`: rows leave out fields of which there is nothing to say.
    """

    name: str
    fields: Mapping[str, Kind]
    topics: tuple[Topic, ...]
    timed: bool = False
    sparse: bool = False

    def decoder(self) -> "msgspec.json.Decoder[tuple[str, Any]]":
        """Of `[key, state]`. Its decode raises msgspec.ValidationError for a state with other fields than these."""
        fields: list[Any] = [
            (name, _TYPES[kind], _NOTHING[kind]) if self.sparse else (name, _TYPES[kind])
            for name, kind in self.fields.items()
        ]
        state = msgspec.defstruct(self.name, fields, forbid_unknown_fields=True)
        return msgspec.json.Decoder(tuple[str, state], dec_hook=_read)  # type: ignore[valid-type]

    def plain(self, state: Any) -> list[Any]:
        """The state's fields in order, as `schema` stores them."""
        return [_plain(kind, getattr(state, name)) for name, kind in self.fields.items()]

    def schema(self) -> pa.Schema:
        """The columns of a file of rows: the partition, the key, the fields."""
        fields = [pa.field(name, ARROW[kind]) for name, kind in self.fields.items()]
        return pa.schema([pa.field("partition", pa.int32()), pa.field("key", pa.string()), *fields])


class Sketch:
    """Customers as a worker has them: a list of few, or base64 of a HyperLogLog of Apache DataSketches.

    Raises ValueError or msgspec.ValidationError for what is neither. `count` is about how many they are, by the rule
    that does not look at the order in which they came.
    """

    def __init__(self, stored: Any) -> None:
        try:
            sketch = _sketch(stored) if isinstance(stored, list) else _read_sketch(stored)
            union = hll_union(LG_K)
            for _ in range(2):  # a sketch that was never merged estimates by the order of its updates
                union.update(sketch)
            self.count = round(float(union.get_result().get_estimate()))
        except (RuntimeError, TypeError, IndexError) as error:
            raise ValueError(f"no sketch: {error}") from error


def _sketch(customers: list[int]) -> hll_sketch:
    made = hll_sketch(LG_K)
    for customer in msgspec.convert(customers, list[int]):
        made.update(customer)
    return made


def _read_sketch(text: str) -> hll_sketch:
    return hll_sketch.deserialize(base64.b64decode(text, validate=True))


def micros(moment: datetime) -> int | None:
    """Since 1970; None for what the workers write where something never happened."""
    since = _since(moment)
    return None if since == NEVER_US else since


def _since(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def reasons(by_reason: Mapping[str, int]) -> str:
    """Counts by reason as one text, in order of reasons."""
    return ", ".join(f"{reason}={count}" for reason, count in sorted(by_reason.items()))


def visits(found: Iterable[tuple[int, ...]]) -> str:
    """First and last of each in milliseconds, pages, adds, orders, payments: `1764331200000 1764331260000 2 1 0 0`."""
    return _words(found)


def cart(adds: Iterable[tuple[int, ...]]) -> str:
    """Millisecond, product, units and centimes of each: `1764331200000 1597 2 2999`."""
    return _words(adds)


def late_events(events: Iterable[tuple[int, int, int, datetime, bool]]) -> str:
    """When each came in milliseconds, partition, offset, its own microsecond: `1764331200000 0 17 -1000000 late`."""
    return _words(
        (arrived_ms, partition, offset, _since(moment), "ahead" if ahead else "late")
        for arrived_ms, partition, offset, moment, ahead in events
    )


def _words(found: Iterable[tuple[Any, ...]]) -> str:
    return ", ".join(" ".join(map(str, each)) for each in found)


def counts(text: str) -> dict[str, int]:
    """The inverse of `reasons`."""
    pairs = (part.rpartition("=") for part in text.split(", ") if part)
    return {reason: int(count) for reason, _, count in pairs}


def _plain(kind: Kind, value: Any) -> Any:
    write = _WRITE.get(kind)
    return value if write is None else write(value)


def _read(kind: type, text: Any) -> Any:
    return kind(text)


_WRITE: dict[Kind, Any] = {
    Kind.MOMENT: micros,
    Kind.REASONS: reasons,
    Kind.DISTINCT: lambda sketch: 0 if sketch is None else sketch.count,
    Kind.VISITS: visits,
    Kind.CART: cart,
    Kind.LATE: late_events,
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = _since(datetime.fromisoformat("0001-01-01T00:00:00+23:59"))
"""The earliest moment that a timestamp can write."""

_TYPES: dict[Kind, Any] = {
    Kind.NUMBER: int,
    Kind.TEXT: str,
    Kind.MOMENT: datetime,
    Kind.REASONS: dict[str, int],
    Kind.ORDERED: int,
    Kind.DISTINCT: Sketch | None,
    Kind.VISITS: list[tuple[int, int, int, int, int, int]],
    Kind.CART: list[tuple[int, int, int, int]],
    Kind.LATE: list[tuple[int, int, int, datetime, bool]],
}
_NOTHING: dict[Kind, Any] = {
    Kind.NUMBER: 0,
    Kind.ORDERED: NO_ORDER_MS,
    Kind.DISTINCT: None,
    Kind.VISITS: [],
    Kind.CART: [],
}
"""What a sparse row leaves out."""

ARROW: dict[Kind, pa.DataType] = {
    Kind.NUMBER: pa.decimal128(38, 0),  # a product's revenue has no bound
    Kind.TEXT: pa.string(),
    Kind.MOMENT: pa.timestamp("us", "UTC"),
    Kind.REASONS: pa.string(),
    Kind.ORDERED: pa.int64(),
    Kind.DISTINCT: pa.int64(),
    Kind.VISITS: pa.string(),
    Kind.CART: pa.string(),
    Kind.LATE: pa.string(),
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

ACTIVITY = Table(
    "activity",
    {
        "views": Kind.NUMBER,
        "visitors": Kind.DISTINCT,
        "adds": Kind.NUMBER,
        "units_added": Kind.NUMBER,
        "orders": Kind.NUMBER,
        "units_sold": Kind.NUMBER,
        "revenue_cents": Kind.NUMBER,
    },
    PRODUCTS.topics,
    timed=True,
    sparse=True,
)
SHOP = Table(
    "shop",
    dict.fromkeys(("views", "adds", "orders", "units", "placed_cents", "payments", "paid_cents"), Kind.NUMBER)
    | dict.fromkeys(("viewers", "adders", "buyers", "payers"), Kind.DISTINCT),
    HOURS.topics,
    timed=True,
    sparse=True,
)
SHOPPERS = Table(
    "shoppers",
    {"visits": Kind.VISITS, "cart": Kind.CART, "ordered_ms": Kind.ORDERED},
    HOURS.topics,
    timed=True,
    sparse=True,
)
LATE = Table("late", {"late": Kind.NUMBER, "ahead": Kind.NUMBER, "newest": Kind.LATE}, tuple(Topic), timed=True)

LIVE = (PRODUCTS, STOCK, ORDERS, HOURS, REJECTIONS, ACTIVITY, SHOP, SHOPPERS, LATE)
"""The tables of the workers."""

REJECTS = Table("rejects", {"reason": Kind.TEXT, "copies": Kind.NUMBER}, tuple(Topic))
"""The reject topic as a table: a row a rejected record, its key `topic offset`, and how often the topic has it."""

ALL = (*LIVE, REJECTS)
