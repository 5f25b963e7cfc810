"""`/api/sessions`: where they begin and end, whatever partition, order or hour events are of; and the summary."""

from datetime import datetime, timedelta
from statistics import mean, median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed, epoch_ms
from shopnow_streams.folds.shoppers import PAUSE_MS, SHOPPERS
from shopnow_streams.folds.windows import HOUR
from shopnow_streams.topics import Topic
from shopnow_streams.views import sessions
from tables.answer import Answer
from tests.unit.folds.strategies import NOON, fold_all
from tests.unit.views.conftest import PARTITIONS, MakeWorker, Worker


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def event(topic: Topic, user: int, minutes: float) -> Event:
    when: dict[str, Any] = {"timestamp": at(minutes), "user_id": user}
    match topic:
        case Topic.PRODUCT_VIEWED:
            return ProductViewed(id_produit=1, nom_produit="", prix=1.0, **when)
        case Topic.ITEM_ADDED:
            return ItemAddedToCart(id_produit=1, nom_produit="", quantite=1, prix=1.0, **when)
        case Topic.ORDER_PLACED:
            return OrderPlaced(id_commande=1, articles=[], montant_total=1.0, **when)
    return PaymentAccepted(id_commande=1, montant=1.0, moyen_paiement="", **when)


def views(user: int, *minutes: float) -> list[Event]:
    return [event(Topic.PRODUCT_VIEWED, user, minute) for minute in minutes]


async def test_a_session_goes_on_over_partitions_topics_and_hours(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, views(7, -75, -50, -5))
    worker.fold(1, Topic.PRODUCT_VIEWED, views(7, -20.5, 58))
    worker.fold(2, Topic.ORDER_PLACED, [event(Topic.ORDER_PLACED, 7, -0.5)])
    worker.fold(3, Topic.PAYMENT_ACCEPTED, [event(Topic.PAYMENT_ACCEPTED, 7, 0.25)])
    worker.fold(2, Topic.ITEM_ADDED, [event(Topic.ITEM_ADDED, 8, 50), event(Topic.ITEM_ADDED, 8, 59)])
    found = await worker.get("/api/sessions/7")
    newest, oldest = found["items"]
    assert oldest == {
        "user_id": 7,
        "began_at": "2025-11-28T10:45:00Z",
        "ended_at": "2025-11-28T12:00:15Z",
        "length_s": 75 * 60 + 15,
        "pages": 4,
        "adds": 0,
        "orders": 1,
        "payments": 1,
        "converted": True,
        "open": False,
    }
    assert (newest["began_at"], newest["length_s"], newest["open"]) == ("2025-11-28T12:58:00Z", 0, True)
    assert (found["as_of"], found["since"]) == ("2025-11-28T12:59:00Z", "2025-11-27T12:59:00Z")
    page = await worker.get("/api/sessions", last_h=3)
    assert [(item["user_id"], item["began_at"][11:16]) for item in page["items"]] == [
        (7, "12:58"),
        (8, "12:50"),
        (7, "10:45"),
    ]
    assert page["summary"] == {
        "sessions": 3,
        "customers": 2,
        "average_length_s": (75 * 60 + 15 + 9 * 60) / 3,
        "median_length_s": 9 * 60,
        "average_pages": round(5 / 3, 6),
        "converted": 1,
        "conversion_rate": round(1 / 3, 6),
        "open": 2,
    }
    assert (await worker.get("/api/sessions", last_h=3, limit=1))["items"] == page["items"][:1]


async def test_a_session_that_began_before_the_range_is_not_in_it(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, views(7, -80, -61, -40))  # of last hour there is the end alone
    worker.fold(1, Topic.PRODUCT_VIEWED, views(8, -91, -60))  # a pause of 31 minutes
    worker.fold(2, Topic.PRODUCT_VIEWED, views(9, 0))
    page = await worker.get("/api/sessions")
    assert [item["user_id"] for item in page["items"]] == [9, 8]
    assert page["since"] == "2025-11-28T11:00:00Z"


