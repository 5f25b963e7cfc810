"""`/api/revenue` and `/api/funnel`: hours, and the days they make."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker

COUNTS = ("orders", "placed_cents", "payments", "paid_cents")


def counts(item: dict[str, Any]) -> dict[str, Any]:
    return {field: item[field] for field in COUNTS}


async def revenue_from(worker: Worker, start: str, status: int = 200) -> Any:
    return await worker.get("/api/revenue", status, **{"from": start})


def placed(hours: int, euros: float) -> Event:
    at = NOON + timedelta(hours=hours)
    return OrderPlaced(timestamp=at, id_commande=1, user_id=1, articles=[], montant_total=euros)


def paid(hours: int, euros: float) -> Event:
    at = NOON + timedelta(hours=hours)
    return PaymentAccepted(timestamp=at, id_commande=1, user_id=1, montant=euros, moyen_paiement="")


@pytest.fixture
def busy(worker: Worker) -> Worker:
    """Hours from a day before noon to a day after it, over all partitions."""
    for number in range(4):
        hours = range(-24 + number, 25, 3)
        worker.fold(number, Topic.ORDER_PLACED, [placed(hour, 1.0 + number) for hour in hours])
        worker.fold(number, Topic.PAYMENT_ACCEPTED, [paid(hour, 0.5) for hour in hours])
    return worker


async def test_hours_are_in_order_each_once_and_the_total_is_their_sum(busy: Worker) -> None:
    answer = await busy.get("/api/revenue")
    names = [item["hour"] for item in answer["items"]]
    assert names == sorted(set(names))
    assert (names[0], names[-1]) == ("2025-11-27T12", "2025-11-29T12")
    for field in COUNTS:
        assert answer["total"][field] == sum(item[field] for item in answer["items"])
    assert answer["complete"]
    assert not answer["truncated"]


async def test_a_day_is_its_hours_merged(busy: Worker) -> None:
    hours, days = await busy.get("/api/revenue"), await busy.get("/api/revenue", by="day")
    expected: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in hours["items"]:
        for field in COUNTS:
            expected[item["hour"][:10]][field] += item[field]
    assert [item["day"] for item in days["items"]] == ["2025-11-27", "2025-11-28", "2025-11-29"]
    assert [counts(item) for item in days["items"]] == [expected[day] for day in sorted(expected)]
    assert days["total"] == hours["total"]


async def test_the_newest_hours_are_kept_and_the_rest_is_said_to_be_left_out(busy: Worker) -> None:
    answer = await busy.get("/api/revenue", limit=2)
    assert [item["hour"] for item in answer["items"]] == ["2025-11-29T11", "2025-11-29T12"]
    assert answer["truncated"]
    assert answer["total"]["orders"] == sum(item["orders"] for item in answer["items"])


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2025-11-29", "2025-11-29T00"),
        ("2025-11-29T07", "2025-11-29T07"),
        ("2025-11-29T07:59", "2025-11-29T07"),
        ("2025-11-29T07:30:00Z", "2025-11-29T07"),
        ("2025-11-29T07:30:00+02:00", "2025-11-29T05"),
    ],
)
async def test_from_is_the_first_hour(busy: Worker, start: str, first: str) -> None:
    answer = await revenue_from(busy, start)
    assert answer["items"][0]["hour"] == first
    assert not answer["truncated"]


async def test_after_the_last_hour_there_is_nothing(busy: Worker) -> None:
    answer = await revenue_from(busy, "2026-01-01")
    assert answer["items"] == []
    assert counts(answer["total"]) == dict.fromkeys(COUNTS, 0)
    assert (answer["total"]["average_basket_cents"], answer["total"]["items_per_basket"]) == (None, None)


@pytest.mark.parametrize(
    "query",
    [
        {"from": "hier"},
        {"from": ""},
        {"from": "2025-13-01"},
        {"by": "week"},
        {"limit": 0},
        {"limit": 2401},
        {"to": "2025-11-29"},
    ],
)
async def test_a_parameter_that_is_wrong_is_told(worker: Worker, query: dict[str, Any]) -> None:
    problem = await worker.get("/api/revenue", 400, **query)
    assert any(name in problem["detail"] for name in query)


@pytest.mark.parametrize("start", ["0001-01-01T00:00+01:00", "9999-12-31T23:00-01:00"])
async def test_a_moment_that_utc_does_not_have_is_told(worker: Worker, start: str) -> None:
    await revenue_from(worker, start, 400)


async def test_the_funnel_has_the_part_of_each_stage(worker: Worker) -> None:
    def view() -> Event:
        return ProductViewed(timestamp=NOON, id_produit=1, nom_produit="", prix=0.0)

    def add() -> Event:
        return ItemAddedToCart(timestamp=NOON, id_produit=1, nom_produit="", quantite=1, prix=0.0, user_id=1)

    worker.fold(0, Topic.PRODUCT_VIEWED, [view()] * 6)
    worker.fold(1, Topic.ITEM_ADDED, [add()] * 3)
    worker.fold(2, Topic.ORDER_PLACED, [placed(0, 1.0)])
    assert (await worker.get("/api/funnel"))["items"] == [
        {
            "hour": "2025-11-28T12",
            "views": 6,
            "adds": 3,
            "orders": 1,
            "payments": 0,
            "adds_per_view": 0.5,
            "orders_per_add": 0.333333,
            "payments_per_order": 0.0,
            "viewers": 0,
            "adders": 1,
            "buyers": 1,
            "payers": 0,
            "lost_before_cart": None,
            "lost_before_order": 0.0,
            "lost_before_payment": 1.0,
        }
    ]


async def test_a_part_of_nothing_is_null(worker: Worker) -> None:
    worker.fold(2, Topic.ORDER_PLACED, [placed(0, 1.0)])
    (hour,) = (await worker.get("/api/funnel"))["items"]
    assert (hour["adds_per_view"], hour["orders_per_add"], hour["payments_per_order"]) == (None, None, 0.0)
