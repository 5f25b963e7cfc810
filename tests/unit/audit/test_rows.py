"""What rows are made of: moments, and counts by reason, written one way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shopnow_streams.audit.rows import counts, micros, reasons


@pytest.mark.parametrize("by_reason", [{}, {"not-json": 3}, {"not-valid": 1, "no-value": 2}])
def test_counts_by_reason_are_read_as_they_were_written(by_reason: dict[str, int]) -> None:
    assert counts(reasons(by_reason)) == by_reason


def test_the_order_of_reasons_does_not_matter() -> None:
    assert reasons({"b": 1, "a": 2}) == reasons({"a": 2, "b": 1}) == "a=2, b=1"


def test_a_moment_is_its_instant_to_the_microsecond() -> None:
    assert micros(datetime(1970, 1, 1, 1, 0, 0, 1, timezone(timedelta(hours=1)))) == 1
    assert micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


def test_what_never_happened_has_no_instant() -> None:
    assert micros(datetime.fromisoformat("0001-01-01T00:00:00+23:59")) is None
    assert micros(datetime.fromisoformat("0001-01-01T00:00:00.000001+23:59")) is not None
