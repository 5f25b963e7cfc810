"""`/api/orders/{id}`: one order, placed and paid."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from shopnow_streams.events import MAX_ORDER_ID, Instant, UserId
from shopnow_streams.folds.definition import NEVER, Key
from shopnow_streams.folds.orders import ORDERS, Order
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.parameters import Parameter
from shopnow_streams.views.row import Row
from shopnow_streams.views.standing import Count, with_standing

OrderKey = Annotated[str, Meta(min_length=1, max_length=MAX_ORDER_ID)]
ORDER_ID = Parameter(
    "id",
    OrderKey,
    None,
    "an order's id",
    "The order's id; one that is a number is the same order as its digits.",
    "C-1",
)


class ShownOrder(Struct, frozen=True, kw_only=True):
    """One order. What has not happened is null."""

    id_commande: Annotated[OrderKey, Meta(examples=["C-1"])]
    user_id: UserId | None
    placed_at: Instant | None
    placed_cents: Annotated[Count, Meta(description="The amount of the newest placement, in centimes.")] | None
    units: Annotated[Count, Meta(description="Units of the newest placement.")] | None
    placements: Annotated[Count, Meta(description="Above 1: the order was sent again, and the newest stands.")]
    paid_at: Instant | None
    paid_cents: Annotated[Count, Meta(description="All payments together, in centimes.")]
    payments: Count


OrderAnswer = with_standing(ShownOrder, "OrderAnswer")


def shown(key: Key, order: Order) -> ShownOrder:
    """An order as the API shows it."""
    placed = order.placements > 0
    return ShownOrder(
        id_commande=str(key),
        user_id=order.user_id if placed else None,
        placed_at=_moment(order.placed_at),
        placed_cents=order.placed_cents if placed else None,
        units=order.units if placed else None,
        placements=order.placements,
        paid_at=_moment(order.paid_at),
        paid_cents=order.paid_cents,
        payments=order.payments,
    )


def _moment(moment: datetime) -> datetime | None:
    return None if moment == NEVER else moment


def resource(gather: Gather) -> Row[Order]:
    """The order resource."""
    return Row(gather, ORDERS, shown, OrderAnswer, ORDER_ID, "order")
