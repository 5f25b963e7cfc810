"""Retention: a beginning of each partition goes, and what went is known, also where it was killed."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.archive.catalogue import SegmentFile
from shopnow_streams.archive.expiry import Expirer, expired, plan
from shopnow_streams.archive.findings import Place
from shopnow_streams.errors import ArchiveBusy
from sinks.memory import MemoryFiles
from sinks.segments import Records, SegmentName
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, MemoryLog, Shelf, make_records

DAY = date(2025, 11, 28)
PLACE = Place(TOPIC, 0)


def file(first: int, day: int, partition: int = 0) -> SegmentFile:
    return SegmentFile(SegmentName(TOPIC, partition, first, DAY + timedelta(days=day), "parquet"), 10, 0)


def planned(files: list[SegmentFile], before: int) -> list[tuple[int, list[int], int | None]]:
    found = plan(files, DAY + timedelta(days=before))
    return [
        (each.place.partition, [f.name.first for f in each.files], each.held_up.name.first if each.held_up else None)
        for each in found
    ]


def test_what_is_older_goes_but_for_the_partitions_last() -> None:
    assert planned([file(0, 0), file(5, 0), file(9, 1), file(12, 2)], 1) == [(0, [0, 5], None)]
    assert planned([file(0, 0), file(5, 0)], 9) == [(0, [0], None)]
    assert planned([file(0, 0), file(0, 0, partition=1), file(5, 3, partition=1)], 2) == [(1, [0], None)]


def test_one_that_is_not_so_old_holds_up_those_behind_it() -> None:
    assert planned([file(0, 0), file(5, 7), file(9, 0), file(12, 1)], 2) == [(0, [0], 5)]
    assert planned([file(5, 7), file(9, 0), file(12, 8)], 2) == [(0, [], 5)]
    assert planned([file(5, 7), file(9, 0)], 2) == [], "the last one stays anyway"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 6))
def test_a_beginning_goes_all_of_it_old(days: list[int], before: int) -> None:
    files = [file(number, day) for number, day in enumerate(days)]
    going = [f for each in plan(files, DAY + timedelta(days=before)) for f in each.files]
    assert going == files[: len(going)]
    assert len(going) < len(files)
    assert all(f.name.date < DAY + timedelta(days=before) for f in going)
    following = files[len(going)]
    assert following is files[-1] or following.name.date >= DAY + timedelta(days=before)


class Dying(MemoryFiles):
    """Ends whoever removes its `last` file."""

    last = -1

    def remove(self, path: str) -> None:
        if self.last == 0:
            raise KeyboardInterrupt
        self.last -= 1
        super().remove(path)


@pytest.fixture
def shelf() -> Shelf:
    """Four segments of a day, two of the next."""
    shelf = Shelf(files=Dying())
    shelf.tile(0, 10, 20, 30, 40)
    shelf.put(40, 50, timestamp_ms=NOON_MS + DAY_MS)
    shelf.put(50, 60, timestamp_ms=NOON_MS + DAY_MS)
    return shelf


@pytest.fixture
def log() -> MemoryLog:
    """What the shelf was made of."""
    days = make_records(range(40)), make_records(range(40, 60), timestamp_ms=NOON_MS + DAY_MS)
    rows = [row for d in days for row in zip(d.offsets, d.timestamps_ms, d.keys, d.values, strict=True)]
    return MemoryLog(TOPIC, {0: Records.of(rows)})


def expire(shelf: Shelf, held: Callable[[], None] = lambda: None) -> None:
    before = DAY + timedelta(days=1)
    expirer = Expirer(shelf.catalogue, before, held)
    for each in plan(shelf.catalogue.listing(TOPIC).segments, before):
        expirer.expire(each)


def test_what_went_is_no_loss_and_what_is_lost_is(shelf: Shelf, log: MemoryLog) -> None:
    expire(shelf)
    assert [f.name.first for f in shelf.catalogue.listing(TOPIC).segments] == [40, 50]
    note = expired(shelf.files)[PLACE]
    assert (note.next, note.before) == (40, "2025-11-29")
    assert shelf.verify().right
    assert shelf.verify(log, committed=60).right, "Kafka still has them, and they are not to be fetched again"
    assert shelf.archive.end(TOPIC, 0) == 60
    shelf.files.remove(shelf.catalogue.listing(TOPIC).segments[0].path)
    (alone,) = shelf.verify().findings
    assert (alone.kind, alone.range) == ("gap", (40, 50)), "known without Kafka, too"
    (found,) = shelf.verify(log, committed=60).findings
    assert (found.kind, found.range, found.mend is not None) == ("gap", (40, 50), True)


@pytest.mark.parametrize("last", range(4))
def test_killed_anywhere_all_is_understood_and_the_next_one_finishes(shelf: Shelf, log: MemoryLog, last: int) -> None:
    assert isinstance(shelf.files, Dying)
    shelf.files.last = last
    with pytest.raises(KeyboardInterrupt):
        expire(shelf)
    assert shelf.verify(log, committed=60).right
    assert [f.name.first for f in shelf.catalogue.listing(TOPIC).segments] == [0, 10, 20, 30, 40, 50][last:]
    shelf.files.last = -1
    expire(shelf)
    assert [f.name.first for f in shelf.catalogue.listing(TOPIC).segments] == [40, 50]
    assert shelf.verify(log, committed=60).right
    assert len(shelf.files.list("_expired")) == 1


def test_a_gap_at_the_end_of_what_goes_stays_one(shelf: Shelf) -> None:
    shelf.files.remove(shelf.catalogue.listing(TOPIC).segments[3].path)
    expire(shelf)
    assert expired(shelf.files)[PLACE].next == 30
    (found,) = shelf.verify().findings
    assert (found.kind, found.range) == ("gap", (30, 40))


def test_the_latest_note_counts(shelf: Shelf) -> None:
    expire(shelf)
    shelf.put(60, 70, timestamp_ms=NOON_MS + 2 * DAY_MS)
    later = DAY + timedelta(days=2)
    for each in plan(shelf.catalogue.listing(TOPIC).segments, later):
        Expirer(shelf.catalogue, later, lambda: None).expire(each)
    assert expired(shelf.files)[PLACE].next == 60
    assert shelf.verify().right


def test_whoever_lost_the_lock_removes_nothing_more(shelf: Shelf) -> None:
    asked = 0

    def held() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise ArchiveBusy("another's")

    with pytest.raises(ArchiveBusy):
        expire(shelf, held)
    assert [f.name.first for f in shelf.catalogue.listing(TOPIC).segments] == [20, 30, 40, 50]
