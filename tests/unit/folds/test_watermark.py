"""Event time: what is late and what is ahead is decided by the log alone, however it is cut into batches."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.folds.watermark import EventTime, progress
from shopnow_streams.folds.windows import EPOCH

NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
RULES = EventTime(lateness=timedelta(seconds=100), skew=timedelta(seconds=10))
Log = list[tuple[datetime, int]]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def stamp(seconds: float) -> int:
    return NOON_MS + round(seconds * 1000)


logs = st.lists(
    st.tuples(st.integers(-300, 300).map(at), st.integers(-100, 400).map(stamp)) | st.just((EPOCH, NOON_MS)),
    max_size=30,
)


def told(watermark: datetime, *records: tuple[float, float]) -> tuple[datetime, list[tuple[int, bool]]]:
    """Of (event, Kafka) in seconds after noon."""
    after, apart = progress(RULES, watermark, [at(event) for event, _ in records], [stamp(ms) for _, ms in records])
    return after, [(one.place, one.ahead) for one in apart]


def plainly(log: Log) -> tuple[datetime, list[tuple[int, bool]]]:
    watermark = EPOCH + RULES.lateness
    apart: list[tuple[int, bool]] = []
    for place, (moment, stamp_ms) in enumerate(log):
        if moment - EPOCH > timedelta(milliseconds=stamp_ms) + RULES.skew:
            apart.append((place, True))
        elif moment < watermark - RULES.lateness:
            apart.append((place, False))
        else:
            watermark = max(watermark, moment)
    return watermark, apart


def test_the_watermark_is_the_latest_moment_so_far() -> None:
    assert told(at(0), (5, 5), (3, 6), (9, 9), (8, 10)) == (at(9), [])
    assert told(at(20), (5, 5)) == (at(20), [])


def test_an_event_is_late_by_what_came_before_it_not_by_what_comes_after() -> None:
    assert told(at(0), (-99, 0), (50, 50), (-50, 51), (-51, 52), (200, 200)) == (at(200), [(3, False)])


def test_exactly_the_allowed_lateness_is_not_late() -> None:
    assert told(at(0), (-100, 0)) == (at(0), [])
    assert told(at(0), (-100.000001, 0)) == (at(0), [(0, False)])


def test_a_clock_that_is_ahead_moves_no_watermark_and_makes_nobody_late() -> None:
    assert told(at(0), (86_400, 0), (1, 1)) == (at(1), [(0, True)])


def test_exactly_the_allowed_skew_is_not_ahead() -> None:
    assert told(at(0), (10, 0)) == (at(10), [])
    assert told(at(0), (10.001, 0)) == (at(0), [(0, True)])


def test_what_says_to_be_of_before_1970_is_late_from_the_first() -> None:
    early = [EPOCH - timedelta(microseconds=1), EPOCH, datetime.min.replace(tzinfo=UTC)]
    watermark, apart = progress(RULES, RULES.beginning, early, [NOON_MS] * 3)
    assert (watermark, [one.place for one in apart]) == (RULES.beginning, [0, 2])


def test_a_record_without_a_time_or_with_an_absurd_one_is_told_all_the_same() -> None:
    assert progress(RULES, at(0), [at(1)], [-1])[1] == [(0, True)]
    assert progress(RULES, at(0), [at(1)], [-(2**63)])[1] == [(0, True)]
    latest = datetime.max.replace(tzinfo=UTC)
    assert progress(RULES, at(0), [at(1), latest], [2**63 - 1, 2**63 - 1]) == (at(1), [(1, True)])


def test_of_no_events_nothing_is_told() -> None:
    assert progress(RULES, at(7), [], []) == (at(7), [])


@given(log=logs)
def test_it_is_what_one_record_after_the_other_tells(log: Log) -> None:
    watermark, apart = progress(RULES, RULES.beginning, [one for one, _ in log], [ms for _, ms in log])
    assert (watermark, [tuple(one) for one in apart]) == plainly(log)


@given(log=logs, cuts=st.lists(st.integers(0, 30), max_size=5))
def test_it_does_not_depend_on_batches(log: Log, cuts: list[int]) -> None:
    watermark = RULES.beginning
    apart: list[tuple[int, bool]] = []
    ends = sorted({min(cut, len(log)) for cut in cuts} | {0, len(log)})
    for start, end in pairwise(ends):
        part = log[start:end]
        watermark, found = progress(RULES, watermark, [one for one, _ in part], [ms for _, ms in part])
        apart += [(start + one.place, one.ahead) for one in found]
    assert (watermark, apart) == plainly(log)


def test_rules_are_compared_as_versions_are() -> None:
    assert RULES.versions == {"lateness_ms": 100_000, "skew_ms": 10_000}
