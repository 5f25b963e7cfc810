"""From what happened in each minute to rates: the last minutes, beside the hour before them."""

from collections.abc import Mapping

from shopnow_streams.alerts.facts import Rate

STAGES = ("views", "adds", "orders", "payments")

NOW_MIN = 5
BEFORE_MIN = 60
LEAST_BEFORE_MIN = 15
"""A shop that opened less long ago has no rate that another could be compared with."""

GRACE_S = 60.0
"""A minute is counted that long after it ended: until then some of its events are on their way to Kafka."""


def last_minute(as_of_s: float) -> int:
    """The minute, counted from 1970 on, before which minutes are counted as of that moment."""
    return int((as_of_s - GRACE_S) // 60)


def rates(minutes: Mapping[int, Mapping[str, int]], end: int) -> dict[str, Rate]:
    """By stage, in events a minute. `minutes` has the counts of each stage by minute, where there were any; those
    before `end` count. Nothing where there are too few minutes since the first one."""
    begin = end - NOW_MIN
    first = max(min(minutes, default=end), begin - BEFORE_MIN)
    span = begin - first
    if span < LEAST_BEFORE_MIN:
        return {}
    now, before = range(begin, end), range(first, begin)
    return {stage: Rate(_sum(minutes, now, stage) / NOW_MIN, _sum(minutes, before, stage) / span) for stage in STAGES}


def _sum(minutes: Mapping[int, Mapping[str, int]], of: range, stage: str) -> int:
    return sum(minutes[minute].get(stage, 0) for minute in of if minute in minutes)
