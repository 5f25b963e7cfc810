"""`/api/trending`: what sells, is looked at or converts most in the last minutes or hours, and how that rises."""

from datetime import timedelta
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import Instant, ProductId
from shopnow_streams.folds.activity import Numbers
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import choice, whole
from shopnow_streams.views.standing import Count, Timed, timed
from shopnow_streams.views.totals import SPANS, Last, Totals
from shopnow_streams.views.windows import rate
from tables.reads import Query

ENOUGH_VIEWS = 10
"""Fewer say nothing about what part of them ends in an order."""

BY = choice(
    "by",
    ("views", "units_sold", "revenue_cents", "conversion"),
    f"What they are ranked by. `conversion` is `orders` of `views`, of products with {ENOUGH_VIEWS} views or more.",
)
LAST = choice(
    "last", ("5min", "1h", "24h"), "The span: so long before the minute (for 24h: the hour) that is now, and that too."
)
LIMIT = whole("limit", 1, 500, 10, "At most so many products.", "5")

Value = Annotated[float, Meta(ge=0)]


class Trend(Struct, frozen=True, kw_only=True):
    """One product over the span."""

    id_produit: Annotated[ProductId, Meta(examples=[1597])]
    name: Annotated[str, Meta(description="The newest name; null until an event has named it.")] | None
    value: Annotated[Value, Meta(description="What it is ranked by.")]
    before: (
        Annotated[
            Value,
            Meta(
                description="The same in the span of that length before it; null for a conversion of fewer than "
                f"{ENOUGH_VIEWS} views."
            ),
        ]
        | None
    )
    rise: (
        Annotated[
            float,
            Meta(
                ge=-1,
                description="How much more it is than before, per minute of each span (a conversion as it is): 0.5 is "
                "half as much again. Null where there was none before.",
            ),
        ]
        | None
    )
    views: Count
    adds: Count
    orders: Annotated[Count, Meta(description="Orders that have it.")]
    units_sold: Count
    revenue_cents: Count


class Trending(Timed, frozen=True, kw_only=True):
    """Products by what they did over the last span of event time, the highest first; those with nothing are not in it.

    Events that came too late are in no span. A ranking is made at most once a second, and where that takes long, less
    often: `as_of` and `offsets` say of when it is."""

    since: Annotated[Instant, Meta(description="The beginning of the span; it ends at `as_of`.")] | None
    items: list[Trend]


def value(numbers: Numbers, by: str) -> float | None:
    """What `by` ranks; None where that can't be said."""
    if by == "conversion":
        return rate(numbers.orders, numbers.views) if numbers.views >= ENOUGH_VIEWS else None
    number: int = getattr(numbers, by)
    return number


def rise(now: float, before: float | None, longer: float) -> float | None:
    """How much more `now` is than `before`, of a span `longer` times as long; None where there was none."""
    return round(now / longer / before - 1, 6) if before else None


def ranked(rows: list[tuple[int, list[Numbers]]], by: str, limit: int) -> list[tuple[int, list[Numbers]]]:
    """The first `limit` of those that have any, the highest first, equal ones in order of id."""
    found = [(-(of or 0), product, spans) for product, spans in rows if (of := value(spans[0], by))]
    return [(product, spans) for _, product, spans in sorted(found, key=lambda each: each[:2])[:limit]]


def trend(product: int, spans: list[Numbers], name: str | None, by: str, longer: float) -> Trend:
    """As the API shows it."""
    now, before = spans
    worth, was = value(now, by) or 0, value(before, by)
    return Trend(
        id_produit=product,
        name=name,
        value=worth,
        before=was,
        rise=rise(worth, was, 1 if by == "conversion" else longer),
        views=now.views,
        adds=now.adds,
        orders=now.orders,
        units_sold=now.units_sold,
        revenue_cents=now.revenue_cents,
    )


class TrendingProducts:
    """The rankings over the last span."""

    def __init__(self, gather: Gather, totals: Totals) -> None:
        self._gather = gather
        self._totals = totals

    async def listed(self, request: web.Request) -> Trending:
        """The first `limit`. Their names are those of now, a moment later than `offsets`."""
        only(request, "by", "last", "limit", *WAITING)
        by, last, limit = BY.read(request), SPANS[LAST.read(request)], LIMIT.read(request)
        answer = await self._totals.over(last, self._gather.at_least.read(request))
        found = ranked([(int(key), spans) for key, spans in answer.rows], by, limit)
        named = await self._gather.read(Query(PRODUCTS.name, keys=[str(product) for product, _ in found]))
        names = {int(key): product.name or None for key, product in named.rows}
        longer = _longer(last, last.minutes(answer.clock))
        shown = timed(answer)
        return Trending(
            since=shown["as_of"] and last.begins(shown["as_of"]),
            items=[trend(product, spans, names.get(product), by, longer) for product, spans in found],
            **shown,
        )


def _longer(last: Last, minutes: float) -> float:
    return minutes / (last.lasts / timedelta(minutes=1))
