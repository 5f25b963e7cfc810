"""Decoding: what is an event, what is not, and why."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shopnow_streams.errors import EventRejected
from shopnow_streams.events import (
    EVENT_TYPES,
    MAX_EUROS,
    MAX_ID,
    REASONS,
    Event,
    OrderPlaced,
    ProductViewed,
    Rejection,
    cents,
    decode,
    decoder,
    encode,
    epoch_ms,
    json_schema,
    order_key,
    rejection,
)
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import any_moments, events

SEED_MESSAGE = b"""{
    "id_produit": 1597,
    "nom_produit": "T-shirt en coton bio",
    "prix": 29.99,
    "timestamp": "2025-11-28T10:30:00Z",
    "user_id": 123
}"""
"""The sample of the seed's journal, byte for byte."""

VALID: dict[Topic, dict[str, Any]] = {
    Topic.PRODUCT_VIEWED: {"timestamp": "2025-11-28T10:30:00Z", "id_produit": 1, "nom_produit": "Thé", "prix": 9.9},
    Topic.ITEM_ADDED: {
        "timestamp": "2025-11-28T10:30:00Z",
        "id_produit": 1,
        "nom_produit": "Thé",
        "quantite": 2,
        "prix": 9.9,
        "user_id": 7,
    },
    Topic.ORDER_PLACED: {
        "timestamp": "2025-11-28T10:30:00Z",
        "id_commande": "C-1",
        "user_id": 7,
        "articles": [{"id_produit": 1, "quantite": 2, "prix": 9.9}],
        "montant_total": 19.8,
    },
    Topic.PAYMENT_ACCEPTED: {
        "timestamp": "2025-11-28T10:30:00Z",
        "id_commande": "C-1",
        "user_id": 7,
        "montant": 19.8,
        "moyen_paiement": "carte",
    },
    Topic.STOCK_UPDATED: {"timestamp": "2025-11-28T10:30:00Z", "id_produit": 1, "stock": 40},
}


def altered(topic: Topic, **fields: Any) -> bytes:
    """A valid message with some fields put differently; NaN and infinity as Python's own producers write them."""
    return json.dumps({**VALID[topic], **fields}, ensure_ascii=False).encode()


def refusal(topic: str, value: bytes | None) -> Rejection:
    with pytest.raises(EventRejected) as caught:
        decode(topic, value)
    reason = caught.value.args[0]
    assert isinstance(reason, Rejection)
    assert reason.reason in REASONS
    return reason


def test_the_seeds_own_message_is_an_event() -> None:
    assert decode("produit-consulte", SEED_MESSAGE) == ProductViewed(
        timestamp=datetime(2025, 11, 28, 10, 30, tzinfo=UTC),
        id_produit=1597,
        nom_produit="T-shirt en coton bio",
        prix=29.99,
        user_id=123,
    )


def test_the_seeds_message_is_an_event_with_windows_newlines_and_an_escaped_accent() -> None:
    value = SEED_MESSAGE.replace(b"\n", b"\r\n").replace(b"T-shirt", b"Caf\\u00e9 \xc3\xa9t\xc3\xa9")
    event = decode("produit-consulte", value)
    assert isinstance(event, ProductViewed)
    assert event.nom_produit == "Café été en coton bio"


@pytest.mark.parametrize("topic", Topic)
def test_the_smallest_message_of_each_topic_is_an_event(topic: Topic) -> None:
    assert type(decode(topic, altered(topic))) is EVENT_TYPES[topic]


@given(events(any_moments))
def test_an_event_survives_encoding(drawn: tuple[Topic, Event]) -> None:
    topic, event = drawn
    assert decode(topic, encode(event)) == event


@given(events())
def test_the_fast_decoder_and_decode_agree(drawn: tuple[Topic, Event]) -> None:
    topic, event = drawn
    assert decoder(topic).decode(encode(event)) == event


def test_an_unknown_topic_has_no_decoder() -> None:
    with pytest.raises(KeyError):
        decoder("evenements-rejetes")


