"""`/api/products/{id}/windows`: what a product did in each minute, hour or day of event time (UTC)."""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import ProductId
from shopnow_streams.folds.activity import ACTIVITY, Activity, merge
from shopnow_streams.folds.distinct import count
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.folds.windows import EPOCH
from shopnow_streams.views import products
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import PRODUCT_ID
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import choice, whole
from shopnow_streams.views.row import Row
from shopnow_streams.views.standing import Count, Timed, timed
from shopnow_streams.views.windows import LEVELS, MOST, Day, Hour, Minute, Rate, filled, merged, rate
from tables.reads import Query

BY = choice(
    "by", ("minute", "hour", "day"), "By minute (kept for two hours), by hour (two days) or by day (90 days); UTC."
)
LIMIT = whole("limit", 1, max(MOST.values()), max(MOST.values()), "The newest so many windows.", "60")


class ProductWindow(Struct, frozen=True, kw_only=True):
    """What a product did in a window. Rates are null where there is nothing to be a part of."""

    views: Annotated[Count, Meta(description="Looks at its page.")]
    visitors: Annotated[
        Count,
        Meta(
            description="Different customers who did, where the view says who: exact for a few, else an estimate with "
            "a standard error of 2.3%."
        ),
    ]
    adds: Annotated[Count, Meta(description="How often it was put in a cart.")]
    units_added: Annotated[Count, Meta(description="Units put in carts.")]
    orders: Annotated[Count, Meta(description="Orders that have it, on however many lines.")]
    units_sold: Annotated[Count, Meta(description="Units on these orders.")]
    revenue_cents: Annotated[Count, Meta(description="Units times price of their lines, in centimes.")]
    cart_per_view: Annotated[Rate, Meta(description="`adds` of `views`.")] | None
    order_per_cart: Annotated[Rate, Meta(description="`orders` of `adds`.")] | None
    order_per_view: Annotated[Rate, Meta(description="`orders` of `views`.")] | None


class ProductMinute(ProductWindow, frozen=True, kw_only=True):
    """A minute's."""

    minute: Minute


class ProductHour(ProductWindow, frozen=True, kw_only=True):
    """An hour's."""

    hour: Hour


class ProductDay(ProductWindow, frozen=True, kw_only=True):
    """A day's."""

    day: Day


class _Windows(Timed, frozen=True, kw_only=True):
    id_produit: ProductId
    truncated: Annotated[bool, Meta(description="Whether `limit` left older windows out.")]


_DESCRIPTION = (
    "In order of time, the newest last: from the first window that is kept in which anything happened, without a gap. "
    "One in which nothing happened is zero. Events that came too late are in none."
)


class ProductByMinute(_Windows, frozen=True, kw_only=True):
    """A product minute by minute."""

    items: Annotated[list[ProductMinute], Meta(description=_DESCRIPTION)]


class ProductByHour(_Windows, frozen=True, kw_only=True):
    """A product hour by hour."""

    items: Annotated[list[ProductHour], Meta(description=_DESCRIPTION)]


class ProductByDay(_Windows, frozen=True, kw_only=True):
    """A product day by day."""

    items: Annotated[list[ProductDay], Meta(description=_DESCRIPTION)]


ITEMS: dict[str, type[Struct]] = {"minute": ProductMinute, "hour": ProductHour, "day": ProductDay}
ANSWERS: dict[str, type[Struct]] = {"minute": ProductByMinute, "hour": ProductByHour, "day": ProductByDay}


def shown(activity: Activity) -> ProductWindow:
    """A window as the API shows it, whichever it is."""
    return ProductWindow(
        views=activity.views,
        visitors=count(activity.visitors),
        adds=activity.adds,
        units_added=activity.units_added,
        orders=activity.orders,
        units_sold=activity.units_sold,
        revenue_cents=activity.revenue_cents,
        cart_per_view=rate(activity.adds, activity.views),
        order_per_cart=rate(activity.orders, activity.adds),
        order_per_view=rate(activity.orders, activity.views),
    )


class ProductActivityWindows:
    """The windows of one product."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._product = Row(gather, PRODUCTS, products.shown, products.ProductAnswer, PRODUCT_ID, "product")

    async def listed(self, request: web.Request) -> Struct:
        """The newest `limit` windows. Raises Problem 404 for a product of which the partitions know nothing."""
        only(request, "by", "limit", *WAITING)
        by, limit = BY.read(request), LIMIT.read(request)
        awaited = self._gather.at_least.read(request)
        product = self._product.key(request)
        answer = await self._gather.read(Query(ACTIVITY.name, subjects={product: EPOCH}), awaited)
        if not answer.rows:
            await self._product.found(product)
        level = LEVELS[by]
        windows = filled(merged(answer.rows, level, answer.clock, merge), level, answer.clock, Activity)
        newest = list(windows.items())[-limit:]
        return ANSWERS[by](
            id_produit=int(product),
            items=[ITEMS[by](**{by: name}, **msgspec.structs.asdict(shown(state))) for name, state in newest],
            truncated=len(newest) < len(windows),
            **timed(answer),
        )
