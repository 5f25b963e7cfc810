"""`/api/orders` and `/api/orders/{id}`."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from shopnow_streams.events import Event, OrderLine, OrderPlaced, PaymentAccepted
from shopnow_streams.folds.troubles import Trouble
from shopnow_streams.topics import Topic
from shopnow_streams.views import orders
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker


def placed(order: str | int, hours: int = 0) -> Event:
    line = OrderLine(id_produit=1, quantite=2, prix=5.0)
    return OrderPlaced(
        timestamp=NOON + timedelta(hours=hours), id_commande=order, user_id=7, articles=[line], montant_total=10.0
    )


def paid(order: str | int, euros: float, hours: int = 1) -> Event:
    return PaymentAccepted(
        timestamp=NOON + timedelta(hours=hours), id_commande=order, user_id=7, montant=euros, moyen_paiement="carte"
    )


async def test_an_order_placed_and_paid_in_other_partitions_is_one_order(worker: Worker) -> None:
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-1")])
    worker.fold(1, Topic.PAYMENT_ACCEPTED, [paid("C-1", 4.0)])
    worker.fold(2, Topic.PAYMENT_ACCEPTED, [paid("C-1", 6.0)])
    order = await worker.get("/api/orders/C-1")
    del order["offsets"]
    assert order == {
        "id_commande": "C-1",
        "user_id": 7,
        "placed_at": "2025-11-28T12:00:00Z",
        "placed_cents": 1000,
        "units": 2,
        "placements": 1,
        "paid_at": "2025-11-28T13:00:00Z",
        "paid_cents": 1000,
        "payments": 2,
        "problems": ["paid-twice"],
        "complete": True,
        "partitions": {"answered": 4, "of": 4},
    }


async def test_what_has_not_happened_is_null(worker: Worker) -> None:
    worker.fold(0, Topic.PAYMENT_ACCEPTED, [paid("C-1", 4.0)])
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-2")])
    unplaced, unpaid = await worker.get("/api/orders/C-1"), await worker.get("/api/orders/C-2")
    assert [unplaced[name] for name in ("user_id", "placed_at", "placed_cents", "units")] == [None] * 4
    assert (unpaid["paid_at"], unpaid["paid_cents"], unpaid["payments"]) == (None, 0, 0)


@pytest.mark.parametrize(("order", "path"), [("C/1", "C%2F1"), ("é à", "%C3%A9%20%C3%A0"), (17, "17"), ("a+b", "a+b")])
async def test_an_id_may_hold_anything(worker: Worker, order: str | int, path: str) -> None:
    from yarl import URL

    worker.fold(0, Topic.ORDER_PLACED, [placed(order)])
    url = URL(str(worker.server.make_url("/api/orders/")) + path, encoded=True)
    async with worker.session.get(url) as response:
        assert response.status == 200
        assert (await response.json())["id_commande"] == str(order)


async def test_an_order_that_nobody_placed_or_paid_is_not_found(worker: Worker) -> None:
    assert "C-9" in (await worker.get("/api/orders/C-9", 404))["detail"]


TROUBLED: dict[str, tuple[list[Event], list[Event], list[str]]] = {
    "C-1": ([placed("C-1")], [], ["unpaid"]),
    "C-2": ([placed("C-2")], [paid("C-2", 10.0)], []),
    "C-3": ([placed("C-3")], [paid("C-3", 9.99)], ["amount-mismatch"]),
    "C-4": ([placed("C-4")], [paid("C-4", 4.0), paid("C-4", 6.0)], ["paid-twice"]),
    "C-5": ([placed("C-5")], [paid("C-5", 10.0), paid("C-5", 10.0)], ["amount-mismatch", "paid-twice"]),
    "C-6": ([placed("C-6", hours=2)], [paid("C-6", 10.0)], ["paid-before-placed"]),
    "C-7": ([], [paid("C-7", 10.0)], ["payment-without-order"]),
    "C-8": ([placed("C-8"), placed("C-8", hours=1)], [paid("C-8", 10.0)], []),
}
"""Placements and payments of an order, and what is wrong with it."""


def trouble(worker: Worker, placed_in: int = 0, paid_in: int = 1) -> None:
    for placements, payments, _ in TROUBLED.values():
        worker.fold(placed_in, Topic.ORDER_PLACED, placements)
        worker.fold(paid_in, Topic.PAYMENT_ACCEPTED, payments)


@pytest.mark.parametrize("order", list(TROUBLED))
async def test_what_is_wrong_with_an_order_is_said_of_all_its_partitions_together(worker: Worker, order: str) -> None:
    trouble(worker)
    assert (await worker.get(f"/api/orders/{order}"))["problems"] == TROUBLED[order][2]


@pytest.mark.parametrize("problem", [*get_args(Trouble), "any", None])
@pytest.mark.parametrize("limit", [1, 3, 500])
async def test_pages_have_every_order_with_the_problem_once_and_in_order(
    worker: Worker, problem: str | None, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "SEARCHED_ROWS", 3)
    trouble(worker)
    query: dict[str, Any] = {"limit": limit} | ({"problem": problem} if problem else {})
    found, page = [], await worker.get("/api/orders", **query)
    for _ in range(20):
        assert len(page["items"]) <= limit
        found += [item["id_commande"] for item in page["items"]]
        if page["after"] is None:
            break
        page = await worker.get("/api/orders", **query, after=page["after"])
    else:
        pytest.fail("pages without an end")
    expected = [
        order
        for order, (_, _, has) in TROUBLED.items()
        if problem is None or (has if problem == "any" else problem in has)
    ]
    assert found == expected


async def test_an_order_whose_halves_two_workers_have_is_in_no_trouble(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.ORDER_PLACED, [placed("C-2")])
    other.fold(3, Topic.PAYMENT_ACCEPTED, [paid("C-2", 10.0)])
    for worker in (one, other):
        assert (await worker.get("/api/orders", problem="any"))["items"] == []


async def test_a_search_looks_through_so_many_orders_and_says_where_to_go_on(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "SEARCHED_ROWS", 5)
    trouble(worker)
    page = await worker.get("/api/orders", problem="payment-without-order")
    assert (page["items"], page["after"]) == ([], "C-5")
    page = await worker.get("/api/orders", problem="payment-without-order", after="C-5")
    assert ([item["id_commande"] for item in page["items"]], page["after"]) == (["C-7"], None)


async def test_orders_placed_before_a_moment_are_those_unpaid_since_then(worker: Worker) -> None:
    worker.fold(0, Topic.ORDER_PLACED, [placed("C-1"), placed("C-2", hours=2), placed("C-3", hours=3)])
    worker.fold(1, Topic.PAYMENT_ACCEPTED, [paid("C-1", 10.0), paid("C-4", 10.0)])

    async def found(moment: str, **query: str) -> list[str]:
        page = await worker.get("/api/orders", placed_before=moment, **query)
        return [item["id_commande"] for item in page["items"]]

    assert await found("2025-11-28T15:00:00Z") == ["C-1", "C-2"], "placed before three, not at three"
    assert await found("2025-11-28T16:00:01+01:00", problem="unpaid") == ["C-2", "C-3"]
    assert await found("2025-11-28T14:00:00Z", problem="unpaid") == []


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"problem": "late"}, "problem must be one of any, unpaid"),
        ({"after": ""}, "after must be an order's id"),
        ({"limit": 501}, "limit must be"),
        ({"placed_before": "2025-11-28T12:00:00"}, "placed_before must be a moment with its offset"),
        ({"sort": "id"}, "unknown parameter 'sort'"),
    ],
)
async def test_what_it_does_not_know_is_refused(worker: Worker, query: dict[str, Any], detail: str) -> None:
    assert detail in (await worker.get("/api/orders", 400, **query))["detail"]
