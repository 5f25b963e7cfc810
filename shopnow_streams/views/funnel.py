"""What `/api/funnel` shows of a minute, hour or day."""

from typing import Annotated

import msgspec
from msgspec import Meta

from shopnow_streams.folds.distinct import count
from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.views import hours
from shopnow_streams.views.hours import Counts, Funnel
from shopnow_streams.views.spans import Measure, Span
from shopnow_streams.views.standing import Count
from shopnow_streams.views.windows import Day, Hour, Minute

_KEPT = (
    "By the events alone that did not come too late: `views`, `adds` and the like count these too. Exact for a few, "
    "else an estimate with a standard error of 2.3%. Null of an hour more than two days ago, of a day more than 90 "
    "days ago, of a first day that is not whole, and of a total with one of these."
)
DropOff = Annotated[
    float,
    Meta(
        le=1,
        description="What part of the different customers of the stage before is not among those of this one; null "
        "where there was none, or they are not known. Below 0 where there are more than before.",
    ),
]


class FunnelAndCustomers(Funnel, frozen=True, kw_only=True):
    """Counts of each stage, and different customers of each; a total has each customer once."""

    viewers: (
        Annotated[Count, Meta(description=f"Different customers who viewed, where it is known who. {_KEPT}")] | None
    )
    adders: Annotated[Count, Meta(description=f"Different customers who put something in a cart. {_KEPT}")] | None
    buyers: Annotated[Count, Meta(description=f"Different customers who ordered. {_KEPT}")] | None
    payers: Annotated[Count, Meta(description=f"Different customers who paid. {_KEPT}")] | None
    lost_before_cart: DropOff | None
    lost_before_order: DropOff | None
    lost_before_payment: DropOff | None


class FunnelMinute(FunnelAndCustomers, frozen=True, kw_only=True):
    """A minute's, without events that came too late."""

    minute: Minute


class FunnelHour(FunnelAndCustomers, frozen=True, kw_only=True):
    """An hour's."""

    hour: Hour


class FunnelDay(FunnelAndCustomers, frozen=True, kw_only=True):
    """A day's."""

    day: Day


class FunnelByMinute(Span[FunnelMinute, FunnelAndCustomers], frozen=True, kw_only=True):
    """The funnel of the last two hours by minute, without events that came too late."""


class FunnelByHour(Span[FunnelHour, FunnelAndCustomers], frozen=True, kw_only=True):
    """The funnel by hour."""


class FunnelByDay(Span[FunnelDay, FunnelAndCustomers], frozen=True, kw_only=True):
    """The funnel by day."""


def funnel(counts: Counts, window: ShopWindow | None) -> FunnelAndCustomers:
    """As the API shows it: events of `counts`, customers of `window`."""
    viewers = adders = buyers = payers = None
    if window is not None:
        viewers, adders = count(window.viewers), count(window.adders)
        buyers, payers = count(window.buyers), count(window.payers)
    return FunnelAndCustomers(
        **msgspec.structs.asdict(hours.funnel(counts)),
        viewers=viewers,
        adders=adders,
        buyers=buyers,
        payers=payers,
        lost_before_cart=drop_off(viewers, adders),
        lost_before_order=drop_off(adders, buyers),
        lost_before_payment=drop_off(buyers, payers),
    )


def drop_off(before: int | None, after: int | None) -> float | None:
    """What part of `before` is lost; None where there is none."""
    return round(1 - after / before, 6) if before and after is not None else None


FUNNEL = Measure(
    funnel,
    {"minute": FunnelMinute, "hour": FunnelHour, "day": FunnelDay},
    {"minute": FunnelByMinute, "hour": FunnelByHour, "day": FunnelByDay},
)