@pytest.mark.parametrize("topic", Topic)
def test_unknown_fields_are_ignored(topic: Topic) -> None:
    extra = altered(topic, version=2, panier={"id": [1, {"x": None}]})
    assert decode(topic, extra) == decode(topic, altered(topic))


@pytest.mark.parametrize("topic", Topic)
def test_each_field_without_a_default_is_required(topic: Topic) -> None:
    for name in VALID[topic]:
        without = {key: value for key, value in VALID[topic].items() if key != name}
        reason = refusal(topic, json.dumps(without).encode())
        assert reason.reason == "not-valid"
        assert name in reason.detail


class TestTime:
    def test_an_offset_is_the_same_instant_as_its_utc(self) -> None:
        paris = decode("stock-mis-a-jour", altered(Topic.STOCK_UPDATED, timestamp="2025-11-28T12:30:00+02:00"))
        assert paris == decode("stock-mis-a-jour", altered(Topic.STOCK_UPDATED, timestamp="2025-11-28T10:30:00Z"))

    @pytest.mark.parametrize(
        "naive", ["2025-11-28T10:30:00", "2025-11-28 10:30:00", "2025-11-28T10:30:00.123456", "2025-11-28"]
    )
    @pytest.mark.parametrize("topic", Topic)
    def test_a_timestamp_without_an_offset_is_no_instant(self, topic: Topic, naive: str) -> None:
        assert refusal(topic, altered(topic, timestamp=naive)).reason == "not-valid"

    @pytest.mark.parametrize(
        "wrong",
        [
            "hier",
            "",
            None,
            1764325800,
            1764325800.5,
            True,
            "2025-02-30T10:00:00Z",
            "2025-11-28T25:00:00Z",
            "2025-11-28T10:30:60Z",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2025-11-28T10:30:00+24:00",
        ],
    )
    def test_what_is_no_moment_is_not_valid(self, wrong: Any) -> None:
        reason = refusal(Topic.STOCK_UPDATED, altered(Topic.STOCK_UPDATED, timestamp=wrong))
        assert reason.reason == "not-valid"
        assert "timestamp" in reason.detail

    @given(any_moments)
    @example(datetime.min.replace(tzinfo=timezone(timedelta(hours=23))))
    @example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))))
    def test_epoch_ms_is_the_exact_quotient_rounded_down(self, moment: datetime) -> None:
        by_its_own_clock = moment.replace(tzinfo=None) - datetime(1970, 1, 1)
        since = (by_its_own_clock - (moment.utcoffset() or timedelta())) // timedelta(microseconds=1)
        assert epoch_ms(moment) == since // 1000


class TestRefusals:
    def test_a_tombstone_has_no_value(self) -> None:
        assert refusal("produit-consulte", None).reason == "no-value"

    @pytest.mark.parametrize(
        "garbage",
        [
            b"",
            b" ",
            b"\x00",
            b"bonjour",
            b"{",
            b"\xff\xfe{}",
            b"\xef\xbb\xbf" + SEED_MESSAGE,
            SEED_MESSAGE[:-1],
            SEED_MESSAGE + b"}",
            SEED_MESSAGE.replace(b"T-shirt", b"caf\xe9"),
            SEED_MESSAGE.replace(b"T-shirt", b"\\ud800"),
            SEED_MESSAGE.replace(b"T-shirt", b"\xed\xa0\x80"),
        ],
    )
    def test_what_is_not_json_in_utf8_is_not_json(self, garbage: bytes) -> None:
        assert refusal("produit-consulte", garbage).reason == "not-json"

    @pytest.mark.parametrize("value", [b"null", b"[]", b'"a"', b"1", b"{}", b"[" + SEED_MESSAGE + b"]"])
    def test_json_that_is_not_the_event_is_not_valid(self, value: bytes) -> None:
        assert refusal("produit-consulte", value).reason == "not-valid"

    def test_an_event_of_another_topic_is_not_valid(self) -> None:
        assert refusal("commande-validee", SEED_MESSAGE).reason == "not-valid"

    def test_nesting_without_end_does_not_end_the_worker(self) -> None:
        deep = altered(Topic.STOCK_UPDATED)[:-1] + b', "x": ' + b"[" * 200_000
        assert refusal("stock-mis-a-jour", deep).reason == "not-json"

    @given(st.sampled_from(Topic), st.binary(max_size=40))
    def test_any_bytes_are_an_event_or_a_rejection(self, topic: Topic, value: bytes) -> None:
        assert refusal(topic, value).reason in {"not-json", "not-valid"}

    @given(
        st.sampled_from(Topic),
        st.data(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ),
    )
    @settings(max_examples=200)
    def test_any_value_of_any_field_is_an_event_or_a_rejection(
        self, topic: Topic, data: st.DataObject, value: Any
    ) -> None:
        name = data.draw(st.sampled_from(sorted(VALID[topic])))
        try:
            event = decode(topic, altered(topic, **{name: value}))
        except EventRejected as refused:
            assert refused.args[0].reason in {"not-json", "not-valid"}
            assert refused.args[0].detail
        else:
            assert decode(topic, encode(event)) == event

    def test_the_detail_can_stand_in_a_header(self) -> None:
        for value in (b"\xff", SEED_MESSAGE.replace(b"T-shirt", b"\\ud800"), b'{"timestamp": "\xc3\xa9"}'):
            assert refusal("produit-consulte", value).detail.encode()

    def test_the_reason_of_a_value_of_none_is_not_the_decoders_typeerror(self) -> None:
        with pytest.raises(TypeError) as caught:
            decoder("produit-consulte").decode(None)  # type: ignore[arg-type]
        assert rejection(None, caught.value) == Rejection("no-value", "the record has no value (a tombstone)")


