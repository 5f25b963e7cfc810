"""How fast each stage of the shop goes just now, and went before: by the minutes of `shop`. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.folds.windows import MINUTE, Length

STAGES = ("views", "adds", "orders", "payments")


class Pace(NamedTuple):
    """Events a minute of one stage: over the last whole minutes, and over as many before these."""

    now: float
    before: float


def paces(rows: Iterable[tuple[Key, ShopWindow]], clock: datetime, lasts: timedelta) -> dict[str, Pace]:
    """Of each stage, over the whole minutes that are over by `clock`: the last `lasts` of them, of at most an hour.

    The minute that is now is in neither. `rows` are of `shop`, of any partitions; longer windows are passed over.
    """
    ends = MINUTE.start(clock)
    minutes = lasts / MINUTE.lasts
    now, before = dict.fromkeys(STAGES, 0), dict.fromkeys(STAGES, 0)
    for key, window in rows:
        begins = Length.begin(str(key))
        if str(key).startswith(MINUTE.mark) and ends - 2 * lasts <= begins < ends:
            into = now if begins >= ends - lasts else before
            for stage in STAGES:
                into[stage] += getattr(window, stage)
    return {stage: Pace(now[stage] / minutes, before[stage] / minutes) for stage in STAGES}
