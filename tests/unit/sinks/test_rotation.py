"""When a segment closes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.rotation import Reason, Rotation, joining
from sinks.segments import date_of

ROTATION = Rotation(max_bytes=1_000, max_rows=100, max_age_s=30.0)
DAY_MS = 86_400_000
NOVEMBER_28 = date(2025, 11, 28)
MIDNIGHT_MS = 1_764_374_400_000  # at its end


@pytest.mark.parametrize(
    ("size", "rows", "age_s", "reason"),
    [
        (999, 99, 29.9, None),
        (1_000, 1, 0.0, "bytes"),
        (1, 100, 0.0, "rows"),
        (1, 1, 30.0, "age"),
        (5_000, 500, 90.0, "bytes"),
        (0, 0, 1e9, None),  # an empty segment would be a file that says nothing
    ],
)
def test_it_closes_at_the_first_bound(size: int, rows: int, age_s: float, reason: Reason | None) -> None:
    assert ROTATION.due(size, rows, age_s) == reason


@pytest.mark.parametrize("bounds", [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0), (1, -1, 1.0)])
def test_bounds_that_let_nothing_in_are_refused(bounds: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="before anything is in them"):
        Rotation(*bounds)


@pytest.mark.parametrize(
    ("timestamps", "count"),
    [
        ([], 0),
        ([MIDNIGHT_MS - 1], 1),
        ([MIDNIGHT_MS], 0),
        ([MIDNIGHT_MS - 2, MIDNIGHT_MS - 1, MIDNIGHT_MS, MIDNIGHT_MS - 3], 2),
        ([MIDNIGHT_MS - 5 * DAY_MS, -1, 0], 3),  # earlier days stay where they are
        ([MIDNIGHT_MS - 1, 2**62], 1),
    ],
)
def test_records_join_until_a_later_day_begins(timestamps: list[int], count: int) -> None:
    assert joining(NOVEMBER_28, timestamps) == count


def test_the_last_day_never_ends() -> None:
    assert joining(date.max, [2**63 - 1, 0]) == 2


@given(st.lists(st.integers(-1, 2**63 - 1), min_size=1))
def test_every_record_finds_a_segment_and_each_has_the_date_of_its_first(timestamps: list[int]) -> None:
    left = timestamps
    while left:
        day = date_of(left[0])
        count = joining(day, left)
        assert count >= 1
        assert all(date_of(timestamp) <= day for timestamp in left[:count])
        assert count == len(left) or date_of(left[count]) > day
        left = left[count:]


def test_clocks_that_differ_around_midnight_close_one_segment_not_hundreds() -> None:
    timestamps = [MIDNIGHT_MS + (5 if index % 2 else -5) for index in range(1_000)]
    segments = 0
    while timestamps:
        timestamps = timestamps[joining(date_of(timestamps[0]), timestamps) :]
        segments += 1
    assert segments == 2
