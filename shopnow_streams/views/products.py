"""`/api/products`: what each product does, by id or ranked; `/api/products/{id}`."""

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from shopnow_streams.events import ProductId
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.products import PRODUCTS, ProductActivity
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import Listing
from shopnow_streams.views.standing import Count, Page, with_standing

RANKINGS = ("views", "adds", "units_added", "units_sold", "revenue_cents")


class Product(Struct, frozen=True, kw_only=True):
    """What one product does."""

    id_produit: Annotated[ProductId, Meta(examples=[1597])]
    name: Annotated[str, Meta(description="The newest name; null until an event has named it.")] | None
    views: Annotated[Count, Meta(description="Looks at its page.")]
    adds: Annotated[Count, Meta(description="How often it was put in a cart.")]
    units_added: Annotated[Count, Meta(description="Units put in carts.")]
    order_lines: Annotated[Count, Meta(description="Lines of orders that it stood on.")]
    units_sold: Annotated[Count, Meta(description="Units on these lines.")]
    revenue_cents: Annotated[Count, Meta(description="Units times price of these lines, in centimes.")]


class ProductPage(Page[Product], frozen=True, kw_only=True):
    """Products in order of id, or ranked."""


ProductAnswer = with_standing(Product, "ProductAnswer")


def shown(key: Key, product: ProductActivity) -> Product:
    """A product as the API shows it."""
    return Product(
        id_produit=int(key),
        name=product.name or None,
        views=product.views,
        adds=product.adds,
        units_added=product.units_added,
        order_lines=product.order_lines,
        units_sold=product.units_sold,
        revenue_cents=product.revenue_cents,
    )


def resource(gather: Gather) -> Listing[ProductActivity]:
    """The product resource; a ranking has the highest number first."""
    rankings = {name: _highest(name) for name in RANKINGS}
    return Listing(gather, PRODUCTS, shown, (ProductAnswer, ProductPage), "product", rankings)


def _highest(name: str) -> Callable[[ProductActivity], int]:
    number = attrgetter(name)
    return lambda product: -number(product)
