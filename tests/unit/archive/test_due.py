"""An hour may be sealed once Kafka has nothing of it that the archive has not."""

import pytest

from shopnow_streams.archive.due import Due, due
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.errors import TopicMismatch
from sinks.segments import Records
from tests.unit.archive.shelf import NOON_MS, TOPIC, MemoryLog

HALF_MS = HOUR_MS // 2


def log(*hours: int, end: int | None = None) -> MemoryLog:
    """A record in the middle of each of these hours after noon."""
    records = Records.of((n, NOON_MS + hour * HOUR_MS + HALF_MS, None, b"{}") for n, hour in enumerate(hours))
    made = MemoryLog(TOPIC, {0: records})
    if end is not None:
        made.go_on(0, end)
    return made


def at(hour: int) -> int:
    return NOON_MS + hour * HOUR_MS


def hours(found: Due) -> tuple[int, list[tuple[int, int]]]:
    """In hours after noon: before which is due, and where the archive ends before records of which hour."""
    return (found.until_ms - NOON_MS) // HOUR_MS, [(b.end, (b.hour_ms - NOON_MS) // HOUR_MS) for b in found.behind]


def found(held: MemoryLog, end: int, now_ms: int, since: int = -5) -> tuple[int, list[tuple[int, int]]]:
    return hours(due(held, TOPIC, {0: end}, at(since), now_ms))


def test_all_that_is_over_is_due_where_the_archive_is_as_far() -> None:
    assert found(log(0, 0, 1, 2), 3, at(2) + HALF_MS) == (2, [])
    assert found(log(0, 0, 1), 3, at(4)) == (4, [])


def test_where_it_is_behind_the_hours_before_are_due() -> None:
    assert found(log(0, 0, 1, 2), 2, at(2)) == (1, [(2, 1)])
    assert found(log(0, 0, 1, 2), 0, at(1)) == (0, [(0, 0)])
    both = MemoryLog(TOPIC, {n: Records.of([(0, at(n) + HALF_MS, None, b"{}")]) for n in (0, 1)})
    assert hours(due(both, TOPIC, {0: 1, 1: 0}, at(-5), at(2))) == (1, [(0, 1)])


def test_a_record_from_the_future_does_not_vouch_for_those_behind_it() -> None:
    assert found(log(0, 900, 0, 0, 1), 2, at(1)) == (0, [(2, 0)])
    assert found(log(0, 900, 0, 0, 1), 4, at(1)) == (1, [])


def test_records_out_of_order_are_waited_for() -> None:
    assert found(log(0, 1, 0), 1, at(1)) == (0, [(1, 0)])


def test_records_of_sealed_hours_hold_up_nothing() -> None:
    assert found(log(0, 0, 0, 3), 1, at(2), since=1) == (2, [])


def test_markers_at_the_end_are_not_waited_for() -> None:
    assert found(log(0, 0, end=3), 2, at(3)) == (3, [])
    assert found(log(0, 0, end=3), 1, at(3)) == (0, [(1, 0)])


def test_what_kafka_let_go_of_before_it_was_archived_holds_it_up() -> None:
    held = log(0, 0, 1, 2)
    held.let_go(0, 2)
    assert found(held, 1, at(3)) == (-5, [(1, -5)])
    assert found(held, 4, at(3)) == (3, [])


def test_an_empty_topic_is_not_waited_for() -> None:
    assert due(MemoryLog(TOPIC, {}), TOPIC, {}, 0, at(3)) == Due(at(3), [])


@pytest.mark.parametrize("ends", [{0: 5}, {0: 1, 1: 1}])
def test_another_log_than_the_archives_is_refused(ends: dict[int, int]) -> None:
    with pytest.raises(TopicMismatch, match="SHOPNOW_KAFKA is another cluster"):
        due(log(0, 0), TOPIC, ends, 0, at(3))