async def test_at_the_edge_of_what_is_kept_no_beginning_is_guessed(worker: Worker) -> None:
    day = 24 * 60
    worker.fold(0, Topic.PRODUCT_VIEWED, views(7, -5, 20, 45))
    worker.fold(1, Topic.PRODUCT_VIEWED, views(8, 31))
    worker.fold(2, Topic.PRODUCT_VIEWED, views(9, day + 15))
    page = await worker.get("/api/sessions", last_h=24)
    assert page["since"] == "2025-11-28T12:30:00Z"
    assert [item["user_id"] for item in page["items"]] == [9, 8]
    assert (await worker.get("/api/sessions/7"))["items"] == []


async def test_nothing_happened_yet(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker([0])
    page = await worker.get("/api/sessions")
    assert (page["items"], page["summary"]["sessions"], page["summary"]["median_length_s"]) == ([], 0, None)
    assert page["complete"] is False
    assert (await worker.get("/api/sessions/7"))["items"] == []
    assert "last_h" in (await worker.get("/api/sessions", 400, last_h=25))["detail"]


TOPICS = [Topic.PRODUCT_VIEWED, Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED]
happened = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 2), st.integers(-200, 0), st.integers(0, PARTITIONS - 1)),
    max_size=20,
)


def naive(events: list[Any], since_ms: int) -> list[tuple[int, int, int, int, int]]:
    """Sessions straight from the events: who, from when to when, pages, orders."""
    found = []
    for user in range(3):
        own = sorted((epoch_ms(each.timestamp), topic) for topic, each in events if each.user_id == user)
        parts: list[list[tuple[int, Topic]]] = []
        for moment_ms, topic in own:
            if parts and moment_ms - parts[-1][-1][0] <= PAUSE_MS:
                parts[-1].append((moment_ms, topic))
            else:
                parts.append([(moment_ms, topic)])
        for part in parts:
            topics = [topic for _, topic in part]
            pages, orders = topics.count(Topic.PRODUCT_VIEWED), topics.count(Topic.ORDER_PLACED)
            found.append((part[0][0], user, part[-1][0], pages, orders))
    return sorted((one for one in found if one[0] >= since_ms), reverse=True)


@given(happened, st.integers(0, 59), st.sampled_from([1, 2, 3]), st.randoms(use_true_random=False))
@settings(max_examples=80)
async def test_sessions_are_those_that_the_events_make(drawn: list[Any], minute: int, last_h: int, random: Any) -> None:
    """Whatever the partitions, the order of events, and the hours that they lie in."""
    events = [(number, (topic, event(topic, user, minutes + minute))) for topic, user, minutes, number in drawn]
    random.shuffle(events)
    as_of = at(minute)
    first = HOUR.key(sessions.looked_at_from(last_h, as_of))
    rows = [
        (key, sessions.SessionRow(tuple(state.visits)))
        for number in range(PARTITIONS)
        for key, state in fold_all(SHOPPERS, [each for of, each in events if of == number]).items()
        if key >= first  # as the scan has it
    ]
    found = await sessions.found(Answer(rows, {}, PARTITIONS, PARTITIONS, as_of, {}), last_h)
    expected = naive([each for _, each in events], epoch_ms(as_of - timedelta(hours=last_h)))
    newest = [(at_ms, user, visit.last_ms, visit.pages, visit.orders) for at_ms, user, visit in found.newest]
    assert newest == expected
    summary = found.summary
    assert (summary.sessions, summary.customers) == (len(expected), len({user for _, user, *_ in expected}))
    assert summary.converted == sum(orders > 0 for *_, orders in expected)
    if expected:
        lengths_s = [(last_ms - first_ms) // 1000 for first_ms, _, last_ms, _, _ in expected]
        assert summary.median_length_s == median(lengths_s)
        assert summary.average_length_s == round(mean(lengths_s), 6)
