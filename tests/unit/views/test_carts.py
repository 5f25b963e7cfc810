"""`/api/carts`: what is in them, which are open, and that no partition, order or hour makes a difference."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, ProductViewed, epoch_ms
from shopnow_streams.folds.shoppers import SHOPPERS, Add, Shopper
from shopnow_streams.topics import Topic
from shopnow_streams.views import carts
from shopnow_streams.views.customers import whole_shopper
from tables.answer import Answer
from tests.unit.folds.strategies import NOON, fold_all
from tests.unit.views.conftest import PARTITIONS, MakeWorker, Worker


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def added(user: int, minutes: float, product: int = 7, units: int = 1, euros: float = 1.0) -> Event:
    return ItemAddedToCart(
        timestamp=at(minutes), id_produit=product, nom_produit="Thé", quantite=units, prix=euros, user_id=user
    )


def ordered(user: int, minutes: float) -> Event:
    return OrderPlaced(timestamp=at(minutes), id_commande=1, user_id=user, articles=[], montant_total=1.0)


def now(minutes: float) -> Event:
    return ProductViewed(timestamp=at(minutes), id_produit=1, nom_produit="", prix=1.0)


async def test_a_cart_is_what_was_added_after_the_newest_order_in_whatever_partition(worker: Worker) -> None:
    worker.fold(0, Topic.ITEM_ADDED, [added(7, -130, product=1), added(7, -61, product=2, units=2, euros=9.99)])
    worker.fold(1, Topic.ITEM_ADDED, [added(7, 1, product=3), added(8, 0)])
    worker.fold(2, Topic.ITEM_ADDED, [added(7, -10, product=2, euros=5.0)])
    worker.fold(3, Topic.ORDER_PLACED, [ordered(7, -90)])
    worker.fold(0, Topic.PRODUCT_VIEWED, [now(3.5)])
    cart = await worker.get("/api/carts/7")
    assert {name: cart[name] for name in ("user_id", "state", "units", "value_cents", "idle_min")} == {
        "user_id": 7,
        "state": "open",
        "units": 4,
        "value_cents": 2 * 999 + 500 + 100,
        "idle_min": 2,
    }
    assert cart["lines"] == [
        {"id_produit": 2, "units": 3, "value_cents": 2 * 999 + 500},
        {"id_produit": 3, "units": 1, "value_cents": 100},
    ]
    assert (cart["last_added_at"], cart["as_of"]) == ("2025-11-28T12:01:00Z", "2025-11-28T12:03:30Z")
    assert cart["complete"]
    assert cart["offsets"]["commande-validee"] == {"3": 1}
    listed = await worker.get("/api/carts")
    assert listed["items"][0] == {name: cart[name] for name in listed["items"][0]}


async def test_states_totals_and_rankings(worker: Worker) -> None:
    worker.fold(0, Topic.ITEM_ADDED, [added(1, -30, euros=5.0), added(2, -29.9, euros=3.0)])
    worker.fold(1, Topic.ITEM_ADDED, [added(3, -300, euros=4.0), added(4, 0, euros=9.0), added(5, -20, euros=9.0)])
    worker.fold(2, Topic.ORDER_PLACED, [ordered(5, 0)])

    async def asked(**query: Any) -> Any:
        page = await worker.get("/api/carts", **query)
        return [item["user_id"] for item in page["items"]], page["open"], page["abandoned"]

    open_, abandoned = {"carts": 2, "value_cents": 1200}, {"carts": 2, "value_cents": 900}
    assert await asked() == ([4, 2], open_, abandoned)
    assert await asked(state="abandoned") == ([1, 3], open_, abandoned)
    assert await asked(state="abandoned", sort="idle") == ([3, 1], open_, abandoned)
    assert await asked(state="any", limit=3) == ([4, 1, 3], open_, abandoned)
    assert await asked(state="any", sort="idle", limit=1) == ([3], open_, abandoned)
    assert (await asked(idle_min=31))[0] == [4, 1, 2]
    assert "idle_min" in (await worker.get("/api/carts", 400, idle_min=0))["detail"]


async def test_an_empty_cart_is_not_found(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker([0, 1, 2])
    worker.fold(0, Topic.ITEM_ADDED, [added(7, -5), added(8, 1)])
    worker.fold(1, Topic.ORDER_PLACED, [ordered(7, 0)])
    problem = await worker.get("/api/carts/7", 404)
    assert problem["detail"] == "nothing is in the cart of customer 7 in the partitions that answered; not all did"
    assert "abc" in (await worker.get("/api/carts/abc", 404))["detail"]
    assert [item["user_id"] for item in (await worker.get("/api/carts"))["items"]] == [8]


async def test_what_is_older_than_the_kept_hours_is_in_no_cart_whether_it_was_moved_or_not(worker: Worker) -> None:
    day = 24 * 60
    worker.fold(0, Topic.ITEM_ADDED, [added(7, 30), added(8, 61)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [now(day + 59)])  # partition 0 does not know that it is so late
    assert (await worker.get("/api/carts/7"))["idle_min"] == day + 29
    worker.fold(1, Topic.PRODUCT_VIEWED, [now(day + 60)])
    await worker.get("/api/carts/7", 404)
    assert (await worker.get("/api/carts/8"))["state"] == "abandoned"
    page = await worker.get("/api/carts", state="any", at_least="produit-consulte:1:1")
    assert [item["user_id"] for item in page["items"]] == [8]
    assert page["as_of"] == "2025-11-29T13:00:00Z"


async def test_two_workers_answer_as_one(make_worker: MakeWorker, tmp_path: Path) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.ITEM_ADDED, [added(7, -100, product=1), added(7, -1, product=2)])
    other.fold(2, Topic.ITEM_ADDED, [added(7, 0, product=3)])
    other.fold(3, Topic.ORDER_PLACED, [ordered(7, -50)])
    for worker in (one, other):
        (item,) = (await worker.get("/api/carts"))["items"]
        assert [line["id_produit"] for line in item["lines"]] == [2, 3]
        assert (await worker.get("/api/carts/7"))["units"] == 2


happened = st.lists(
    st.tuples(
        st.sampled_from([Topic.ITEM_ADDED, Topic.ITEM_ADDED, Topic.ORDER_PLACED]),
        st.integers(0, 2),
        st.integers(-26 * 60, 0) | st.sampled_from([-24 * 60, -61, -60, -59, -30, 0]),
        st.integers(0, PARTITIONS - 1),
    ),
    max_size=14,
)


def naive(events: list[Any], oldest: datetime, user: int) -> list[tuple[int, int]]:
    """A customer's adds after their newest order, straight from the events that are of kept hours."""
    kept = [event for _, event in events if event.user_id == user and event.timestamp >= oldest]
    orders = [event.timestamp for event in kept if isinstance(event, OrderPlaced)]
    adds = [event for event in kept if isinstance(event, ItemAddedToCart)]
    return sorted((epoch_ms(add.timestamp), add.id_produit) for add in adds if all(add.timestamp > at for at in orders))


