"""How far an archive has to look, and what it does where times of change mislead. The rest is in tests/contracts."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from shopnow_streams.errors import SegmentConflict
from sinks.archive import Archive
from sinks.faults import FaultyFiles
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.segments import Records, Segment, SegmentName, segment_name

TOPIC = "stock-mis-a-jour"
DAY_S = 86_400.0


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(clock: Clock) -> FaultyFiles:
    return FaultyFiles(MemoryFiles(clock))


@pytest.fixture
def open_archive(files: FaultyFiles, clock: Clock) -> Callable[[], Archive]:
    return lambda: Archive(files, format_named("jsonl"), clock=clock)


def make_segment(first: int, partition: int = 0, day: int = 0) -> Segment:
    name = SegmentName(TOPIC, partition, first, date(2023, 11, 14) + timedelta(days=day), "jsonl")
    encoder = format_named("jsonl").encoder(TOPIC, partition, first)
    encoder.add(Records.of((first + row, 0, None, b"{}") for row in range(10)))
    return Segment(name, first + 10, encoder.finish(first + 10))


def test_years_of_files_cost_the_end_a_few_calls(
    files: FaultyFiles, clock: Clock, open_archive: Callable[[], Archive]
) -> None:
    archive = open_archive()
    for day in range(1_000):
        clock.now_s += DAY_S
        for partition in range(2):
            archive.commit(make_segment(10 * day, partition, day))
    files.calls.clear()
    assert open_archive().ends(TOPIC, [0, 1]) == {0: 10_000, 1: 10_000}
    assert len(files.calls) <= 2 + 2 + 2  # directories, the two newest days, two files' ends


def test_a_partition_that_has_been_silent_is_found_all_the_same(
    clock: Clock, open_archive: Callable[[], Archive]
) -> None:
    archive = open_archive()
    archive.commit(make_segment(0, 1))
    for day in range(1, 100):
        clock.now_s += DAY_S
        archive.commit(make_segment(10 * day, 0, day))
    assert open_archive().ends(TOPIC, [0, 1, 2]) == {0: 1_000, 1: 10, 2: None}


def test_an_older_day_that_changed_last_misleads_nobody(
    files: FaultyFiles, clock: Clock, open_archive: Callable[[], Archive]
) -> None:
    for day in (1, 0):
        clock.now_s += DAY_S
        segment = make_segment(10 * day, 0, day)
        files.write(segment_name(segment.name), segment.data)
    assert open_archive().end(TOPIC, 0) == 20


def test_an_archive_that_was_copied_back_in_another_order_costs_one_conflict(
    files: FaultyFiles, clock: Clock, open_archive: Callable[[], Archive]
) -> None:
    """Where the producer's clock was wrong besides: what comes later is of the day before."""
    for first, day in ((10, 0), (0, 1)):
        clock.now_s += DAY_S
        segment = make_segment(first, 0, day)
        files.write(segment_name(segment.name), segment.data)
    archive = open_archive()
    assert archive.end(TOPIC, 0) == 10
    with pytest.raises(SegmentConflict):
        archive.commit(Segment(make_segment(10, 0, 0).name, 12, b"of another length"))
    assert archive.end(TOPIC, 0) == 20
    archive.commit(make_segment(20, 0, 2))


def test_litter_that_cannot_be_removed_now_is_removed_later(
    files: FaultyFiles, open_archive: Callable[[], Archive]
) -> None:
    archive = open_archive()
    archive.commit(make_segment(0))
    files.plan("write", "cut-unnoticed")
    with pytest.raises(Exception, match="the upload was cut"):
        archive.commit(make_segment(10))
    files.plan("remove", "refused")
    archive.commit(make_segment(10))
    assert len(files.list("_tmp")) == 1
    archive.commit(make_segment(20))
    assert files.list("_tmp") == []