class TestBounds:
    @pytest.mark.parametrize(
        ("topic", "name"),
        [
            (topic, field.name)
            for topic in Topic
            for field in msgspec.structs.fields(EVENT_TYPES[topic])
            if field.name in ("id_produit", "user_id")
        ],
    )
    @pytest.mark.parametrize("wrong", [-1, MAX_ID + 1, 10**30, 1.0, 1.5, "1", True, [1]])
    def test_product_and_user_ids_are_whole_numbers_in_range(self, topic: Topic, name: str, wrong: Any) -> None:
        assert refusal(topic, altered(topic, **{name: wrong})).reason == "not-valid"

    @pytest.mark.parametrize("topic", [Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED])
    @pytest.mark.parametrize("id_commande", ["C-1", "17", 17, 0, MAX_ID, "é" * 200])
    def test_an_order_id_is_text_or_a_number(self, topic: Topic, id_commande: str | int) -> None:
        event: Any = decode(topic, altered(topic, id_commande=id_commande))
        assert event.id_commande == id_commande

    @pytest.mark.parametrize("topic", [Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED])
    @pytest.mark.parametrize("wrong", ["", "x" * 201, -1, MAX_ID + 1, 17.0, None, True])
    def test_other_order_ids_are_not_valid(self, topic: Topic, wrong: Any) -> None:
        assert refusal(topic, altered(topic, id_commande=wrong)).reason == "not-valid"

    def test_a_number_and_its_digits_are_one_order(self) -> None:
        assert order_key(17) == order_key("17") == "17"

    @pytest.mark.parametrize("quantity", [0, -1, 10_001, 1.0, "1", None])
    def test_a_quantity_is_at_least_one(self, quantity: Any) -> None:
        assert refusal(Topic.ITEM_ADDED, altered(Topic.ITEM_ADDED, quantite=quantity)).reason == "not-valid"
        order = altered(Topic.ORDER_PLACED, articles=[{"id_produit": 1, "quantite": quantity, "prix": 1}])
        assert "$.articles[0].quantite" in refusal(Topic.ORDER_PLACED, order).detail

    @pytest.mark.parametrize(
        ("topic", "name"),
        [
            (Topic.PRODUCT_VIEWED, "prix"),
            (Topic.ITEM_ADDED, "prix"),
            (Topic.ORDER_PLACED, "montant_total"),
            (Topic.PAYMENT_ACCEPTED, "montant"),
        ],
    )
    @pytest.mark.parametrize("wrong", [-0.01, -1, MAX_EUROS + 0.01, 10**30, 10**400, "9.90", True, None])
    def test_amounts_are_numbers_in_range(self, topic: Topic, name: str, wrong: Any) -> None:
        assert refusal(topic, altered(topic, **{name: wrong})).reason == "not-valid"

    @pytest.mark.parametrize("word", [float("nan"), float("inf"), float("-inf")])
    def test_nan_and_infinity_are_not_json(self, word: float) -> None:
        assert refusal(Topic.PRODUCT_VIEWED, altered(Topic.PRODUCT_VIEWED, prix=word)).reason == "not-json"

    def test_a_number_beyond_a_double_is_not_valid(self) -> None:
        value = altered(Topic.PRODUCT_VIEWED, prix="@").replace(b'"@"', b"1e400")
        assert refusal(Topic.PRODUCT_VIEWED, value).reason == "not-valid"

    @pytest.mark.parametrize("amount", [0, 0.0, 10, MAX_EUROS])
    def test_an_amount_may_be_nothing_whole_or_the_most(self, amount: float) -> None:
        event = decode(Topic.PRODUCT_VIEWED, altered(Topic.PRODUCT_VIEWED, prix=amount))
        assert isinstance(event, ProductViewed)
        assert event.prix == amount

    @pytest.mark.parametrize("wrong", [-1, MAX_ID + 1, 10**30, 0.5, None])
    def test_stock_is_a_count(self, wrong: Any) -> None:
        assert refusal(Topic.STOCK_UPDATED, altered(Topic.STOCK_UPDATED, stock=wrong)).reason == "not-valid"

    def test_stock_may_be_nothing(self) -> None:
        event: Any = decode(Topic.STOCK_UPDATED, altered(Topic.STOCK_UPDATED, stock=0))
        assert event.stock == 0

    def test_an_order_has_a_bounded_number_of_lines(self) -> None:
        line = {"id_produit": 1, "quantite": 1, "prix": 1}
        event = decode(Topic.ORDER_PLACED, altered(Topic.ORDER_PLACED, articles=[line] * 1_000))
        assert isinstance(event, OrderPlaced)
        assert len(event.articles) == 1_000
        assert refusal(Topic.ORDER_PLACED, altered(Topic.ORDER_PLACED, articles=[line] * 1_001)).reason == "not-valid"

    def test_text_is_bounded(self) -> None:
        assert decode(Topic.PRODUCT_VIEWED, altered(Topic.PRODUCT_VIEWED, nom_produit="é" * 1_000))
        too_long = altered(Topic.PRODUCT_VIEWED, nom_produit="é" * 1_001)
        assert refusal(Topic.PRODUCT_VIEWED, too_long).reason == "not-valid"