@given(happened, st.integers(0, 59), st.randoms(use_true_random=False))
@settings(max_examples=60)
async def test_carts_are_those_that_the_events_make(drawn: list[Any], minute: int, random: Any) -> None:
    """Whatever the partitions, the order of events, and the hours that they lie in."""
    events = [
        (
            number,
            (
                topic,
                added(user, minutes + minute, product=index)
                if topic is Topic.ITEM_ADDED
                else ordered(user, minutes + minute),
            ),
        )
        for index, (topic, user, minutes, number) in enumerate(drawn)
    ]
    random.shuffle(events)
    rows = [
        (key, carts.CartRow(tuple(state.cart), state.ordered_ms))
        for number in range(PARTITIONS)
        for key, state in fold_all(SHOPPERS, [event for of, event in events if of == number]).items()
    ]
    found = await carts.baskets(Answer(rows, {}, PARTITIONS, PARTITIONS, at(minute), {}))
    oldest = NOON - timedelta(hours=24)
    expected = {user: naive([event for _, event in events], oldest, user) for user in range(3)}
    assert {basket.user: [(add.at_ms, add.id_produit) for add in basket.adds] for basket in found.found} == {
        user: adds for user, adds in expected.items() if adds
    }


@pytest.mark.parametrize("idle_min", [1, 30])
async def test_abandoned_is_from_the_minute_on(idle_min: int) -> None:
    basket = carts.Basket(1, (Add(epoch_ms(NOON), 7, 1, 1),), 1)
    at_last = carts.shown(basket, at(idle_min) - timedelta(milliseconds=1), idle_min)
    assert (at_last.state, at_last.idle_min) == ("open", idle_min - 1)
    after = carts.shown(basket, at(idle_min), idle_min)
    assert (after.state, after.idle_min) == ("abandoned", idle_min)


def test_of_one_customer_rows_that_are_not_kept_as_of_now_do_not_count() -> None:
    """They were asked for as of before, perhaps."""
    rows: list[Any] = [
        (f"h2025-11-27T{hour}+7", Shopper(cart=[Add(number, 7, 1, 1)])) for number, hour in enumerate((11, 12, 13))
    ]
    kept = whole_shopper(Answer(rows, {}, 1, 1, NOON, {}))
    assert [add.at_ms for add in kept.cart] == [1, 2]
