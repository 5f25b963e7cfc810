"""Records become rows: every byte kept, every event typed, everything else named and left alone."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams import events
from shopnow_streams.errors import EventRejected
from shopnow_streams.topics import Topic
from sinks.columns import schema, to_batch
from sinks.segments import Records

NOON_MS = 1_764_331_200_000
NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)

VALID: dict[Topic, tuple[dict[str, Any], dict[str, Any]]] = {
    Topic.PRODUCT_VIEWED: (
        {"id_produit": 1597, "nom_produit": "Tee-shirt été", "prix": 29.99, "user_id": 123, "source": "mobile"},
        {"id_produit": 1597, "nom_produit": "Tee-shirt été", "prix": 29.99, "prix_cents": 2999, "user_id": 123},
    ),
    Topic.ITEM_ADDED: (
        {"id_produit": 1597, "nom_produit": "Tee-shirt", "quantite": 3, "prix": 1, "user_id": 123},
        {"id_produit": 1597, "nom_produit": "Tee-shirt", "quantite": 3, "prix": 1.0, "prix_cents": 100, "user_id": 123},
    ),
    Topic.ORDER_PLACED: (
        {
            "id_commande": 17,
            "user_id": 123,
            "articles": [{"id_produit": 1, "quantite": 2, "prix": 0.1}, {"id_produit": 2, "quantite": 1, "prix": 5.55}],
            "montant_total": 5.75,
        },
        {
            "id_commande": "17",
            "user_id": 123,
            "articles": [
                {"id_produit": 1, "quantite": 2, "prix": 0.1, "prix_cents": 10},
                {"id_produit": 2, "quantite": 1, "prix": 5.55, "prix_cents": 555},
            ],
            "montant_total": 5.75,
            "montant_total_cents": 575,
        },
    ),
    Topic.PAYMENT_ACCEPTED: (
        {"id_commande": "C-17", "user_id": 123, "montant": 5.75, "moyen_paiement": "carte"},
        {"id_commande": "C-17", "user_id": 123, "montant": 5.75, "montant_cents": 575, "moyen_paiement": "carte"},
    ),
    Topic.STOCK_UPDATED: (
        {"id_produit": 1597, "stock": 0},
        {"id_produit": 1597, "stock": 0, "nom_produit": None},
    ),
}


def value_of(topic: Topic, timestamp: str = "2025-11-28T13:00:00.000001+01:00", **changes: Any) -> bytes:
    return json.dumps(VALID[topic][0] | {"timestamp": timestamp} | changes).encode()


@pytest.mark.parametrize("topic", Topic)
def test_an_event_becomes_a_row(topic: Topic) -> None:
    value = value_of(topic)
    batch = to_batch(topic, 3, Records.of([(41, NOON_MS, b"k", value), (42, NOON_MS + 1, None, value)]))
    batch.validate(full=True)
    assert batch.schema.equals(schema(topic))
    kafka = {"kafka_partition": 3, "kafka_timestamp": NOON, "kafka_key": b"k", "value": value, "rejected": None}
    typed = {"event_time": NOON + timedelta(microseconds=1)} | VALID[topic][1]
    first, second = batch.to_pylist()
    assert first == kafka | {"kafka_offset": 41} | typed
    assert second["kafka_offset"] == 42
    assert second["kafka_key"] is None
    assert second["kafka_timestamp"] == NOON + timedelta(milliseconds=1)


@pytest.mark.parametrize("topic", Topic)
def test_what_is_no_event_keeps_its_bytes_and_says_why(topic: Topic) -> None:
    good = value_of(topic)
    values = [
        b"",
        good,
        b"{bad",
        None,
        b"\xff\xfe",
        good,
        b'{"timestamp":"2025-11-28T12:00:00"}',
        b'{"x":' + b"[" * 5_000,
    ]
    batch = to_batch(topic, 0, Records.of((offset, NOON_MS, None, value) for offset, value in enumerate(values)))
    batch.validate(full=True)
    rows = batch.to_pylist()
    assert [row["value"] for row in rows] == values
    assert [row["rejected"] for row in rows] == [
        "not-json",
        None,
        "not-json",
        "no-value",
        "not-json",
        None,
        "not-valid",
        "not-json",
    ]
    for row in rows:
        typed = {name: row[name] for name in VALID[topic][1]}
        assert typed == (dict.fromkeys(typed) if row["rejected"] else VALID[topic][1])
        assert (row["event_time"] is None) == bool(row["rejected"])


def test_records_that_are_all_rejected_are_rows_too() -> None:
    batch = to_batch(Topic.ORDER_PLACED, 0, Records.of([(0, NOON_MS, None, None), (1, NOON_MS, None, b"{}")]))
    assert batch.column("articles").null_count == 2
    assert batch.column("rejected").to_pylist() == ["no-value", "not-valid"]


def test_an_order_without_lines_is_not_an_order_without_a_list() -> None:
    records = [(0, NOON_MS, None, value_of(Topic.ORDER_PLACED, articles=[])), (1, NOON_MS, None, b"")]
    assert to_batch(Topic.ORDER_PLACED, 0, Records.of(records)).column("articles").to_pylist() == [[], None]


def test_no_records_are_no_rows() -> None:
    for topic in Topic:
        assert to_batch(topic, 0, Records.of([])).num_rows == 0


def test_only_the_five_topics_have_columns() -> None:
    with pytest.raises(KeyError):
        to_batch("evenements-rejetes", 0, Records.of([]))


@given(st.lists(st.floats(0, events.MAX_EUROS, allow_subnormal=True), min_size=1))
def test_cents_are_those_of_the_live_side(prices: list[float]) -> None:
    records: list[Any] = [
        (offset, NOON_MS, None, value_of(Topic.PRODUCT_VIEWED, prix=price)) for offset, price in enumerate(prices)
    ]
    batch = to_batch(Topic.PRODUCT_VIEWED, 0, Records.of(records))
    assert batch.column("prix").to_pylist() == prices
    assert batch.column("prix_cents").to_pylist() == [events.cents(price) for price in prices]


@pytest.mark.parametrize(
    ("euros", "cents"),
    [(0.125, 12), (0.375, 38), (2.5, 250), (1.005, 100), (events.MAX_EUROS, round(events.MAX_EUROS) * 100), (-0.0, 0)],
)
def test_half_a_cent_goes_to_the_even_one(euros: float, cents: int) -> None:
    batch = to_batch(
        Topic.PRODUCT_VIEWED, 0, Records.of([(0, NOON_MS, None, value_of(Topic.PRODUCT_VIEWED, prix=euros))])
    )
    assert batch.column("prix_cents").to_pylist() == [cents]


OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.lists(st.datetimes(timezones=OFFSETS | st.just(UTC)), min_size=1))
def test_moments_are_exact_whatever_their_offset(moments: list[datetime]) -> None:
    records: list[Any] = [
        (offset, NOON_MS, None, value_of(Topic.STOCK_UPDATED, moment.isoformat()))
        for offset, moment in enumerate(moments)
    ]
    batch = to_batch(Topic.STOCK_UPDATED, 0, Records.of(records))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert batch.column("event_time").cast(pa.int64()).to_pylist() == [
        None if rejected else (moment - epoch) // timedelta(microseconds=1)
        for moment, rejected in zip(moments, batch.column("rejected").to_pylist(), strict=True)
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted({"timestamp"} | {field for valid, _ in VALID.values() for field in valid})
DOUBTFUL = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2)


@settings(max_examples=300)
@given(st.sampled_from(Topic), st.lists(st.binary() | st.none() | DOUBTFUL, min_size=1, max_size=5), st.data())
def test_nothing_a_producer_sends_is_lost_or_judged_otherwise_than_live(
    topic: Topic, sent: list[bytes | dict[str, Any] | None], data: st.DataObject
) -> None:
    values = [value_of(topic, **part) if isinstance(part, dict) else part for part in sent]
    key = data.draw(st.none() | st.binary())
    timestamp = data.draw(st.integers(-1, 2**63 - 1))
    batch = to_batch(
        topic, 2**31 - 1, Records.of((offset, timestamp, key, value) for offset, value in enumerate(values))
    )
    batch.validate(full=True)
    assert batch.column("value").to_pylist() == values
    assert batch.column("kafka_key").to_pylist() == [key] * len(values)
    assert batch.column("kafka_timestamp").cast(pa.int64()).to_pylist() == [timestamp] * len(values)
    assert batch.column("rejected").to_pylist() == [live_verdict(topic, value) for value in values]


def live_verdict(topic: Topic, value: bytes | None) -> str | None:
    try:
        events.decode(topic, value)
    except EventRejected as error:
        reason: str = error.args[0].reason
        return reason
    return None
