"""`/api/orders/{id}`: one order, placed and paid."""

from datetime import datetime
from typing import Any

from aiohttp import web

from shopnow_streams.folds.definition import NEVER
from shopnow_streams.folds.orders import ORDERS, Order
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only, standing
from shopnow_streams.views.products import missing
from tables.reads import Query


def shown(key: Any, order: Order) -> dict[str, Any]:
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


class Orders:
    """The order resource."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def one(self, request: web.Request) -> dict[str, Any]:
        """One order. Raises Problem 404 where it was neither placed nor paid."""
        only(request)
        key = request.match_info["key"]
        answer = await self._gather.read(Query(ORDERS.name, keys=[key]))
        if not answer.rows:
            raise Problem(404, "Not Found", missing("order", key, answer.complete))
        return {**shown(*answer.rows[0]), **standing(answer)}
