"""How much there is left of what was counted, and for how long: by what was sold since, and of late. Pure.

What was sold is known by windows: those that began before the count are left out, since nobody knows what of them came
after it. So an estimate is a little high, by what was sold in the rest of the window that the count lies in.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from shopnow_streams.folds.activity import WINDOWS, Activity
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.windows import Length, window_of
from shopnow_streams.views.totals import SPANS

_HOUR = timedelta(hours=1)
LATELY = (SPANS["1h"], SPANS["24h"])
"""A rate is that of the first one in which anything was sold."""


class Estimate(NamedTuple):
    """Of one product. What can't be known is None."""

    sold_from: datetime | None
    units_sold_since: int | None
    units: int | None
    units_per_hour: float
    hours_until_out: float | None


def first_window(counted_at: datetime, clock: datetime) -> str | None:
    """The first window, of the shortest that are kept, that began no sooner than the count: `2025-11-28T10`.

    None where the count is older than any that is kept. A count that is ahead of event time is one of now.
    """
    counted_at = min(counted_at, clock)
    for level in WINDOWS.levels:
        oldest = level.oldest(clock)
        if counted_at >= oldest - level.length.lasts:
            begins = level.length.start(counted_at)
            begins = begins if begins == counted_at else begins + level.length.lasts
            if begins >= oldest:
                return window_of(level.length.key(begins))
    return None


def late(clock: datetime) -> tuple[str, ...]:
    """The names of the first windows of `LATELY`."""
    return tuple(window_of(last.level.length.key(last.begins(clock))) for last in LATELY)


def sold(rows: Iterable[tuple[Key, Activity]], first: str | None, clock: datetime) -> list[int]:
    """Units in the windows from `first` on, and in those of each of `LATELY`. Rows of one product, of any length."""
    firsts = (first or "~", *late(clock))
    units = [0] * len(firsts)
    for key, activity in rows:
        window = window_of(str(key))
        for place, begins in enumerate(firsts):
            if window >= begins:
                units[place] += activity.units_sold
    return units


def estimate(counted: int, first: str | None, units: list[int], clock: datetime) -> Estimate:
    """Of a count of so many, and the units that were `sold`."""
    rate = units_per_hour(units[1:], clock)
    if first is None:
        return Estimate(None, None, None, rate, None)
    left = max(0, counted - units[0])
    return Estimate(Length.begin("-" + first), units[0], left, rate, hours_until_out(left, rate))


def units_per_hour(units: list[int], clock: datetime) -> float:
    """By the units of each of `LATELY`."""
    for of_span, last in zip(units, LATELY, strict=True):
        if of_span:
            return of_span * _HOUR / (clock - last.begins(clock))
    return 0.0


def hours_until_out(units: int, per_hour: float) -> float | None:
    """How long so many units last; None where nothing sells."""
    return units / per_hour if per_hour else None
