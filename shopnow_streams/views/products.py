"""`/api/products`: what each product does, by id or ranked; `/api/products/{id}`."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.products import PRODUCTS, ProductActivity
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import Listing

RANKINGS = ("views", "adds", "units_added", "units_sold", "revenue_cents")


def shown(key: Key, product: ProductActivity) -> dict[str, Any]:
    """A product as the API shows it."""
    return {
        "id_produit": key,
        "name": product.name or None,
        "views": product.views,
        "adds": product.adds,
        "units_added": product.units_added,
        "order_lines": product.order_lines,
        "units_sold": product.units_sold,
        "revenue_cents": product.revenue_cents,
    }


def resource(gather: Gather) -> Listing[ProductActivity]:
    """The product resource; a ranking has the highest number first."""
    return Listing(gather, PRODUCTS, shown, "product", {name: _highest(name) for name in RANKINGS})


def _highest(name: str) -> Callable[[ProductActivity], int]:
    number = attrgetter(name)
    return lambda product: -number(product)
