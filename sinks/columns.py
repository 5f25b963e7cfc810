"""The columns of the archive: how records of a topic become an Arrow batch.

The first columns are Kafka's own, the value's bytes always among them, so that nothing a producer sent is lost.
Then come the fields of the topic's event, null where the record is none; `rejected` says why.
What is an event is decided as the live side decides it: by `shopnow_streams.events`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.events import NOT_AN_EVENT, Event, decoder, order_key, rejection
from shopnow_streams.topics import Topic
from sinks.segments import Records

LONG = pa.int64()
INSTANT = pa.timestamp("us", "UTC")
LINES = pa.list_(
    pa.struct([("id_produit", LONG), ("quantite", LONG), ("prix", pa.float64()), ("prix_cents", LONG)]),
)

KAFKA_FIELDS = (
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", LONG, nullable=False),
    pa.field("kafka_timestamp", pa.timestamp("ms", "UTC"), nullable=False),
    pa.field("kafka_key", pa.binary()),
    pa.field("value", pa.binary()),  # null only for a tombstone
    pa.field("rejected", pa.string()),  # null for an event, else the kind of `events.rejection`
)
"""What every topic has."""

Events = Sequence[Any]  # of one topic, all of its type


class Column(NamedTuple):
    """A typed column, and how it is read off events. A comprehension each: `attrgetter` takes three times as long."""

    name: str
    type: pa.DataType
    read: Callable[[Events], pa.Array]


def schema(topic: str) -> pa.Schema:
    """The Arrow schema of the topic's segments. KeyError for a topic that is not one of the five."""
    return _SCHEMAS[topic]


def to_batch(topic: str, partition: int, records: Records) -> pa.RecordBatch:
    """`records`, one row each, in their order. Does no IO, and nothing that a value holds makes it raise.

    Blocks for about 2 µs a record, most of it JSON: call it in a thread. KeyError as `schema`.
    """
    decode = decoder(topic).decode
    events: list[Event] = []
    reasons: dict[int, str] = {}
    for row, value in enumerate(records.values):
        try:
            events.append(decode(value or b""))
        except NOT_AN_EVENT as error:
            reasons[row] = rejection(value, error).reason
    rows = len(records)
    typed = [column.read(events) for column in _COLUMNS[topic]]
    if reasons:
        places = _places(rows, reasons)
        typed = [column.take(places) for column in typed]
    kafka = [
        pa.repeat(pa.scalar(partition, pa.int32()), rows),
        pa.array(records.offsets, LONG),
        pa.array(records.timestamps_ms, LONG).cast(pa.timestamp("ms", "UTC")),
        pa.array(records.keys, pa.binary()),
        pa.array(records.values, pa.binary()),
        pa.array([reasons.get(row) for row in range(rows)], pa.string()) if reasons else pa.nulls(rows, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(kafka + typed, schema=_SCHEMAS[topic])


def _places(rows: int, reasons: dict[int, str]) -> pa.Array:
    """For each row where its event stands among the events; null for a record that is none."""
    seen = accumulate((row not in reasons for row in range(rows)), initial=0)
    return pa.array([None if row in reasons else place for row, place in zip(range(rows), seen, strict=False)], LONG)


class _Epochs(dict[tzinfo, datetime]):
    """1970 UTC as each time zone writes it: the difference of two moments of one zone needs no conversion."""

    def __missing__(self, zone: tzinfo) -> datetime:
        epoch = self[zone] = _EPOCH.astimezone(zone)
        return epoch


def _instants(events: Events) -> pa.Array:
    """The events' timestamps, exactly. Arrow converts moments with a zone at four times the cost."""
    moments = [event.timestamp for event in events]
    zone = moments[0].tzinfo if moments else UTC  # mostly that of all: to look one up takes as long as the difference
    epochs = _Epochs()
    epoch = epochs[zone]
    since = [moment - (epoch if moment.tzinfo is zone else epochs[moment.tzinfo]) for moment in moments]
    return pa.array(since, pa.duration("us")).cast(LONG).cast(INSTANT)


def _cents(euros: pa.Array) -> pa.Array:
    """`events.cents` of a whole column: the same two steps of IEEE 754."""
    return pc.round(pc.multiply(euros, 100.0), round_mode="half_to_even").cast(LONG)


def _euros(amounts: list[float]) -> pa.Array:
    return pa.array(amounts, pa.float64())


def _lines(events: Events) -> pa.Array:
    lines = [line for event in events for line in event.articles]
    prices = _euros([line.prix for line in lines])
    columns = [
        pa.array([line.id_produit for line in lines], LONG),
        pa.array([line.quantite for line in lines], LONG),
        prices,
        _cents(prices),
    ]
    ends = pa.array(accumulate((len(event.articles) for event in events), initial=0), pa.int32())
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(columns, fields=list(LINES.value_type)), LINES)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIME = Column("event_time", INSTANT, _instants)
_PRODUCT = Column("id_produit", LONG, lambda events: pa.array([event.id_produit for event in events], LONG))
_NAME = Column("nom_produit", pa.string(), lambda events: pa.array([e.nom_produit for e in events], pa.string()))
_PRICE = Column("prix", pa.float64(), lambda events: _euros([event.prix for event in events]))
_PRICE_CENTS = Column("prix_cents", LONG, lambda events: _cents(_euros([event.prix for event in events])))
_QUANTITY = Column("quantite", LONG, lambda events: pa.array([event.quantite for event in events], LONG))
_USER = Column("user_id", LONG, lambda events: pa.array([event.user_id for event in events], LONG))
_ORDER = Column(
    "id_commande", pa.string(), lambda events: pa.array([order_key(e.id_commande) for e in events], pa.string())
)
_TOTAL = Column("montant_total", pa.float64(), lambda events: _euros([event.montant_total for event in events]))
_TOTAL_CENTS = Column(
    "montant_total_cents", LONG, lambda events: _cents(_euros([event.montant_total for event in events]))
)
_AMOUNT = Column("montant", pa.float64(), lambda events: _euros([event.montant for event in events]))
_AMOUNT_CENTS = Column("montant_cents", LONG, lambda events: _cents(_euros([event.montant for event in events])))
_MEANS = Column("moyen_paiement", pa.string(), lambda events: pa.array([e.moyen_paiement for e in events], pa.string()))
_STOCK = Column("stock", LONG, lambda events: pa.array([event.stock for event in events], LONG))

_COLUMNS: dict[str, tuple[Column, ...]] = {
    Topic.PRODUCT_VIEWED: (_TIME, _PRODUCT, _NAME, _PRICE, _PRICE_CENTS, _USER),
    Topic.ITEM_ADDED: (_TIME, _PRODUCT, _NAME, _QUANTITY, _PRICE, _PRICE_CENTS, _USER),
    Topic.ORDER_PLACED: (_TIME, _ORDER, _USER, Column("articles", LINES, _lines), _TOTAL, _TOTAL_CENTS),
    Topic.PAYMENT_ACCEPTED: (_TIME, _ORDER, _USER, _AMOUNT, _AMOUNT_CENTS, _MEANS),
    Topic.STOCK_UPDATED: (_TIME, _PRODUCT, _STOCK, _NAME),
}
_SCHEMAS: dict[str, pa.Schema] = {
    topic: pa.schema([*KAFKA_FIELDS, *(pa.field(column.name, column.type) for column in columns)])
    for topic, columns in _COLUMNS.items()
}
