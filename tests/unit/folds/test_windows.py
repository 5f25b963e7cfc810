"""Windows: their keys, what is kept for how long, and where what came too late for a short one goes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.folds.activity import WINDOWS
from shopnow_streams.folds.windows import DAY, EPOCH, HOUR, MINUTE, Length, by_window, subject_of, window_of

NOON = datetime(2025, 11, 28, 12, 31, 7, 5, tzinfo=UTC)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))
lengths = pytest.mark.parametrize("length", [MINUTE, HOUR, DAY], ids=lambda length: length.mark)


def test_a_key_is_the_window_and_whom_it_is_about() -> None:
    assert [length.key(NOON) for length in (MINUTE, HOUR, DAY)] == [
        "m2025-11-28T12:31",
        "h2025-11-28T12",
        "d2025-11-28",
    ]
    assert HOUR.key(NOON, 1597) == "h2025-11-28T12+1597"
    assert (window_of("h2025-11-28T12+1597"), subject_of("h2025-11-28T12+1597")) == ("2025-11-28T12", "1597")
    assert (window_of("d2025-11-28"), subject_of("d2025-11-28")) == ("2025-11-28", "")


def test_a_window_is_utc_whatever_clock_wrote_the_moment() -> None:
    assert DAY.key(datetime(2025, 11, 29, 0, 30, tzinfo=timezone(timedelta(hours=1)))) == "d2025-11-28"


@lengths
@given(moment=moments)
def test_a_window_begins_where_its_key_says_and_holds_the_moment(length: Length, moment: datetime) -> None:
    start = length.start(moment)
    assert length.begin(length.key(moment, 7)) == start
    assert start <= moment < start + length.lasts
    assert (
        length.key(start)
        == length.key(start + length.lasts - timedelta(microseconds=1))
        != length.key(start + length.lasts)
    )


@lengths
@given(one=moments, other=moments)
def test_keys_of_a_length_sort_by_time_then_subject(length: Length, one: datetime, other: datetime) -> None:
    starts = length.start(one), length.start(other)
    assert (starts[0] < starts[1]) == (length.key(one) < length.key(other))
    assert length.key(one) < length.key(one, 1) < length.key(one, 2) < length.key(length.start(one) + length.lasts)


@given(moment=moments)
def test_a_longer_window_lies_around_a_shorter_one(moment: datetime) -> None:
    assert HOUR.around(MINUTE.key(moment, 5)) == HOUR.key(moment, 5)
    assert DAY.around(HOUR.key(moment)) == DAY.key(moment)


@given(moment=moments, back=st.timedeltas(timedelta(0), timedelta(days=120)))
def test_what_is_due_is_what_lies_below_the_bound_from_that_moment_on(moment: datetime, back: timedelta) -> None:
    for level in WINDOWS.levels:
        key = level.length.key(max(EPOCH, moment - back))
        assert (moment >= level.due_at(key)) == (key < level.bound(moment))


@given(moment=moments, back=st.timedeltas(timedelta(0), timedelta(days=120)))
def test_an_event_goes_to_the_shortest_window_that_is_kept(moment: datetime, back: timedelta) -> None:
    of = max(EPOCH, moment - back)
    places = WINDOWS.places(moment)
    place = places.of(MINUTE.key(of, 9))
    assert places.of(MINUTE.key(of, 9)) == place
    kept = [level.length.key(of, 9) for level in WINDOWS.levels if level.length.start(of) >= level.oldest(moment)]
    assert place == (kept[0] if kept else None)


def test_before_anything_is_kept_long_enough_all_of_it_is_kept() -> None:
    soon = EPOCH + timedelta(hours=1)
    assert [level.oldest(soon) for level in WINDOWS.levels] == [EPOCH] * 3


@given(parts=st.lists(st.tuples(st.integers(-200, 200), st.integers(0, 2)), max_size=30))
def test_a_batch_is_grouped_by_minute_and_subject(parts: list[tuple[int, int]]) -> None:
    group = by_window(MINUTE, lambda part: NOON + timedelta(seconds=part[0]), lambda part: part[1])
    expected: dict[str, list[tuple[int, int]]] = {}
    for part in parts:
        expected.setdefault(MINUTE.key(NOON + timedelta(seconds=part[0]), part[1]), []).append(part)
    assert group(parts) == expected
