"""The backend's door, against the broker that librdkafka has built in for tests (and none at all)."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.errors import DeliveryFailed, EventRejected, KafkaUnavailable, SettingsError
from shopnow_streams.events import (
    TOPIC_OF,
    Event,
    ItemAddedToCart,
    OrderLine,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
    decode,
    encode,
)
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import (
    AsyncShopProducer,
    Delivery,
    ProducerOptions,
    ShopProducer,
    envoyer_evenement,
    record_of,
    seed,
)
from shopnow_streams.producer.pending import Failures
from shopnow_streams.producer.records import record_of_raw, unchecked_record_of
from shopnow_streams.topics import TRAITS, Topic
from tests.conftest import eventually

NOW = datetime(2025, 11, 28, 10, 30, tzinfo=UTC)
VIEWED = ProductViewed(timestamp=NOW, id_produit=1597, nom_produit="T-shirt en coton bio", prix=29.99, user_id=123)
EVENTS: list[tuple[Event, bytes]] = [
    (VIEWED, b"1597"),
    (ItemAddedToCart(timestamp=NOW, id_produit=1, nom_produit="é", quantite=2, prix=1.5, user_id=123), b"123"),
    (OrderPlaced(timestamp=NOW, id_commande="C-9", user_id=123, articles=[], montant_total=0.0), b"C-9"),
    (PaymentAccepted(timestamp=NOW, id_commande=9, user_id=123, montant=3.0, moyen_paiement="carte"), b"9"),
    (StockUpdated(timestamp=NOW, id_produit=1597, stock=0), b"1597"),
]


@dataclass(frozen=True)
class Mock(KafkaConnection):
    """A connection to librdkafka's own mock broker, which makes topics as they are asked for."""

    bootstrap: str = "mock:9092"

    def librdkafka(self) -> dict[str, str]:
        return super().librdkafka() | {"test.mock.num.brokers": "1"}


@pytest.fixture
def shop() -> Iterator[ShopProducer]:
    with ShopProducer(Mock()) as producer:
        yield producer


@pytest.fixture
async def async_shop() -> AsyncIterator[AsyncShopProducer]:
    async with AsyncShopProducer(Mock()) as producer:
        yield producer


class TestRecords:
    @pytest.mark.parametrize(("event", "key"), EVENTS)
    def test_topic_key_and_value(self, event: Event, key: bytes) -> None:
        topic, at, value = record_of(event)
        assert (topic, at, value) == (TOPIC_OF[type(event)], key, encode(event))
        assert decode(topic, value) == event
        assert unchecked_record_of(event) == record_of(event) == record_of_raw(topic, value)

    def test_every_topic_has_its_key(self) -> None:
        assert {type(event) for event, _ in EVENTS} == set(TOPIC_OF)
        for event, key in EVENTS:
            assert str(getattr(event, TRAITS[TOPIC_OF[type(event)]].key_field)).encode() == key

    @given(number=st.integers(0, 2**63 - 1))
    def test_an_order_has_one_key_however_its_id_is_written(self, number: int) -> None:
        as_number, as_text = (
            PaymentAccepted(timestamp=NOW, id_commande=order, user_id=1, montant=1.0, moyen_paiement="carte")
            for order in (number, str(number))
        )
        assert record_of(as_number)[1] == record_of(as_text)[1]

    @pytest.mark.parametrize(
        "event",
        [
            ProductViewed(timestamp=NOW.replace(tzinfo=None), id_produit=1, nom_produit="x", prix=1.0),
            ProductViewed(timestamp=NOW, id_produit=1, nom_produit="x", prix=-0.01),
            ProductViewed(timestamp=NOW, id_produit=1, nom_produit="x", prix=float("nan")),
            ProductViewed(timestamp=NOW, id_produit=1, nom_produit="\ud800", prix=1.0),
            ProductViewed(timestamp=NOW, id_produit=2**70, nom_produit="x", prix=1.0),
            ProductViewed(timestamp=NOW, id_produit="1", nom_produit="x", prix=1.0),  # type: ignore[arg-type]
            ProductViewed(timestamp=NOW, id_produit=1, nom_produit=object(), prix=1.0),  # type: ignore[arg-type]
        ],
    )
    def test_what_would_be_rejected_later_is_refused_now(self, event: Event) -> None:
        with pytest.raises(EventRejected):
            record_of(event)

    def test_raw_values_keep_their_extra_fields(self) -> None:
        value = json.dumps(json.loads(encode(VIEWED)) | {"canal": "mobile"}).encode()
        assert record_of_raw("produit-consulte", value) == ("produit-consulte", b"1597", value)

    @pytest.mark.parametrize(
        ("topic", "value", "reason"),
        [
            ("produits", b"{}", "no-such-topic"),
            ("produit-consulte", b"{", "not-json"),
            ("produit-consulte", b"{}", "not-valid"),
        ],
    )
    def test_raw_values_are_checked(self, topic: str, value: bytes, reason: str) -> None:
        with pytest.raises(EventRejected) as caught:
            record_of_raw(topic, value)
        assert caught.value.args[0].reason == reason


