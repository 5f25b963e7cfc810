"""`/api/products/{id}/windows`: minutes, hours and days of one product."""

from datetime import timedelta
from typing import Any

import pytest

from shopnow_streams.events import Event, ItemAddedToCart, OrderLine, OrderPlaced, ProductViewed
from shopnow_streams.topics import Topic
from tests.fakes import settle
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker


def view(minutes: float, user: int | None = None, product: int = 7) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return ProductViewed(timestamp=at, id_produit=product, nom_produit="Thé", prix=1.0, user_id=user)


def added(minutes: float) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return ItemAddedToCart(timestamp=at, id_produit=7, nom_produit="Thé", quantite=2, prix=1.0, user_id=1)


def sold(minutes: float, product: int = 7) -> Event:
    at = NOON + timedelta(minutes=minutes)
    articles = [
        OrderLine(id_produit=product, quantite=2, prix=9.99),
        OrderLine(id_produit=product, quantite=1, prix=5.0),
    ]
    return OrderPlaced(timestamp=at, id_commande=1, user_id=1, articles=articles, montant_total=1.0)


async def windows(worker: Worker, **query: Any) -> Any:
    return await worker.get("/api/products/7/windows", **query)


async def test_a_window_is_merged_over_partitions_and_has_its_rates(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, user=1), view(0.5, user=2), view(0.9)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(0.2, user=2)])
    worker.fold(2, Topic.ITEM_ADDED, [added(0.3), added(0.4)])
    worker.fold(3, Topic.ORDER_PLACED, [sold(0.5)])
    answer = await windows(worker)
    assert answer["items"] == [
        {
            "minute": "2025-11-28T12:00",
            "views": 4,
            "visitors": 2,
            "adds": 2,
            "units_added": 4,
            "orders": 1,
            "units_sold": 3,
            "revenue_cents": 2 * 999 + 500,
            "cart_per_view": 0.5,
            "order_per_cart": 0.5,
            "order_per_view": 0.25,
        }
    ]
    assert (answer["id_produit"], answer["as_of"]) == (7, "2025-11-28T12:00:54Z")
    assert (answer["complete"], answer["truncated"]) == (True, False)
    assert answer["offsets"]["produit-consulte"] == {"0": 3, "1": 1}


async def test_a_chart_has_no_gap_up_to_the_window_that_is_now(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(2), view(4, product=8)])
    items = (await windows(worker))["items"]
    assert [(item["minute"][-5:], item["views"]) for item in items] == [
        ("12:00", 1),
        ("12:01", 0),
        ("12:02", 1),
        ("12:03", 0),
        ("12:04", 0),
    ]
    assert [item["cart_per_view"] for item in items[:2]] == [0, None]


async def test_two_hours_of_minutes_are_shown_and_the_hour_has_all_of_them(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(59), view(60), view(180.5)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(0.5), view(61)])  # its clock is behind: it moves nothing yet
    for _ in range(2):
        minutes = {item["minute"][-5:]: item["views"] for item in (await windows(worker))["items"]}
        assert {minute: views for minute, views in minutes.items() if views} == {"13:00": 1, "13:01": 1, "15:00": 1}
        hours = (await windows(worker, by="hour"))["items"]
        assert [(item["hour"][-2:], item["views"]) for item in hours] == [("12", 3), ("13", 2), ("14", 0), ("15", 1)]
        days = (await windows(worker, by="day"))["items"]
        assert [(item["day"], item["views"]) for item in days] == [("2025-11-28", 6)]
        settle(worker.live.owned[0].partition)


async def test_the_newest_windows_are_kept_and_the_rest_is_said_to_be_left_out(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(10)])
    answer = await windows(worker, limit=2)
    assert [item["minute"][-5:] for item in answer["items"]] == ["12:09", "12:10"]
    assert answer["truncated"]


async def test_workers_answer_for_one_another(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.PRODUCT_VIEWED, [view(0)])
    other.fold(2, Topic.PRODUCT_VIEWED, [view(1, product=8)])
    for worker in (one, other):
        answer = await windows(worker)
        assert [item["views"] for item in answer["items"]] == [1, 0]
        assert answer["as_of"] == "2025-11-28T12:01:00Z"
        assert answer["complete"]


async def test_a_product_that_nothing_is_known_of_is_not_found(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, product=8)])
    assert "'7'" in (await worker.get("/api/products/7/windows", 404))["detail"]
    assert "'seven'" in (await worker.get("/api/products/seven/windows", 404))["detail"]


async def test_one_that_was_seen_too_late_only_has_no_windows(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(120, product=8), view(0)])
    answer = await windows(worker)
    assert (answer["items"], answer["truncated"]) == ([], False)
    assert (await worker.get("/api/products/7"))["views"] == 1


@pytest.mark.parametrize("query", [{"by": "week"}, {"limit": 0}, {"limit": 122}, {"from": "2025-11-28"}])
async def test_a_parameter_that_is_wrong_is_told(worker: Worker, query: dict[str, Any]) -> None:
    problem = await worker.get("/api/products/7/windows", 400, **query)
    assert any(name in problem["detail"] for name in query)
