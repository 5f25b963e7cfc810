"""A compaction on files in memory, killed wherever it can be: readers see each record once at every moment."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopnow_streams.archive.compaction import plan
from shopnow_streams.archive.compactor import Compactor, Outcome, joinable, pieces
from shopnow_streams.archive.exclusive import HIDDEN, LOCK, ExclusiveLock, refuse_while_changing
from shopnow_streams.errors import ArchiveBusy, ArchiveCorrupt, SettingsError, SinkUnavailable
from sinks.faults import FaultyFiles
from sinks.memory import MemoryFiles
from sinks.segments import is_hidden
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, Shelf

AFTER = date(2026, 1, 1)
COMPACTED = [f"{TOPIC}+0+{first:020d}.parquet" for first in (0, 150, 300)]
"""What the shelf's files are in the end."""

CHANGES_MADE = 13
"""By a compaction of the shelf, its lock's among them."""

CHANGES = ("write", "remove", "rename", "concat", "truncate", "set_modified")


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


def compact(shelf: Shelf, *, take_over: bool = False) -> list[Outcome]:
    lock = ExclusiveLock(shelf.files)
    lock.acquire("compact", take_over=take_over)
    compactor = Compactor(joinable(shelf.files, shelf.archive.form), lock.check)
    runs = plan(pieces(shelf.catalogue, shelf.catalogue.listing(TOPIC).segments), AFTER)
    done = [compactor.compact(run) for run in runs]
    lock.release()
    return done


def names(files: MemoryFiles) -> list[str]:
    return sorted(entry.name for day in files.list(TOPIC) for entry in files.list(f"{TOPIC}/{day.name}"))


def test_each_day_is_one_file_with_the_same_rows(files: Watched, shelf: Shelf) -> None:
    before = seen(files)
    done = compact(shelf)
    assert [(len(each.run.pieces), each.run.rows) for each in done] == [(4, 150), (5, 150)]
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
    assert {"concat", "truncate"} <= set(files.changes)


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
    ExclusiveLock(shelf.files).acquire("expire")
    with pytest.raises(
        ArchiveBusy, match=r"being changed, by `shopnow archive expire --delete`, process \d+ of .*--take-over"
    ):
        ExclusiveLock(shelf.files).acquire("compact")
    with pytest.raises(ArchiveBusy):
        refuse_while_changing(shelf.files)


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
        Compactor(files, lambda: None).compact(runs[-1])
    assert files.stat(segments[2].path) is not None


class Split(NamedTuple):
    """A part of a file as it was listed: what Spark gives a task, which may open the file much later."""

    path: str
    listed_bytes: int
    start: int
    end: int

    def rows(self, files: MemoryFiles, *, as_listed: bool) -> list[int] | None:
        """The offsets of its rows as things are by now, None where it fails; `as_listed`: the length is not asked anew.

        As parquet-mr has it, a row group is read by the split that its middle is in.
        """
        entry = files.stat(self.path)
        if entry is None or (as_listed and entry.size < self.listed_bytes):
            return None
        size = self.listed_bytes if as_listed else entry.size
        found: list[int] = []
        file = pq.ParquetFile(io.BytesIO(files.read(self.path, 0, size)))
        for number in range(file.num_row_groups):
            chunks = [file.metadata.row_group(number).column(n) for n in range(file.metadata.num_columns)]
            start = chunks[0].dictionary_page_offset or chunks[0].data_page_offset
            if self.start <= start + sum(chunk.total_compressed_size for chunk in chunks) // 2 < self.end:
                found += file.read_row_group(number, ["kafka_offset"])["kafka_offset"].to_pylist()
        return found