class TestCents:
    @given(st.integers(0, int(MAX_EUROS) * 100))
    @settings(max_examples=500)
    def test_every_amount_of_two_decimals_is_exact(self, amount: int) -> None:
        assert cents(json.loads(f"{amount // 100}.{amount % 100:02d}")) == amount

    @given(st.integers(0, int(MAX_EUROS) * 1000))
    @settings(max_examples=200)
    def test_it_is_the_product_of_doubles_rounded_half_to_even(self, mills: int) -> None:
        euros = mills / 1000
        assert cents(euros) == int(Decimal(euros * 100).to_integral_value(ROUND_HALF_EVEN))

    @pytest.mark.parametrize(("euros", "expected"), [(0.005, 0), (0.015, 2), (0.125, 12), (0.375, 38), (2.5e-3, 0)])
    def test_halves_go_to_the_even_neighbour(self, euros: float, expected: int) -> None:
        assert cents(euros) == expected

    @given(st.floats(0, MAX_EUROS))
    def test_it_is_never_off_by_more_than_half_a_cent(self, euros: float) -> None:
        assert abs(Fraction(cents(euros)) - Fraction(euros) * 100) <= Fraction(1, 2) + Fraction(1, 10**6)


@pytest.mark.parametrize("topic", Topic)
def test_the_schema_names_every_field(topic: Topic) -> None:
    schema = json_schema(topic)
    definition = schema["$defs"][EVENT_TYPES[topic].__name__]
    assert definition["properties"].keys() >= VALID[topic].keys()
    assert set(definition["required"]) == set(VALID[topic])
