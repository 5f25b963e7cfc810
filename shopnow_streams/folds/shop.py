"""The shop in windows: how much happened in each minute, hour and day, and to how many different customers.

`hours` counts every event for ever, late ones too; here are the shorter windows and the customers of each stage.
"""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from shopnow_streams.events import ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed, cents
from shopnow_streams.folds.activity import WINDOWS
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.folds.distinct import Distinct, either, with_more
from shopnow_streams.folds.windows import MINUTE, by_window
from shopnow_streams.topics import Topic


class ShopWindow(msgspec.Struct, gc=False, omit_defaults=True):
    """One window. Customers by stage: who viewed (where they were known), put in a cart, ordered, paid."""

    views: int = 0
    adds: int = 0
    orders: int = 0
    units: int = 0
    placed_cents: int = 0
    payments: int = 0
    paid_cents: int = 0
    viewers: Distinct | None = None
    adders: Distinct | None = None
    buyers: Distinct | None = None
    payers: Distinct | None = None


def viewed(window: ShopWindow, events: Sequence[ProductViewed]) -> None:
    """First stage of the funnel."""
    window.views += len(events)
    window.viewers = with_more(window.viewers, [event.user_id for event in events if event.user_id is not None])


def added(window: ShopWindow, events: Sequence[ItemAddedToCart]) -> None:
    """Second stage."""
    window.adds += len(events)
    window.adders = with_more(window.adders, [event.user_id for event in events])


def placed(window: ShopWindow, events: Sequence[OrderPlaced]) -> None:
    """Third stage, revenue as ordered, and the units of the baskets."""
    window.orders += len(events)
    for event in events:
        window.placed_cents += cents(event.montant_total)
        for line in event.articles:
            window.units += line.quantite
    window.buyers = with_more(window.buyers, [event.user_id for event in events])


def paid(window: ShopWindow, events: Sequence[PaymentAccepted]) -> None:
    """Last stage, and revenue as paid."""
    window.payments += len(events)
    window.paid_cents += sum([cents(event.montant) for event in events])
    window.payers = with_more(window.payers, [event.user_id for event in events])


def merge(one: ShopWindow, other: ShopWindow) -> ShopWindow:
    """Counts add up; a customer of both is one."""
    return ShopWindow(
        one.views + other.views,
        one.adds + other.adds,
        one.orders + other.orders,
        one.units + other.units,
        one.placed_cents + other.placed_cents,
        one.payments + other.payments,
        one.paid_cents + other.paid_cents,
        either(one.viewers, other.viewers),
        either(one.adders, other.adders),
        either(one.buyers, other.buyers),
        either(one.payers, other.payers),
    )


_of_the_shop = by_window(MINUTE, attrgetter("timestamp"))

SHOP = Definition(
    name="shop",
    help="the shop by minute, hour and day: funnel, revenue, and how many customers at each stage",
    key_type=str,
    state=ShopWindow,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, _of_the_shop, viewed),
        Flow(Topic.ITEM_ADDED, _of_the_shop, added),
        Flow(Topic.ORDER_PLACED, _of_the_shop, placed),
        Flow(Topic.PAYMENT_ACCEPTED, _of_the_shop, paid),
    ),
    windows=WINDOWS,
)
