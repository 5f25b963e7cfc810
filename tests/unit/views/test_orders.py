"""`/api/orders/{id}`."""

from datetime import timedelta

import pytest

from shopnow_streams.events import Event, OrderLine, OrderPlaced, PaymentAccepted
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker


def placed(order: str | int) -> Event:
    line = OrderLine(id_produit=1, quantite=2, prix=5.0)
    return OrderPlaced(timestamp=NOON, id_commande=order, user_id=7, articles=[line], montant_total=10.0)


def paid(order: str | int, euros: float) -> Event:
    return PaymentAccepted(
        timestamp=NOON + timedelta(hours=1), id_commande=order, user_id=7, montant=euros, moyen_paiement="carte"
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
