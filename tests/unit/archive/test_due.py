"""An hour may be sealed once the archive has all that Kafka had when it was over."""

from shopnow_streams.archive.due import Behind, Due, due
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.tally import HOUR_MS
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


def test_all_that_is_over_is_due_where_the_archive_is_as_far() -> None:
    assert due(log(0, 0, 1, 2), TOPIC, {0: 3}, at(2) + HALF_MS) == Due(at(2), [])
    assert due(log(0, 0, 1), TOPIC, {0: 3}, at(4)) == Due(at(4), [])


def test_where_it_is_behind_the_hours_before_are_due() -> None:
    behind = [Behind(Place(TOPIC, 0), 2, 3)]
    assert due(log(0, 0, 1, 2), TOPIC, {0: 2}, at(2)) == Due(at(1), behind)
    assert due(log(0, 0, 1, 2), TOPIC, {0: 0}, at(1)).until_ms == at(0)


def test_markers_at_the_end_are_not_waited_for() -> None:
    assert due(log(0, 0, end=3), TOPIC, {0: 2}, at(3)) == Due(at(3), [])
    assert due(log(0, 0, end=3), TOPIC, {0: 1}, at(3)).until_ms == at(0)


def test_what_kafka_let_go_of_before_it_was_archived_holds_it_up() -> None:
    held = log(0, 0, 1, 2)
    held.let_go(0, 2)
    assert due(held, TOPIC, {0: 1}, at(3)).until_ms == 0
    assert due(held, TOPIC, {0: 4}, at(3)) == Due(at(3), [])


def test_an_empty_topic_is_not_waited_for() -> None:
    assert due(MemoryLog(TOPIC, {}), TOPIC, {}, at(3)) == Due(at(3), [])
