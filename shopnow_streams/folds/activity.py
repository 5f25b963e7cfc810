"""Product activity in windows: what a product did in each minute of the last two hours, each hour, each day.

The rows behind rates, trends and the hours until a product is out of stock. Late events are in none of them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

import msgspec

from shopnow_streams.events import ItemAddedToCart, OrderPlaced, ProductViewed, cents
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.folds.distinct import Distinct, either, with_more
from shopnow_streams.folds.windows import DAY, HOUR, MINUTE, Level, Windows, by_window
from shopnow_streams.topics import Topic

WINDOWS = Windows(
    (Level(MINUTE, timedelta(hours=2)), Level(HOUR, timedelta(days=2)), Level(DAY, timedelta(days=90))),
)


class Activity(msgspec.Struct, gc=False, omit_defaults=True):
    """One product in one window. `visitors` are the customers who viewed it, where they were known."""

    views: int = 0
    visitors: Distinct | None = None
    adds: int = 0
    units_added: int = 0
    orders: int = 0
    units_sold: int = 0
    revenue_cents: int = 0


class Numbers(msgspec.Struct, gc=False):
    """An activity without its visitors: decoded and added up in a fraction of the time."""

    views: int = 0
    adds: int = 0
    units_added: int = 0
    orders: int = 0
    units_sold: int = 0
    revenue_cents: int = 0

    def add(self, more: "Numbers") -> None:
        """Take these in."""
        self.views += more.views
        self.adds += more.adds
        self.units_added += more.units_added
        self.orders += more.orders
        self.units_sold += more.units_sold
        self.revenue_cents += more.revenue_cents


class Sold(NamedTuple):
    """What one order has of one product."""

    timestamp: datetime
    id_produit: int
    units: int
    cents: int


def viewed(activity: Activity, events: Sequence[ProductViewed]) -> None:
    """Looks at the product page."""
    activity.views += len(events)
    activity.visitors = with_more(activity.visitors, [event.user_id for event in events if event.user_id is not None])


def added(activity: Activity, events: Sequence[ItemAddedToCart]) -> None:
    """So many more carts with the product in them."""
    activity.adds += len(events)
    activity.units_added += sum([event.quantite for event in events])


def sold(activity: Activity, parts: Sequence[Sold]) -> None:
    """Orders that have it."""
    activity.orders += len(parts)
    for part in parts:
        activity.units_sold += part.units
        activity.revenue_cents += part.cents


def by_product(order: OrderPlaced) -> Iterable[Sold]:
    """What an order has of each of its products: two lines of one are one order of it."""
    found: dict[int, Sold] = {}
    for line in order.articles:
        units, worth = line.quantite, line.quantite * cents(line.prix)
        before = found.get(line.id_produit)
        if before is not None:
            units, worth = units + before.units, worth + before.cents
        found[line.id_produit] = Sold(order.timestamp, line.id_produit, units, worth)
    return found.values()


def merge(one: Activity, other: Activity) -> Activity:
    """Counts add up; a visitor of both is one."""
    return Activity(
        one.views + other.views,
        either(one.visitors, other.visitors),
        one.adds + other.adds,
        one.units_added + other.units_added,
        one.orders + other.orders,
        one.units_sold + other.units_sold,
        one.revenue_cents + other.revenue_cents,
    )


_by_product = by_window(MINUTE, attrgetter("timestamp"), attrgetter("id_produit"))

ACTIVITY = Definition(
    name="activity",
    help="each product by minute, hour and day: views, visitors, adds, orders, units and revenue",
    key_type=str,
    state=Activity,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, _by_product, viewed),
        Flow(Topic.ITEM_ADDED, _by_product, added),
        Flow(Topic.ORDER_PLACED, _by_product, sold, parts=by_product),
    ),
    windows=WINDOWS,
)