class TestConnecting:
    def test_no_broker_is_an_error_within_the_time_allowed(self) -> None:
        began = time.monotonic()
        with pytest.raises(KafkaUnavailable) as caught:
            ShopProducer(KafkaConnection("127.0.0.1:1"), ProducerOptions(connect_timeout_s=0.5))
        assert time.monotonic() - began < 1.5
        said = str(caught.value)
        assert said.startswith("no Kafka broker answered at 127.0.0.1:1 within 0.5 s (")
        assert said.endswith("): start it with `make up`, or set SHOPNOW_KAFKA")
        assert "refused" in said

    async def test_nor_does_it_block_the_loop(self) -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        task = asyncio.create_task(others())
        with pytest.raises(KafkaUnavailable):
            await AsyncShopProducer(KafkaConnection("127.0.0.1:1"), ProducerOptions(connect_timeout_s=0.5)).start()
        task.cancel()
        assert turns > 10

    def test_tries_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(KafkaUnavailable):
            ShopProducer(KafkaConnection("127.0.0.1:1"), ProducerOptions(connect_timeout_s=2.5))
        assert "does not answer yet (try 1" in caplog.text

    def test_a_setting_that_librdkafka_refuses(self) -> None:
        with pytest.raises(SettingsError, match=r"-5 is outside allowed range .* \(_INVALID_ARG\)"):
            ShopProducer(Mock(), ProducerOptions(linger_ms=-5))


class TestUnchecked:
    """`validate` is turned off by who knows that its events are valid: nothing looks at them then."""

    OPTIONS = ProducerOptions(validate=False)
    NEGATIVE = ProductViewed(timestamp=NOW, id_produit=1, nom_produit="x", prix=-1.0)

    def test_nothing_is_checked(self) -> None:
        with ShopProducer(Mock(), self.OPTIONS) as shop:
            assert shop.send_and_wait(self.NEGATIVE).offset == 0

    async def test_async_neither(self) -> None:
        async with AsyncShopProducer(Mock(), self.OPTIONS) as shop:
            assert (await shop.send_and_wait(self.NEGATIVE)).offset == 0


