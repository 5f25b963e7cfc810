"""`/api/orders`: orders, all or those in trouble, in order of id; `/api/orders/{id}`: one order, placed and paid."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import MAX_ORDER_ID, Instant, UserId
from shopnow_streams.folds.definition import NEVER, Key
from shopnow_streams.folds.orders import ORDERS, Order
from shopnow_streams.folds.troubles import Trouble, troubles
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import Moment, Parameter, whole
from shopnow_streams.views.row import Row
from shopnow_streams.views.standing import Count, Standing, standing, with_standing
from tables.reads import Query

SEARCHED_ROWS = 1_000
"""How many orders one answer looks through: so that a search for what is rare stays short. The next page goes on."""

OrderKey = Annotated[str, Meta(min_length=1, max_length=MAX_ORDER_ID)]
ORDER_ID = Parameter(
    "id",
    OrderKey,
    None,
    "an order's id",
    "The order's id; one that is a number is the same order as its digits.",
    "C-1",
)

PROBLEM = Parameter[str | None](
    "problem",
    Literal["any", Trouble],
    None,
    f"one of any, {', '.join(get_args(Trouble))}",
    f"Only orders with this problem, or with any. One answer looks through {SEARCHED_ROWS:,} orders: it may have few "
    "items, or none, and still an `after` to go on from.",
    "unpaid",
)
PLACED_BEFORE = Moment(
    "placed_before",
    "Only orders placed before that moment: with `problem=unpaid`, those that have been unpaid since then. The search "
    "is bounded as with `problem`.",
)
AFTER = Parameter[str | None]("after", OrderKey, None, "an order's id", "The page of orders above this one.", "C-1")
LIMIT = whole("limit", 1, 500, 50, "At most so many orders.", "5")


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
    problems: Annotated[
        list[Trouble],
        Meta(
            description="unpaid: placed, and no payment yet; amount-mismatch: all payments together are another amount "
            "than the order; paid-twice: more than one payment; paid-before-placed: the last payment is older than the "
            "order; payment-without-order: paid, and not placed yet."
        ),
    ]


class OrdersPage(Standing, frozen=True, kw_only=True):
    """Orders in order of id (of its characters: C-10 comes before C-2)."""

    items: list[ShownOrder]
    after: Annotated[OrderKey, Meta(description="The `after` that gives the next page; null at the end.")] | None


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
        problems=troubles(order),
    )


def _moment(moment: datetime) -> datetime | None:
    return None if moment == NEVER else moment


class Orders(Row[Order]):
    """The orders."""

    async def listed(self, request: web.Request) -> OrdersPage:
        """A page in order of id, from `after` on; with `problem` or `placed_before`, of those that are so."""
        only(request, "problem", "placed_before", "after", "limit", *WAITING)
        problem, after, limit = PROBLEM.read(request), AFTER.read(request), LIMIT.read(request)
        before = PLACED_BEFORE.read(request)
        awaited = self._gather.at_least.read(request)
        rows_wanted = limit if problem is None and before is None else SEARCHED_ROWS
        start = None if after is None else f"{after}\0"  # the next one in order
        answer = await self._gather.read(Query(self._table, start=start, limit=rows_wanted), awaited)
        found = [row for row in answer.rows if _has(row[1], problem) and _placed_before(row[1], before)][:limit]
        if len(found) == limit:
            following: str | None = str(found[-1][0])
        else:
            following = str(answer.rows[-1][0]) if len(answer.rows) == rows_wanted else None
        return OrdersPage(items=[shown(*row) for row in found], after=following, **standing(answer))


def _has(order: Order, problem: str | None) -> bool:
    if problem is None:
        return True
    found = troubles(order)
    return bool(found) if problem == "any" else problem in found


def _placed_before(order: Order, moment: datetime | None) -> bool:
    return moment is None or (order.placements > 0 and order.placed_at < moment)


def resource(gather: Gather) -> Orders:
    """The order resource."""
    return Orders(gather, ORDERS, shown, OrderAnswer, ORDER_ID, "order")
