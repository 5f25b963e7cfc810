"""`/api/orders/{id}`: one order, placed and paid."""

from datetime import datetime
from typing import Any

from shopnow_streams.folds.definition import NEVER, Key
from shopnow_streams.folds.orders import ORDERS, Order
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.row import Row


def shown(key: Key, order: Order) -> dict[str, Any]:
    """An order as the API shows it; what has not happened is null."""
    placed = order.placements > 0
    return {
        "id_commande": key,
        "user_id": order.user_id if placed else None,
        "placed_at": _moment(order.placed_at),
        "placed_cents": order.placed_cents if placed else None,
        "units": order.units if placed else None,
        "placements": order.placements,
        "paid_at": _moment(order.paid_at),
        "paid_cents": order.paid_cents,
        "payments": order.payments,
    }


def _moment(moment: datetime) -> datetime | None:
    return None if moment == NEVER else moment


def resource(gather: Gather) -> Row[Order]:
    """The order resource."""
    return Row(gather, ORDERS, shown, "order")