class TestSending:
    def test_send_and_wait(self, shop: ShopProducer) -> None:
        first, second = shop.send_and_wait(VIEWED), shop.send_and_wait(VIEWED)
        assert isinstance(first, Delivery)
        assert (first.topic, first.offset, second.offset) == ("produit-consulte", 0, 1)
        assert first.partition == second.partition
        assert first.timestamp_ms == 1234  # the mock broker's idea of when it appended

    def test_many_in_flight(self, shop: ShopProducer) -> None:
        pending = [shop.send(event) for event, _ in EVENTS * 400]
        shop.flush()
        assert all(each.done() for each in pending)
        places = [each.result(0) for each in pending]
        assert len(set(places)) == len(places)
        assert shop.in_flight() == 0

    def test_a_pending_delivery_is_small(self, shop: ShopProducer) -> None:
        assert not hasattr(shop.send(VIEWED), "__dict__")

    def test_what_a_customer_can_do(self, shop: ShopProducer) -> None:
        line = OrderLine(id_produit=1, quantite=2, prix=5.0)
        sent = [
            shop.product_viewed(id_produit=1, nom_produit="x", prix=5.0),
            shop.item_added(id_produit=1, nom_produit="x", prix=5.0, user_id=7),
            shop.order_placed(id_commande="C", user_id=7, articles=(line,), montant_total=10.0),
            shop.payment_accepted(id_commande="C", user_id=7, montant=10.0, moyen_paiement="carte", timestamp=NOW),
            shop.stock_updated(id_produit=1, stock=3),
        ]
        assert [pending.result().topic for pending in sent] == list(Topic)
        assert [pending.key for pending in sent] == [b"1", b"7", b"C", b"C", b"1"]

    def test_a_wrong_event_never_leaves(self, shop: ShopProducer) -> None:
        with pytest.raises(EventRejected):
            shop.product_viewed(id_produit=1, nom_produit="x", prix=-1.0)
        assert shop.in_flight() == 0

    def test_raw_values_leave_as_they_are(self, shop: ShopProducer) -> None:
        assert shop.send_raw("produit-consulte", b"{").result().offset == 0
        assert shop.send_raw("stock-mis-a-jour", None, None, [("origine", b"caisse")]).result().offset >= 0

    def test_a_full_queue_waits_for_room(self) -> None:
        with ShopProducer(Mock(), ProducerOptions(queue_events=100, linger_ms=1)) as shop:
            pending = [shop.send(VIEWED) for _ in range(2_000)]
            shop.flush()
            assert sorted(each.result(0).offset for each in pending) == list(range(2_000))

    def test_threads_share_one(self, shop: ShopProducer) -> None:
        places: list[Delivery] = []

        def work() -> None:
            places.extend(shop.send_and_wait(VIEWED) for _ in range(20))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(place.offset for place in places) == list(range(160))

    def test_two_threads_wait_for_one_event(self, shop: ShopProducer) -> None:
        pending = shop.send(VIEWED)
        got: list[Delivery] = []
        threads = [threading.Thread(target=lambda: got.append(pending.result())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [pending.result()] * 8

    def test_what_is_too_large_is_refused_at_once(self, shop: ShopProducer) -> None:
        with pytest.raises(DeliveryFailed, match=r"produit-consulte \(key b'k'\).*MSG_SIZE_TOO_LARGE"):
            shop.send_raw("produit-consulte", b"x" * 2_000_000, b"k")

    def test_closing_twice_is_closing(self) -> None:
        shop = ShopProducer(Mock())
        shop.send(VIEWED)
        shop.close()
        shop.close()


LINGERING = ProducerOptions(linger_ms=60_000)
"""Nothing is sent before somebody flushes."""


def refuse(topic: str, value: bytes, key: bytes, partition: int, settle: Callable[[KafkaError, Message], None]) -> None:
    """`Producer.produce` where the broker never answers in time."""
    settle(KafkaError(KafkaError._MSG_TIMED_OUT), Message(topic=topic))


def raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


class Ended:
    """A client whose next poll raises that it has ended, once `fails`; or what comes of that among callbacks."""

    def __init__(self, client: Producer, among_callbacks: bool) -> None:
        self._client = client
        self._among_callbacks = among_callbacks
        self.fails = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def __len__(self) -> int:
        return len(self._client)

    def poll(self, timeout_s: float) -> int:
        if self.fails.is_set():
            self.fails.clear()
            fatal = KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "fenced", fatal=True))
            if self._among_callbacks:
                raise SystemError("<class 'logging.LogRecord'> returned a result with an exception set") from fatal
            raise fatal
        return self._client.poll(timeout_s)


