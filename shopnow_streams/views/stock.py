"""`/api/stock`: the newest count of each product and what may be left of it, by id or ranked; `/api/stock/{id}`."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import Instant, ProductId
from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.stock import STOCK, StockLevel
from shopnow_streams.folds.windows import subject_of
from shopnow_streams.views.awaited import NOTHING, Awaited
from shopnow_streams.views.estimate import LATELY, Estimate, estimate, first_window, sold
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.listing import Listing
from shopnow_streams.views.sales import Sales
from shopnow_streams.views.standing import Count, Timed, timed, with_standing
from tables.answer import Answer
from tables.reads import Query

SOONEST = "hours_until_out"
RANKINGS = ("units", SOONEST)


class Level(Struct, frozen=True, kw_only=True):
    """What there is of one product."""

    id_produit: Annotated[ProductId, Meta(examples=[1597])]
    units: Annotated[Count, Meta(description="Units on hand at the newest count.")]
    counted_at: Annotated[Instant, Meta(description="When that was.")]
    counts: Annotated[int, Meta(ge=1, description="How many counts there were.")]


class Stock(Level, frozen=True, kw_only=True):
    """What there was of one product when it was counted, and what may be left."""

    sold_from: (
        Annotated[
            Instant,
            Meta(
                description="From when on units are taken off: the first whole minute after the count; the first whole "
                "hour for a count more than two hours ago, the first whole day for one more than two days ago. Null "
                "for one more than 90 days ago."
            ),
        ]
        | None
    )
    units_sold_since: (
        Annotated[Count, Meta(description="Units ordered from then on, by orders that did not come too late.")] | None
    )
    estimated_units: Annotated[Count, Meta(description="`units` less those; never below 0.")] | None
    units_per_hour: Annotated[
        float,
        Meta(
            ge=0,
            description="Units ordered in the last 60 minutes of event time and the minute that is now, per hour; "
            "where there were none, in the last 24 hours and the one that is now.",
        ),
    ]
    hours_until_out: (
        Annotated[float, Meta(ge=0, description="How long `estimated_units` last at that rate; null if nothing sells.")]
        | None
    )


class StockPage(Timed, frozen=True, kw_only=True):
    """Stock in order of id, the lowest counts first, or what is sold out the soonest first."""

    items: list[Stock]
    after: (
        Annotated[int, Meta(ge=0, description="The `after` that gives the next page; null where there is none.")] | None
    )


StockAnswer = with_standing(Stock, "StockAnswer", Timed)


def shown(key: Key, level: StockLevel) -> Level:
    """A stock level as it is pushed."""
    return Level(id_produit=int(key), units=level.units, counted_at=level.counted_at, counts=level.counts)


def estimated(key: Key, level: StockLevel, found: Estimate) -> Stock:
    """A stock level as the API shows it."""
    until_out = found.hours_until_out
    return Stock(
        **msgspec.structs.asdict(shown(key, level)),
        sold_from=found.sold_from,
        units_sold_since=found.units_sold_since,
        estimated_units=found.units,
        units_per_hour=round(found.units_per_hour, 3),
        hours_until_out=None if until_out is None else round(until_out, 3),
    )


class StockLevels(Listing[StockLevel]):
    """The stock. Counts are read first, then they and what was sold since, as of one moment."""

    def __init__(self, gather: Gather, sales: Sales) -> None:
        rankings = {"units": lambda level: level.units, SOONEST: lambda _: 0}
        super().__init__(gather, STOCK, shown, (StockAnswer, StockPage), "stock count of product", rankings)
        self._sales = sales

    async def one(self, request: web.Request) -> Struct:
        """The count of the path's id. Raises Problem 404 where the partitions that answered have none."""
        found, awaited = await self.asked_for(request)
        answer = await self._with_sales(found, awaited)
        (item,) = stock_of(answer)
        return StockAnswer(**msgspec.structs.asdict(item), **timed(answer))

    async def listed(self, request: web.Request) -> Struct:
        """See `Listing.listed`."""
        asked = self.parameters(request)
        if asked.sort == SOONEST:
            products = (await self._sales.soonest(asked.awaited))[: asked.limit]
            answer = await self._gather.read(Query(self._table, keys=[str(each) for each in products]), asked.awaited)
            found, following = answer, None
        else:
            found, following = await self.page(asked)
        answer = await self._with_sales(found, asked.awaited)
        items = stock_of(answer)
        order = {key: place for place, (key, _) in enumerate(found.rows)}
        by_soonest = asked.sort == SOONEST
        items.sort(key=lambda item: (_soonest(item), item.id_produit) if by_soonest else (order[item.id_produit], 0))
        return StockPage(items=items, after=following, **timed(answer))

    async def _with_sales(self, found: Answer[StockLevel], awaited: Awaited = NOTHING) -> Answer[StockLevel]:
        if not found.rows:
            return found
        recent = min(last.begins(found.clock) for last in LATELY)
        subjects = {str(key): min(level.counted_at, recent) for key, level in found.rows}
        beside = Query(ACTIVITY.name, subjects=subjects)
        return await self._gather.read(Query(self._table, keys=list(subjects), beside=beside), awaited)


def stock_of(answer: Answer[StockLevel]) -> list[Stock]:
    """Each count of an answer, with what was sold since."""
    rows: dict[str, list[Any]] = {}
    for key, activity in answer.beside:
        rows.setdefault(subject_of(str(key)), []).append((key, activity))
    return [_stock(key, level, rows, answer.clock) for key, level in answer.rows]


def _stock(key: Key, level: StockLevel, rows: Mapping[str, Iterable[Any]], clock: datetime) -> Stock:
    first = first_window(level.counted_at, clock)
    return estimated(key, level, estimate(level.units, first, sold(rows.get(str(key), ()), first, clock), clock))


def _soonest(item: Stock) -> float:
    return math.inf if item.hours_until_out is None else item.hours_until_out


def resource(gather: Gather, sales: Sales) -> StockLevels:
    """The stock resource."""
    return StockLevels(gather, sales)
