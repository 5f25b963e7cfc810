"""A compaction on files in memory, killed wherever it can be: readers see each record once at every moment."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopnow_streams.archive.compaction import plan
from shopnow_streams.archive.compaction_lock import LOCK, CompactionLock, refuse_while_compacting
from shopnow_streams.archive.compactor import HIDDEN, Compacted, Compactor, pieces
from shopnow_streams.errors import ArchiveBusy, ArchiveCorrupt, SinkUnavailable
from sinks.memory import MemoryFiles
from sinks.segments import is_hidden
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, Shelf

AFTER = date(2026, 1, 1)
COMPACTED = [f"{TOPIC}+0+{first:020d}.parquet" for first in (0, 150, 300)]
"""What the shelf's files are in the end."""

CHANGES_MADE = 13
"""By a compaction of the shelf, its lock's among them."""

CHANGES = ("write", "remove", "rename", "concat", "replace", "set_modified")


class Killed(BaseException):
    """Whoever it hits ends at once: nothing catches it."""


class Watched(MemoryFiles):
    """Tells `after` of every change, and ends whoever makes the change number `last`, before or after it."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.changes: list[str] = []
        self.last = -1
        self.done_first = False

    def _change(self, name: str, change: Callable[[], object]) -> object:
        self.changes.append(name)
        is_last = len(self.changes) == self.last
        if is_last and not self.done_first:
            raise Killed
        self.before()
        result = change()
        self.after()
        if is_last:
            raise Killed
        return result


def _watching(name: str) -> Callable[..., object]:
    def watched(self: Watched, *given: object) -> object:
        return self._change(name, lambda: getattr(MemoryFiles, name)(self, *given))

    return watched


for _name in CHANGES:
    setattr(Watched, _name, _watching(_name))


@pytest.fixture
def files() -> Watched:
    return Watched()


@pytest.fixture
def shelf(files: Watched) -> Shelf:
    """Two days: nine segments, and the one that is the last."""
    shelf = Shelf(files=files)
    shelf.tile(0, 30, 31, 90, 140, 150)
    for first, after in ((150, 200), (200, 201), (201, 260), (260, 300), (300, 310)):
        shelf.put(first, after, timestamp_ms=NOON_MS + DAY_MS)
    files.changes.clear()
    return shelf


def seen(files: MemoryFiles) -> pa.Table:
    """What a reader finds that knows nothing but the rule about hidden names."""
    found = []
    for day in files.list(TOPIC):
        for entry in files.list(f"{TOPIC}/{day.name}"):
            if not is_hidden(entry.name):
                data = files.read(f"{TOPIC}/{day.name}/{entry.name}", 0, entry.size)
                found.append(pq.read_table(pa.BufferReader(data)).replace_schema_metadata())
    return pa.concat_tables(found).sort_by("kafka_offset")


def compact(shelf: Shelf, *, take_over: bool = False) -> list[Compacted]:
    lock = CompactionLock(shelf.files)
    lock.acquire(take_over=take_over)
    compactor = Compactor(shelf.files, lock.check)  # type: ignore[arg-type]
    compactor.sweep(TOPIC)
    runs = plan(pieces(shelf.catalogue, shelf.catalogue.listing(TOPIC).segments), AFTER)
    done = [compactor.compact(run) for run in runs]
    lock.release()
    return done


def names(files: MemoryFiles) -> list[str]:
    return sorted(entry.name for day in files.list(TOPIC) for entry in files.list(f"{TOPIC}/{day.name}"))


def test_each_day_is_one_file_with_the_same_rows(files: Watched, shelf: Shelf) -> None:
    before = seen(files)
    done = compact(shelf)
    assert [(len(each.run.pieces), each.run.rows) for each in done] == [(5, 150), (4, 150)]
    assert seen(files).equals(before)
    assert names(files) == COMPACTED
    assert shelf.verify().right
    assert shelf.archive.end(TOPIC, 0) == 310
    assert files.stat(LOCK) is None
    assert compact(shelf) == [], "there is nothing left to do"


def test_the_archiver_goes_on_where_it_was(shelf: Shelf) -> None:
    compact(shelf)
    shelf.put(310, 320, timestamp_ms=NOON_MS + DAY_MS)
    assert shelf.archive.end(TOPIC, 0) == 320
    assert shelf.verify().right


def test_at_every_moment_each_record_is_there_once(files: Watched, shelf: Shelf) -> None:
    before = seen(files)
    moments = 0

    def look() -> None:
        nonlocal moments
        moments += 1
        assert seen(files).equals(before), files.changes

    files.after = look
    compact(shelf)
    assert moments == len(files.changes) == CHANGES_MADE
    assert {"concat", "replace"} <= set(files.changes)


@pytest.mark.parametrize("done_first", [False, True])
@pytest.mark.parametrize("last", range(1, CHANGES_MADE + 1))
def test_killed_anywhere_nothing_is_lost_and_the_next_one_finishes(
    files: Watched, shelf: Shelf, last: int, done_first: bool
) -> None:
    before = seen(files)
    files.last, files.done_first = last, done_first
    try:
        compact(shelf)
    except Killed:
        pass
    else:
        assert last > len(files.changes), "it was not killed"
    assert seen(files).equals(before)
    assert shelf.verify().right
    files.last = -1
    compact(shelf, take_over=True)
    assert seen(files).equals(before)
    assert names(files) == COMPACTED
    assert shelf.verify().right


def test_the_kills_are_all_the_changes_there_are(files: Watched, shelf: Shelf) -> None:
    compact(shelf)
    assert len(files.changes) == CHANGES_MADE


def test_two_do_not_compact_at_once(shelf: Shelf) -> None:
    CompactionLock(shelf.files).acquire()
    with pytest.raises(ArchiveBusy, match=r"is being compacted, by process \d+ of .*--take-over"):
        CompactionLock(shelf.files).acquire()
    with pytest.raises(ArchiveBusy):
        refuse_while_compacting(shelf.files)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("moment", range(1, CHANGES_MADE + 1))
def test_one_that_was_taken_over_while_it_slept_changes_nothing_more(
    files: Watched, shelf: Shelf, moment: int, early: bool
) -> None:
    """Before or after any change of the first one a second one does it all; the first fails then, or had its part."""
    before = seen(files)

    def overtake() -> None:
        if len(files.changes) == moment:
            files.before = files.after = lambda: None
            compact(shelf, take_over=True)

    if early:
        files.before = overtake
    else:
        files.after = overtake
    with suppress(ArchiveBusy, ArchiveCorrupt, SinkUnavailable, FileNotFoundError):
        compact(shelf)
    assert seen(files).equals(before)
    assert shelf.verify().right
    compact(shelf, take_over=True)
    assert names(files) == COMPACTED


def test_a_file_that_changed_meanwhile_is_left(files: Watched, shelf: Shelf) -> None:
    segments = shelf.catalogue.listing(TOPIC).segments
    runs = plan(pieces(shelf.catalogue, segments), AFTER)
    shelf.overwrite(segments[1].path, b"another file")
    with pytest.raises(ArchiveCorrupt, match="changed while it was to be compacted"):
        Compactor(files, lambda: None).compact(runs[0])
    assert files.stat(segments[2].path) is not None


def test_an_old_reader_of_the_first_file_finds_what_was_in_it(files: Watched, shelf: Shelf) -> None:
    first = shelf.catalogue.listing(TOPIC).segments[0]
    old = files.read(first.path, 0, first.size)

    def look() -> None:
        if files.changes[-1] == "concat":
            assert files.read(first.path, 0, first.size) == old
            files.after = lambda: None

    files.after = look
    compact(shelf)
    assert "concat" in files.changes


def test_hidden_files_are_hidden() -> None:
    assert is_hidden(HIDDEN)
    assert is_hidden(LOCK)
