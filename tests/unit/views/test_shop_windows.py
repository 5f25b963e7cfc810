"""`/api/revenue` and `/api/funnel`: minutes, baskets and different customers, of windows that are kept."""

from datetime import timedelta
from typing import Any

import pytest

from shopnow_streams.events import Event, ItemAddedToCart, OrderLine, OrderPlaced, PaymentAccepted, ProductViewed
from shopnow_streams.topics import Topic
from shopnow_streams.views.spans import begun_before
from tests.fakes import settle
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker

DAY = 24 * 60


def view(minutes: float, user: int | None) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return ProductViewed(timestamp=at, id_produit=1, nom_produit="", prix=0.0, user_id=user)


def added(minutes: float, user: int) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return ItemAddedToCart(timestamp=at, id_produit=1, nom_produit="", quantite=1, prix=0.0, user_id=user)


def placed(minutes: float, user: int, units: int = 1, euros: float = 10.0) -> Event:
    at, articles = NOON + timedelta(minutes=minutes), [OrderLine(id_produit=1, quantite=units, prix=1.0)]
    return OrderPlaced(timestamp=at, id_commande=1, user_id=user, articles=articles, montant_total=euros)


def paid(minutes: float, user: int) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return PaymentAccepted(timestamp=at, id_commande=1, user_id=user, montant=1.0, moyen_paiement="")


STAGES = ("viewers", "adders", "buyers", "payers")


def stages(item: dict[str, Any]) -> tuple[int | None, ...]:
    return tuple(item[stage] for stage in STAGES)


async def funnel(worker: Worker, **query: Any) -> Any:
    return await worker.get("/api/funnel", **query)


@pytest.mark.parametrize("by", ["hour", "day", "minute"])
async def test_a_customer_is_one_however_often_and_over_whichever_partitions(worker: Worker, by: str) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(0, user=2), view(0, user=3), view(0, user=None)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(0.2, user=1), view(0.3, user=4)])
    worker.fold(2, Topic.ITEM_ADDED, [added(0.2, user=1), added(0.4, user=1), added(0.4, user=2)])
    worker.fold(3, Topic.ORDER_PLACED, [placed(0.5, user=1)])
    worker.fold(0, Topic.PAYMENT_ACCEPTED, [paid(0.6, user=1), paid(0.6, user=1)])
    answer = await funnel(worker, by=by)
    (item,) = answer["items"]
    for shown in (item, answer["total"]):
        assert (shown["views"], shown["adds"], shown["orders"], shown["payments"]) == (6, 3, 1, 2)
        assert stages(shown) == (4, 2, 1, 1)
        assert (shown["lost_before_cart"], shown["lost_before_order"], shown["lost_before_payment"]) == (0.5, 0.5, 0)
    assert answer["as_of"] == "2025-11-28T12:00:36Z"


async def test_the_total_has_a_customer_of_several_hours_once(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(60, user=1), view(61, user=2)])
    answer = await funnel(worker)
    assert [item["viewers"] for item in answer["items"]] == [1, 2]
    assert (answer["total"]["viewers"], answer["total"]["views"]) == (2, 3)
    newest = await funnel(worker, limit=1)
    assert (newest["total"]["viewers"], newest["truncated"]) == (2, True)


async def test_late_events_are_counted_but_nobody_s_and_no_number_is_of_both(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(120, user=1), view(10, user=9)])
    worker.fold(1, Topic.ORDER_PLACED, [placed(0, user=1, units=3), placed(120, user=1), placed(1, user=2, units=9)])
    first, *_ = (await funnel(worker))["items"]
    assert (first["hour"], first["views"], first["viewers"], first["buyers"]) == ("2025-11-28T12", 2, 1, 1)
    (sales, *_) = (await worker.get("/api/revenue"))["items"]
    assert (sales["orders"], sales["average_basket_cents"], sales["items_per_basket"]) == (2, 1000, 3)
    minutes = await worker.get("/api/revenue", by="minute")
    assert minutes["total"]["orders"] == 2


async def test_what_is_not_kept_any_more_is_null_and_so_is_the_total(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(-50 * 60, user=1), view(-47 * 60, user=2), view(0, user=3)])
    settle(worker.live.owned[0].partition)
    answer = await funnel(worker)
    assert [item["viewers"] for item in answer["items"]] == [None, 1, 1]
    assert (answer["total"]["viewers"], answer["total"]["views"]) == (None, 3)
    kept = await worker.get("/api/funnel", **{"from": "2025-11-26T13"})
    assert kept["total"]["viewers"] == 2
    days = await funnel(worker, by="day")
    assert [item["viewers"] for item in days["items"]] == [2, 1], "of a day, hours that are over are kept with it"


@pytest.mark.parametrize(("start", "viewers"), [("2025-11-28T12:30", 2), ("2025-11-28T13", 1)])
async def test_from_within_an_hour_has_all_of_that_hour(worker: Worker, start: str, viewers: int) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(45, user=2), view(60, user=2)])
    answer = await worker.get("/api/funnel", **{"from": start})
    assert answer["total"]["viewers"] == viewers


async def test_a_first_day_of_which_hours_are_left_out_has_no_customers(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(60, user=2), view(DAY, user=3)])
    for query in ({"from": "2025-11-28T13"}, {"limit": 2}):
        answer = await worker.get("/api/funnel", **{"by": "day", **query})
        assert [item["viewers"] for item in answer["items"]] == [None, 1]
    whole = await worker.get("/api/funnel", **{"by": "day", "from": "2025-11-28"})
    assert [item["viewers"] for item in whole["items"]] == [2, 1]


def test_what_is_left_out_of_a_first_span() -> None:
    hours = ["2025-11-27T23", "2025-11-28T10", "2025-11-28T11"]
    rows = [(hour, None) for hour in hours]
    assert begun_before(rows, hours, None, 10) is None
    assert begun_before(rows[1:], hours, None, 10) is None
    assert begun_before(rows[2:], hours, None, 10) == "2025-11-28"
    assert begun_before(rows[2:], hours, None, 13) is None
    assert begun_before([], hours, None, 10) is None
    assert begun_before(rows[1:], hours[1:], NOON.replace(hour=10), 10) == "2025-11-28"
    assert begun_before(rows[1:], hours[1:], NOON.replace(hour=0), 10) is None
    assert begun_before(rows[1:], hours[1:], NOON.replace(day=27), 10) is None
    assert begun_before(rows[1:], hours[1:], NOON.replace(hour=10), 13) is None


async def test_minutes_are_the_last_two_hours_without_a_gap(worker: Worker) -> None:
    worker.fold(0, Topic.ORDER_PLACED, [placed(-121, 1), placed(-120, 1), placed(0, 2, units=4, euros=12.0)])
    answer = await worker.get("/api/revenue", by="minute")
    names = [item["minute"] for item in answer["items"]]
    assert (names[0], names[-1], len(names)) == ("2025-11-28T10:00", "2025-11-28T12:00", 121)
    assert answer["items"][-1] == {
        "minute": "2025-11-28T12:00",
        "orders": 1,
        "placed_cents": 1200,
        "payments": 0,
        "paid_cents": 0,
        "average_basket_cents": 1200,
        "items_per_basket": 4,
    }
    assert (answer["total"]["orders"], answer["total"]["items_per_basket"]) == (2, 2.5)
    newest = await worker.get("/api/revenue", **{"by": "minute", "from": "2025-11-28T11:58:30", "limit": 2})
    assert ([item["minute"][-5:] for item in newest["items"]], newest["truncated"]) == (["11:59", "12:00"], True)
