"""Product activity: how often a product was viewed, put in a cart and sold, and for how much."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from shopnow_streams.events import ItemAddedToCart, OrderLine, ProductViewed, cents
from shopnow_streams.folds.definition import NEVER, Definition, Flow, by
from shopnow_streams.topics import Topic


class ProductActivity(msgspec.Struct, gc=False):
    """One product. `order_lines` counts the order lines it stood on, `units_sold` their units.

    The name is that of the newest event; of names given at the same instant, the last in code point order.
    """

    name: str = ""
    named_at: datetime = NEVER
    views: int = 0
    adds: int = 0
    units_added: int = 0
    order_lines: int = 0
    units_sold: int = 0
    revenue_cents: int = 0


def viewed(product: ProductActivity, events: Sequence[ProductViewed]) -> None:
    """Looks at the product page."""
    product.views += len(events)
    _name(product, events)


def added(product: ProductActivity, events: Sequence[ItemAddedToCart]) -> None:
    """So many more carts with the product in them."""
    product.adds += len(events)
    product.units_added += sum([event.quantite for event in events])
    _name(product, events)


def sold(product: ProductActivity, lines: Sequence[OrderLine]) -> None:
    """Lines of placed orders: their units at the price on each line."""
    product.order_lines += len(lines)
    for line in lines:
        product.units_sold += line.quantite
        product.revenue_cents += line.quantite * cents(line.prix)


def _name(product: ProductActivity, events: Sequence[ProductViewed | ItemAddedToCart]) -> None:
    if not product.name and product.named_at is NEVER:  # NEVER's zone is another: a costly comparison
        product.name, product.named_at = events[0].nom_produit, events[0].timestamp
    name, named_at = product.name, product.named_at
    for event in events:
        at = event.timestamp
        if at >= named_at and (at > named_at or event.nom_produit > name):
            name, named_at = event.nom_produit, at
    product.name, product.named_at = name, named_at


def merge(one: ProductActivity, other: ProductActivity) -> ProductActivity:
    """Counts add up; the newest name stands."""
    named_at, name = max((one.named_at, one.name), (other.named_at, other.name))
    return ProductActivity(
        name=name,
        named_at=named_at,
        views=one.views + other.views,
        adds=one.adds + other.adds,
        units_added=one.units_added + other.units_added,
        order_lines=one.order_lines + other.order_lines,
        units_sold=one.units_sold + other.units_sold,
        revenue_cents=one.revenue_cents + other.revenue_cents,
    )


_by_product = by(attrgetter("id_produit"))

PRODUCTS = Definition(
    name="products",
    help="each product: views, adds, order lines, units and revenue",
    key_type=int,
    state=ProductActivity,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, _by_product, viewed),
        Flow(Topic.ITEM_ADDED, _by_product, added),
        Flow(Topic.ORDER_PLACED, _by_product, sold, parts=attrgetter("articles")),
    ),
)