class TestFailing:
    def test_the_sender_is_told_and_then_nobody_else(self, shop: ShopProducer) -> None:
        shop._produce = refuse  # type: ignore[assignment]
        pending = shop.send(VIEWED)
        for _ in range(2):
            with pytest.raises(DeliveryFailed, match=r"an event of produit-consulte \(key b'1597'\): .*_MSG_TIMED_OUT"):
                pending.result()
        shop.flush()

    def test_flush_tells_of_what_nobody_asked_for(self, shop: ShopProducer, caplog: pytest.LogCaptureFixture) -> None:
        shop._produce = refuse  # type: ignore[assignment]
        for _ in range(50):
            shop.send(VIEWED)
        with pytest.raises(DeliveryFailed, match="_MSG_TIMED_OUT"):
            shop.flush()
        assert caplog.text.count("did not acknowledge") == 1
        shop.flush()

    def test_waiting_has_an_end(self) -> None:
        with ShopProducer(Mock(), LINGERING) as shop:
            pending = shop.send(VIEWED)
            with pytest.raises(KafkaUnavailable, match="it may still come"):
                pending.result(0.05)
            with pytest.raises(KafkaUnavailable, match="1 events still wait"):
                shop.flush(0)
        assert pending.result(0).offset == 0

    def test_what_is_given_up_at_the_end_is_told(self) -> None:
        shop = ShopProducer(Mock(), LINGERING)
        pending = shop.send(VIEWED)
        with pytest.raises(KafkaUnavailable):
            shop.close(0)
        with pytest.raises(DeliveryFailed, match="_PURGE_QUEUE"):
            pending.result()

    def test_a_queue_that_stays_full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        options = ProducerOptions(queue_events=10, delivery_timeout_s=0.3, linger_ms=0)
        with ShopProducer(Mock(), options) as shop, monkeypatch.context() as patched:
            # An event leaves the queue when its report is handled, and now nobody does that.
            patched.setattr(shop, "_poll", lambda timeout_s: time.sleep(0.01))
            with pytest.raises(KafkaUnavailable, match=r"no room for another event within 0\.3 s: \d+ wait"):
                for _ in range(21):  # the thread may have been in poll still, and handled some
                    shop.send(VIEWED)
            shop._failures = Failures()  # of the deliveries, as slow as this machine may be

    @pytest.mark.parametrize("among_callbacks", [False, True])
    def test_an_error_that_ends_the_client_ends_nothing_else(
        self, shop: ShopProducer, caplog: pytest.LogCaptureFixture, among_callbacks: bool
    ) -> None:
        ended = Ended(shop._client, among_callbacks)
        shop._client = ended  # type: ignore[assignment]
        ended.fails.set()
        eventually(lambda: not ended.fails.is_set(), 10)
        assert shop.send_and_wait(VIEWED).offset == 0, "the thread still hands over what comes"
        assert caplog.text.count("this producer is of no more use") == 1
        assert "fenced" in caplog.text

    def test_another_error_is_raised(self, shop: ShopProducer) -> None:
        with pytest.raises(SystemError, match="a bug"):
            shop._hear(raising(SystemError("a bug")))
        with pytest.raises(KafkaException, match="timed out"):
            shop._hear(raising(KafkaException(KafkaError(KafkaError._TIMED_OUT, "timed out"))))

    async def test_async_an_error_that_ends_the_client_ends_nothing_else(self, async_shop: AsyncShopProducer) -> None:
        ended = Ended(async_shop._client, True)
        async_shop._client = ended  # type: ignore[assignment]
        pending = await async_shop.send(VIEWED)
        ended.fails.set()
        assert (await asyncio.wait_for(pending, 10)).offset == 0
        assert not ended.fails.is_set()

    async def test_async_too(self, async_shop: AsyncShopProducer) -> None:
        async_shop._produce = refuse  # type: ignore[assignment]
        with pytest.raises(DeliveryFailed, match="_MSG_TIMED_OUT"):
            await (await async_shop.send(VIEWED))
        await async_shop.flush()
        await async_shop.send(VIEWED)
        with pytest.raises(DeliveryFailed, match="_MSG_TIMED_OUT"):
            await async_shop.flush()

    async def test_async_waiting_has_an_end(self) -> None:
        shop = AsyncShopProducer(Mock(), LINGERING)
        await shop.start()
        with pytest.raises(KafkaUnavailable, match="it may still come"):
            await shop.send_and_wait(VIEWED, timeout_s=0.05)
        pending = await shop.send(VIEWED)
        with pytest.raises(KafkaUnavailable, match="2 events still wait"):
            await shop.close(0)
        with pytest.raises(DeliveryFailed, match="_PURGE_QUEUE"):
            await pending


