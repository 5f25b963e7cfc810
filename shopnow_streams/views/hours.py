"""`/api/revenue` and `/api/funnel`: the shop by hour or day of event time (UTC)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import groupby
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.folds.hours import HOURS, ShopHour, hour_key, merge
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import Parameter, choice, whole
from shopnow_streams.views.standing import Count, Standing, standing
from tables.reads import Query

MAX_HOURS = 24 * 100
_FIRST = "0000"

_DATE = (
    r"[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29"
)
"""A day that there is, of the years from 1000 to 2999."""

_CLOCK = r"(?:[01][0-9]|2[0-3])"
_TIME = rf"{_CLOCK}(?::[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?)?(?:Z|[+-]{_CLOCK}:[0-5][0-9])?"

Day = Annotated[str, Meta(description="A day, UTC.", examples=["2025-11-28"], pattern=r"^\d{4}-\d{2}-\d{2}$")]
Hour = Annotated[
    str,
    Meta(description="The hour's beginning, UTC.", examples=["2025-11-28T10"], pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}$"),
]

FROM = Parameter(
    "from",
    Annotated[str, Meta(pattern=rf"^(?:{_DATE})(?:T{_TIME})?$")],
    None,
    "a day or hour such as 2025-11-28T10",
    "Nothing before this day or hour. A moment without an offset is UTC.",
    "2025-11-28T10",
)
BY = choice("by", ("hour", "day"), "By hour, or by day (UTC).")
LIMIT = whole("limit", 1, MAX_HOURS, MAX_HOURS, "The newest so many hours, or the days that they make.", "24")


class Revenue(Struct, frozen=True, kw_only=True):
    """What was ordered and what was paid."""

    orders: Count
    placed_cents: Annotated[Count, Meta(description="Amounts of the orders placed, in centimes.")]
    payments: Count
    paid_cents: Annotated[Count, Meta(description="Amounts of the payments, in centimes.")]


class RevenueHour(Revenue, frozen=True, kw_only=True):
    """An hour's."""

    hour: Hour


class RevenueDay(Revenue, frozen=True, kw_only=True):
    """A day's."""

    day: Day


Rate = Annotated[float, Meta(ge=0)]


class Funnel(Struct, frozen=True, kw_only=True):
    """Counts of each stage, and what part of the stage before it is; null where there was none before."""

    views: Count
    adds: Count
    orders: Count
    payments: Count
    adds_per_view: Rate | None
    orders_per_add: Rate | None
    payments_per_order: Rate | None


class FunnelHour(Funnel, frozen=True, kw_only=True):
    """An hour's."""

    hour: Hour


class FunnelDay(Funnel, frozen=True, kw_only=True):
    """A day's."""

    day: Day


Item = TypeVar("Item")
Total = TypeVar("Total")


class Span(Standing, Generic[Item, Total], frozen=True, kw_only=True):
    """Hours or days, in order, and their total."""

    items: list[Item]
    total: Total
    truncated: Annotated[bool, Meta(description="Whether `limit` left older hours out, of the total too.")]


class RevenueByHour(Span[RevenueHour, Revenue], frozen=True, kw_only=True):
    """Revenue by hour."""


class RevenueByDay(Span[RevenueDay, Revenue], frozen=True, kw_only=True):
    """Revenue by day."""


class FunnelByHour(Span[FunnelHour, Funnel], frozen=True, kw_only=True):
    """The funnel by hour."""


class FunnelByDay(Span[FunnelDay, Funnel], frozen=True, kw_only=True):
    """The funnel by day."""


def revenue(hour: ShopHour) -> Revenue:
    """What was ordered and what was paid."""
    return Revenue(
        orders=hour.orders, placed_cents=hour.placed_cents, payments=hour.payments, paid_cents=hour.paid_cents
    )


def funnel(hour: ShopHour) -> Funnel:
    """Counts of each stage, and what part of the stage before it is."""
    return Funnel(
        views=hour.views,
        adds=hour.adds,
        orders=hour.orders,
        payments=hour.payments,
        adds_per_view=_rate(hour.adds, hour.views),
        orders_per_add=_rate(hour.orders, hour.adds),
        payments_per_order=_rate(hour.payments, hour.orders),
    )


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


@dataclass(frozen=True)
class Measure:
    """What is shown of an hour or day, and the types of an item and of the whole answer by `by`."""

    show: Callable[[ShopHour], Struct]
    items: dict[str, type[Struct]]
    answers: dict[str, type[Span[Any, Any]]]


REVENUE = Measure(revenue, {"hour": RevenueHour, "day": RevenueDay}, {"hour": RevenueByHour, "day": RevenueByDay})
FUNNEL = Measure(funnel, {"hour": FunnelHour, "day": FunnelDay}, {"hour": FunnelByHour, "day": FunnelByDay})


class Hours:
    """A resource over the hours."""

    def __init__(self, gather: Gather, measure: Measure) -> None:
        self._gather = gather
        self._measure = measure

    async def listed(self, request: web.Request) -> Struct:
        """The newest `limit` hours (or the days they make, `by=day`), not before `from`; and their total."""
        only(request, "from", "by", "limit", *WAITING)
        by, limit, moment = BY.read(request), LIMIT.read(request), FROM.read(request)
        start = _FIRST if moment is None else _hour(moment)
        answer = await self._gather.read(Query(HOURS.name), self._gather.at_least.read(request))
        since = [row for row in answer.rows if str(row[0]) >= start]
        rows = since[-limit:]
        if by == "day":
            days = groupby(rows, key=lambda row: str(row[0])[:10])
            merged = [(day, reduce(merge, (hour for _, hour in hours))) for day, hours in days]
        else:
            merged = [(str(hour), state) for hour, state in rows]
        measure = self._measure
        item, show = measure.items[by], measure.show
        return measure.answers[by](
            items=[item(**{by: name}, **msgspec.structs.asdict(show(state))) for name, state in merged],
            total=show(reduce(merge, (state for _, state in merged), ShopHour())),
            truncated=len(rows) < len(since),
            **standing(answer),
        )


def _hour(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return hour_key(moment.astimezone(UTC) if moment.tzinfo else moment)