def splits(files: MemoryFiles, parts: int) -> Iterator[Split]:
    for day in files.list(TOPIC):
        for entry in files.list(f"{TOPIC}/{day.name}"):
            bounds = [entry.size * part // parts for part in range(parts + 1)]
            for start, end in pairwise(bounds) if not is_hidden(entry.name) else ():
                yield Split(f"{TOPIC}/{day.name}/{entry.name}", entry.size, start, end)


@pytest.mark.parametrize("as_listed", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_split_listed_at_any_moment_is_read_as_it_was_or_not_at_all(
    files: Watched, shelf: Shelf, parts: int, as_listed: bool
) -> None:
    """So a query that lists at one moment, and reads its splits at any later ones, has each row once or fails."""
    listed: list[tuple[str, dict[Split, list[int] | None]]] = []
    failed: set[str] = set()

    def look() -> None:
        for when, before in listed:
            for split, rows in before.items():
                now = split.rows(files, as_listed=as_listed)
                assert now in (rows, None), (when, files.changes[-1], split)
                if now is None:
                    failed.add(split.path.rpartition("/")[2])
        taken = {split: split.rows(files, as_listed=as_listed) for split in splits(files, parts)}
        assert sorted(row for rows in taken.values() for row in rows or ()) == list(range(310))
        listed.append((files.changes[-1], taken))

    files.after = look
    compact(shelf)
    assert len(listed) == CHANGES_MADE
    assert failed.isdisjoint(COMPACTED) == (not as_listed), "the first files only where they are shorter than listed"
    assert f"{TOPIC}+0+{31:020d}.parquet" in failed, "others where they are gone"


def test_lines_of_json_are_refused() -> None:
    """A reader of lines reads one beyond its split: the first of the file that was joined to it, for a second time."""
    lines = Shelf("jsonl")
    with pytest.raises(SettingsError, match="lines twice"):
        joinable(lines.files, lines.archive.form)


def test_what_arrived_otherwise_than_it_was_sent_is_not_used(files: Watched, shelf: Shelf) -> None:
    before = seen(files)

    def flip() -> None:
        if files.changes[-1] == "write" and files.changes.count("write") == 2:
            ((path, data),) = [(p, d) for p, d in files._files.items() if p.endswith(".rows")]
            files._files[path] = data[:50] + bytes([data[50] ^ 1]) + data[51:]

    files.after = flip
    with pytest.raises(SinkUnavailable, match="is not what was uploaded"):
        compact(shelf)
    assert seen(files).equals(before)
    assert "concat" not in files.changes


@pytest.mark.parametrize(("call", "step"), [(1, "concat"), (2, "truncate")])
def test_each_step_looks_first_whether_the_lock_is_still_ours(
    files: Watched, shelf: Shelf, call: int, step: str
) -> None:
    asked = 0

    def held() -> None:
        nonlocal asked
        asked += 1
        if asked == call:
            raise ArchiveBusy("another's")

    (run, *_) = plan(pieces(shelf.catalogue, shelf.catalogue.listing(TOPIC).segments), AFTER)
    with pytest.raises(ArchiveBusy):
        Compactor(files, held).compact(run)
    assert step not in files.changes
    assert ("concat" in files.changes) == (call == 2)


def test_the_lock_knows_whose_it_is(shelf: Shelf) -> None:
    ours, theirs = ExclusiveLock(shelf.files), ExclusiveLock(shelf.files)
    ours.acquire("compact")
    ours.check()
    theirs.acquire("seal", take_over=True)
    with pytest.raises(ArchiveBusy, match="archive seal"):
        ours.check()
    ours.release()
    theirs.check()
    theirs.release()
    with pytest.raises(ArchiveBusy):
        theirs.check()


@pytest.mark.parametrize("call", ["write", "rename"])
def test_a_lock_whose_answer_was_lost_is_ours_or_nobodys(call: Literal["write", "rename"]) -> None:
    files = FaultyFiles(MemoryFiles())
    files.plan(call, "unanswered")
    lock = ExclusiveLock(files)
    try:
        with suppress(SinkUnavailable):
            lock.acquire("compact")
            lock.check()
    finally:
        lock.release()
    ExclusiveLock(files).acquire("seal")


def test_a_concat_whose_answer_was_lost_is_gone_on_from(shelf: Shelf) -> None:
    """A client that asks again is told that a file is missing."""

    class Unanswered(MemoryFiles):
        def concat(self, target: str, sources: Sequence[str]) -> None:
            super().concat(target, sources)
            raise FileNotFoundError("asked again")

    files = Unanswered()
    lossy = Shelf(files=files)
    lossy.tile(0, 10, 20, 30)
    lossy.put(30, 31, timestamp_ms=NOON_MS + DAY_MS)
    before = seen(files)
    compact(lossy)
    assert seen(files).equals(before)
    assert names(files) == [f"{TOPIC}+0+{first:020d}.parquet" for first in (0, 30)]


def test_every_take_over_removes_what_a_compaction_had_ready(files: Watched, shelf: Shelf) -> None:
    files.last = 4
    with pytest.raises(Killed):
        compact(shelf)
    files.last = -1
    ready = [name for name in names(files) if name.startswith(HIDDEN)]
    assert ready
    ExclusiveLock(files).acquire("seal", take_over=True)
    assert not [name for name in names(files) if name.startswith(HIDDEN)]


def test_the_archiver_finds_the_end_between_a_join_and_the_time_it_is_given(files: Watched) -> None:
    clock = [1_764_331_200.0]
    files._clock = lambda: clock[0]
    shelf = Shelf(files=files)
    for day in range(5):
        for half in (0, 1):
            shelf.put(20 * day + 10 * half, 20 * day + 10 * half + 10, timestamp_ms=NOON_MS + day * DAY_MS)
        clock[0] += 86_400
    ends: set[int | None] = set()
    files.after = lambda: ends.add(shelf.archive.end(TOPIC, 0))
    compact(shelf)
    assert "set_modified" in files.changes
    assert ends == {100}


def test_hidden_files_are_hidden() -> None:
    assert is_hidden(HIDDEN)
    assert is_hidden(LOCK)
