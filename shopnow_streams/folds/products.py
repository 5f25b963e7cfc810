"""Product activity: how often a product was viewed, put in a cart and sold, and for how much."""

from datetime import datetime
from operator import attrgetter

import msgspec

from shopnow_streams.events import ItemAddedToCart, OrderLine, ProductViewed, cents
from shopnow_streams.folds.definition import NEVER, Definition, Flow
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


def viewed(product: ProductActivity, event: ProductViewed) -> ProductActivity:
    """A look at the product page."""
    product.views += 1
    at = event.timestamp
    if at >= product.named_at and (at > product.named_at or event.nom_produit > product.name):
        product.name, product.named_at = event.nom_produit, at
    return product


def added(product: ProductActivity, event: ItemAddedToCart) -> ProductActivity:
    """One more cart with the product in it."""
    product.adds += 1
    product.units_added += event.quantite
    at = event.timestamp
    if at >= product.named_at and (at > product.named_at or event.nom_produit > product.name):
        product.name, product.named_at = event.nom_produit, at
    return product


def sold(product: ProductActivity, line: OrderLine) -> ProductActivity:
    """One line of a placed order: its units at the price on that line."""
    product.order_lines += 1
    product.units_sold += line.quantite
    product.revenue_cents += line.quantite * cents(line.prix)
    return product


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


_by_product = attrgetter("id_produit")

PRODUCTS = Definition(
    name="products",
    key_type=int,
    state=ProductActivity,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, key=_by_product, fold=viewed),
        Flow(Topic.ITEM_ADDED, key=_by_product, fold=added),
        Flow(Topic.ORDER_PLACED, key=_by_product, fold=sold, parts=attrgetter("articles")),
    ),
)