class TestAsync:
    async def test_send_and_wait(self, async_shop: AsyncShopProducer) -> None:
        first, second = await async_shop.send_and_wait(VIEWED), await async_shop.send_and_wait(VIEWED)
        assert (first.topic, first.offset, second.offset) == ("produit-consulte", 0, 1)

    async def test_many_in_flight(self, async_shop: AsyncShopProducer) -> None:
        pending = [await async_shop.send(event) for event, _ in EVENTS * 400]
        places = [await each for each in pending]
        assert len(set(places)) == len(places)
        assert async_shop.in_flight() == 0

    async def test_gathered(self, async_shop: AsyncShopProducer) -> None:
        places = await asyncio.gather(*[await async_shop.send(VIEWED) for _ in range(50)])
        assert sorted(place.offset for place in places) == list(range(50))

    async def test_two_tasks_wait_for_one_event_and_one_gives_up(self, async_shop: AsyncShopProducer) -> None:
        pending = await async_shop.send(VIEWED)
        one, other = asyncio.ensure_future(pending), asyncio.ensure_future(pending)
        await asyncio.sleep(0)
        one.cancel()
        assert (await other).offset == 0

    async def test_what_a_customer_can_do(self, async_shop: AsyncShopProducer) -> None:
        pending = await async_shop.order_placed(id_commande=17, user_id=7, articles=[], montant_total=0.0)
        assert pending.key == b"17"
        assert (await pending).topic == "commande-validee"
        with pytest.raises(EventRejected):
            await async_shop.stock_updated(id_produit=1, stock=-1)

    async def test_raw(self, async_shop: AsyncShopProducer) -> None:
        assert (await (await async_shop.send_raw("produit-consulte", None, None, [("h", b"v")]))).offset == 0

    async def test_a_full_queue_waits_for_room(self) -> None:
        async with AsyncShopProducer(Mock(), ProducerOptions(queue_events=100, linger_ms=1)) as shop:
            pending = [await shop.send(VIEWED) for _ in range(2_000)]
            assert sorted([(await each).offset for each in pending]) == list(range(2_000))

    async def test_a_sending_loop_lets_others_run(self, async_shop: AsyncShopProducer) -> None:
        ran = asyncio.Event()
        asyncio.get_running_loop().call_soon(ran.set)
        for _ in range(1_000):
            await async_shop.send(VIEWED)
        assert ran.is_set()


class TestSeed:
    """The seed's own function, under its own name."""

    DATA = {  # noqa: RUF012  # as in the seed's journal
        "id_produit": 1597,
        "nom_produit": "T-shirt en coton bio",
        "prix": 29.99,
        "timestamp": "2025-11-28T10:30:00Z",
        "user_id": 123,
    }

    @pytest.fixture(autouse=True)
    def producer(self, monkeypatch: pytest.MonkeyPatch, shop: ShopProducer) -> None:
        monkeypatch.setattr(seed, "_producer", lambda: shop)

    def test_sends_and_waits(self) -> None:
        delivery = envoyer_evenement("produit-consulte", self.DATA)
        assert (delivery.topic, delivery.offset) == ("produit-consulte", 0)

    def test_takes_what_a_backend_has(self) -> None:
        delivery = envoyer_evenement(
            "produit-consulte", self.DATA | {"prix": Decimal("29.99"), "timestamp": NOW, "canal": "mobile"}
        )
        assert delivery.offset == 0

    @pytest.mark.parametrize(
        ("topic", "changes"),
        [
            ("produit-consulte", {"prix": -1}),
            ("produit-consulte", {"timestamp": NOW.replace(tzinfo=None)}),
            ("produit-consulte", {"image": object()}),
            ("produits", {}),
        ],
    )
    def test_raises_and_sends_nothing(self, shop: ShopProducer, topic: str, changes: dict[str, object]) -> None:
        with pytest.raises(EventRejected):
            envoyer_evenement(topic, self.DATA | changes)
        assert shop.in_flight() == 0
