"""What `/api/stream` sends: rows of four tables, alerts, and what it says of itself.

Rows are as their resources show them, without what is reckoned out of other tables for an answer (what may be left of
a product, different customers): that goes on changing without the row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from shopnow_streams.alerts.transition import Transition
from shopnow_streams.folds.definition import Definition, Key
from shopnow_streams.folds.hours import HOURS, ShopHour
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.folds.stock import STOCK
from shopnow_streams.views import orders, products, stock
from shopnow_streams.views.hours import funnel, revenue
from shopnow_streams.views.orders import ShownOrder
from shopnow_streams.views.products import Product
from shopnow_streams.views.standing import Count, Standing
from shopnow_streams.views.stock import Level
from shopnow_streams.views.windows import Hour, Rate


class ShownHour(Struct, frozen=True, kw_only=True):
    """One hour: what `/api/revenue` and `/api/funnel` say of it."""

    hour: Hour
    placed_cents: Annotated[Count, Meta(description="Amounts of the orders placed, in centimes.")]
    paid_cents: Annotated[Count, Meta(description="Amounts of the payments, in centimes.")]
    views: Count
    adds: Count
    orders: Count
    payments: Count
    adds_per_view: Rate | None
    orders_per_add: Rate | None
    payments_per_order: Rate | None


class ProductChanges(Standing, frozen=True, kw_only=True):
    """Products that changed, as they are now."""

    items: list[Product]


class StockChanges(Standing, frozen=True, kw_only=True):
    """Stock levels that changed, as they are now."""

    items: list[Level]


class OrderChanges(Standing, frozen=True, kw_only=True):
    """Orders that changed, as they are now."""

    items: list[ShownOrder]


class HourChanges(Standing, frozen=True, kw_only=True):
    """Hours that changed, as they are now."""

    items: list[ShownHour]


class AlertChanges(Struct, frozen=True, kw_only=True):
    """Alerts: all that are open where `whole`, as the first event of a stream that asks for them; else what happened
    since, in order. These events have no id: whoever comes back gets all that are open."""

    items: list[Transition]
    whole: bool


ResetReason = Literal["new", "unknown", "too-old", "incomplete"]
DropReason = Literal["slow", "stopping"]


class Reset(Standing, frozen=True, kw_only=True):
    """The stream begins at these offsets: read the resources, again until they are complete and as far. What changes
    from here on follows."""

    reason: Annotated[
        ResetReason,
        Meta(
            description="new: there was no Last-Event-ID; unknown: it is none of this application's; too-old: what "
            "changed since is not known any more, or was too much to be sent; incomplete: some partition does not "
            "answer just now, so that what changed in it can't be told."
        ),
    ]


class Position(Standing, frozen=True, kw_only=True):
    """No row that was asked for changed up to here, or another number of partitions answers now."""


class Dropped(Struct, frozen=True, kw_only=True):
    """The worker ends this stream. To come back with the last id is all that it takes."""

    reason: Annotated[
        DropReason, Meta(description="slow: what it left unread became too much; stopping: the worker stops.")
    ]


@dataclass(frozen=True)
class Pushed:
    """A table that is pushed: how a row of it is shown, and the type of an event of its rows."""

    definition: Definition[Any]
    show: Callable[[Key, Any], Struct]
    event: type[Standing]


def shown_hour(key: Key, hour: ShopHour) -> ShownHour:
    """An hour as both of its resources show it."""
    both = msgspec.structs.asdict(revenue(hour)) | msgspec.structs.asdict(funnel(hour))
    return ShownHour(hour=str(key), **both)


PUSHED = {
    "products": Pushed(PRODUCTS, products.shown, ProductChanges),
    "stock": Pushed(STOCK, stock.shown, StockChanges),
    "orders": Pushed(ORDERS, orders.shown, OrderChanges),
    "hours": Pushed(HOURS, shown_hour, HourChanges),
}
"""By the name of the event."""

ALERTS = "alerts"
"""The name of the events that tell of alerts, for who asks for them beside tables."""

EVENTS: dict[str, type[Struct]] = {
    **{name: pushed.event for name, pushed in PUSHED.items()},
    ALERTS: AlertChanges,
    "position": Position,
    "reset": Reset,
    "dropped": Dropped,
}
"""The type of each event's data."""
