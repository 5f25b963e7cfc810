"""What `/api/revenue` shows of a minute, hour or day."""

from typing import Annotated

import msgspec
from msgspec import Meta

from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.views import hours
from shopnow_streams.views.hours import Counts, Revenue
from shopnow_streams.views.spans import Measure, Span
from shopnow_streams.views.windows import Day, Hour, Minute

Average = Annotated[float, Meta(ge=0)]


class RevenueAndBaskets(Revenue, frozen=True, kw_only=True):
    """What was ordered and what was paid, and the baskets."""

    average_basket_cents: (
        Annotated[Average, Meta(description="`placed_cents` of an order; null where there was none.")] | None
    )
    items_per_basket: (
        Annotated[
            Average,
            Meta(
                description="Units of an order, of those that did not come too late: other orders than those of "
                "`orders`, which has them all. Null where there was none, of an hour more than two days ago, of a day "
                "more than 90 days ago, of a first day that is not whole, and of a total with one of these."
            ),
        ]
        | None
    )


class RevenueMinute(RevenueAndBaskets, frozen=True, kw_only=True):
    """A minute's, without events that came too late."""

    minute: Minute


class RevenueHour(RevenueAndBaskets, frozen=True, kw_only=True):
    """An hour's."""

    hour: Hour


class RevenueDay(RevenueAndBaskets, frozen=True, kw_only=True):
    """A day's."""

    day: Day


class RevenueByMinute(Span[RevenueMinute, RevenueAndBaskets], frozen=True, kw_only=True):
    """Revenue of the last two hours by minute, without events that came too late."""


class RevenueByHour(Span[RevenueHour, RevenueAndBaskets], frozen=True, kw_only=True):
    """Revenue by hour."""


class RevenueByDay(Span[RevenueDay, RevenueAndBaskets], frozen=True, kw_only=True):
    """Revenue by day."""


def revenue(counts: Counts, window: ShopWindow | None) -> RevenueAndBaskets:
    """As the API shows it: amounts of `counts`, units of `window`."""
    return RevenueAndBaskets(
        **msgspec.structs.asdict(hours.revenue(counts)),
        average_basket_cents=_average(counts.placed_cents, counts.orders),
        items_per_basket=None if window is None else _average(window.units, window.orders),
    )


def _average(sum_of_all: int, number: int) -> float | None:
    return round(sum_of_all / number, 2) if number else None


REVENUE = Measure(
    revenue,
    {"minute": RevenueMinute, "hour": RevenueHour, "day": RevenueDay},
    {"minute": RevenueByMinute, "hour": RevenueByHour, "day": RevenueByDay},
)
