"""Which days a question is about, and which directories hold them."""

from datetime import UTC, date, datetime

import pytest

from shopnow_streams.batch.days import ALL_DAYS, Days


def test_all_days_are_all_directories() -> None:
    assert ALL_DAYS.directories == (None, None)
    assert ALL_DAYS.moments == (None, None)
    assert str(ALL_DAYS) == "all days"


def test_a_day_is_whole_and_late_events_are_looked_for() -> None:
    day = Days(date(2025, 11, 28), date(2025, 11, 28), late_days=3)
    assert day.moments == (datetime(2025, 11, 28, tzinfo=UTC), datetime(2025, 11, 29, tzinfo=UTC))
    assert day.directories == (date(2025, 11, 27), date(2025, 12, 1))
    assert str(day) == "from 2025-11-28 up to 2025-11-28"


def test_either_bound_stands_alone() -> None:
    assert Days(since=date(2025, 11, 28)).directories == (date(2025, 11, 27), None)
    assert Days(until=date(2025, 11, 28)).moments == (None, datetime(2025, 11, 29, tzinfo=UTC))


def test_the_calendars_ends_are_days_too() -> None:
    ever = Days(date.min, date.max, late_days=36_500)
    assert ever.directories == (date.min, date.max)
    assert ever.moments == (datetime(1, 1, 1, tzinfo=UTC), None)


def test_days_that_can_not_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no day is from 2025-11-29 on and up to 2025-11-28"):
        Days(date(2025, 11, 29), date(2025, 11, 28))
    with pytest.raises(ValueError, match="fewer than 0 days late"):
        Days(late_days=-1)
