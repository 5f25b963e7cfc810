"""What an hour, a day or a minute of the shop is shown as: its revenue, and its funnel."""

from typing import Annotated

from msgspec import Meta, Struct

from shopnow_streams.folds.hours import ShopHour
from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.views.standing import Count
from shopnow_streams.views.windows import Rate, rate

Counts = ShopHour | ShopWindow
"""Of an hour, late events and all; or of a window, without them."""


class Revenue(Struct, frozen=True, kw_only=True):
    """What was ordered and what was paid."""

    orders: Count
    placed_cents: Annotated[Count, Meta(description="Amounts of the orders placed, in centimes.")]
    payments: Count
    paid_cents: Annotated[Count, Meta(description="Amounts of the payments, in centimes.")]


class Funnel(Struct, frozen=True, kw_only=True):
    """Counts of each stage, and what part of the stage before it is; null where there was none before."""

    views: Count
    adds: Count
    orders: Count
    payments: Count
    adds_per_view: Rate | None
    orders_per_add: Rate | None
    payments_per_order: Rate | None


def revenue(counts: Counts) -> Revenue:
    """What was ordered and what was paid."""
    return Revenue(
        orders=counts.orders, placed_cents=counts.placed_cents, payments=counts.payments, paid_cents=counts.paid_cents
    )


def funnel(counts: Counts) -> Funnel:
    """Counts of each stage, and what part of the stage before it is."""
    return Funnel(
        views=counts.views,
        adds=counts.adds,
        orders=counts.orders,
        payments=counts.payments,
        adds_per_view=rate(counts.adds, counts.views),
        orders_per_add=rate(counts.orders, counts.adds),
        payments_per_order=rate(counts.payments, counts.orders),
    )
