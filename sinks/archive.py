"""The archive: segments on any `Files`, committed so that each offset is in exactly one of them.

A commit writes the file under a name that nobody else uses, looks whether all of it arrived, and gives it its final
name, which fails where that name is taken. What goes wrong on the way does not matter: every try begins by looking
whether an earlier one came through.
"""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple

from shopnow_streams.errors import ArchiveCorrupt, SegmentConflict, SettingsError, SinkUnavailable
from shopnow_streams.logs.logger import get_logger
from sinks.files import Entry, Files
from sinks.formats import Format
from sinks.segments import Segment, SegmentName, Span, is_hidden, parse_day, parse_name, segment_name
from sinks.sink import SegmentInfo

UNFINISHED = "_tmp"
"""Where files are written before they have their name. Hadoop and Spark pass by what begins with '_'."""

FORMAT_MARK = "_format"
"""The file that says which format an archive has: two formats would be two names for one first offset."""

STALE_S = 6 * 3600
"""Age at which an unfinished file is litter: no commit takes a tenth of that."""

SWEEP_EVERY_S = 3600

CLOCK_SLACK_MS = 3_600_000
"""By how much the clocks of the two NameNodes of a pair may differ."""

_log = get_logger(__name__)


def marked_format(files: Files) -> str | None:
    """The format that the archive on `files` is marked with, None where it has no mark: nothing was committed yet."""
    entry = files.stat(FORMAT_MARK)
    if entry is None:
        return None
    return files.read(FORMAT_MARK, 0, entry.size).decode(errors="replace").strip()


class Archive:
    """A `Sink` on `files`. `clock` gives seconds since 1970, for the age of litter alone."""

    def __init__(self, files: Files, form: Format, *, clock: Callable[[], float] = time.time) -> None:
        self.form = form
        self.files = files
        self._clock = clock
        self._lock = threading.Lock()  # over what follows; never held while the file system is waited for
        self._disputed: set[tuple[str, int]] = set()
        self._litter: list[str] = []  # unfinished files of tries that failed
        self._swept_at = clock()
        self._format_known = False

    def end(self, topic: str, partition: int) -> int | None:
        """See `Sink`."""
        return self.ends(topic, [partition])[partition]

    def ends(self, topic: str, partitions: Collection[int]) -> dict[int, int | None]:
        """See `Sink`. Goes through the date directories from the one changed last, but those that hold no newer one.

        Not from the newest date alone: one producer whose clock is wrong files a segment under a date to come. Nor by
        times of change alone: an old day that is being compacted has changed last. Both mislead only where an archive
        was copied back; a conflict follows, and the next call reads them all.
        """
        with self._lock:
            disputed = {number for number in partitions if (topic, number) in self._disputed}
        last: dict[int, _Committed] = {}
        for day in sorted(self._days(topic), key=lambda entry: entry.modified_ms, reverse=True):
            changed_ms = day.modified_ms + CLOCK_SLACK_MS
            if not disputed and all(
                n in last and last[n].excludes(parse_day(f"{topic}/{day.name}"), changed_ms) for n in partitions
            ):
                continue
            for found in self._day(topic, day):
                number = found.name.partition
                if number in partitions and (number not in last or found.name.first > last[number].name.first):
                    last[number] = found
        ends = {number: self._next(last[number]) if number in last else None for number in partitions}
        with self._lock:
            self._disputed -= {(topic, number) for number in disputed}
        return ends

    def commit(self, segment: Segment) -> None:
        """See `Sink`."""
        self._settle_format()
        path = segment_name(segment.name)
        if self._stands(path, segment):
            return
        self._tidy()
        if not self._place(path, segment.data, partial(self._stands, path, segment)):
            raise SinkUnavailable(
                f"{self.files.url(path)} did not get its name, though nothing stands there: "
                "did someone remove its directory, or the unfinished file? The same segment can be offered again."
            )

    def segments(self, topic: str, partition: int | None = None) -> Iterator[SegmentInfo]:
        """See `Sink`."""
        committed = [
            found
            for day in self._days(topic)
            for found in self._day(topic, day)
            if partition is None or found.name.partition == partition
        ]
        for found in sorted(committed, key=lambda found: (found.name.partition, found.name.first)):
            name = found.name
            span = Span(name.topic, name.partition, name.first, self._next(found))
            yield SegmentInfo(segment_name(name), span, found.entry.size)

    def read(self, path: str) -> bytes:
        """See `Sink`."""
        entry = self.files.stat(path)
        if entry is None:
            raise FileNotFoundError(f"{self.files.url(path)} does not exist")
        return self.files.read(path, 0, entry.size)

    def check(self) -> None:
        """See `Sink`. A NameNode that is in safe mode, or is not the active one, refuses to make even what is there."""
        self.files.make(UNFINISHED)
        self._compare_format()

    def sweep(self) -> int:
        """Remove unfinished files that no writer can still be at; how many there were.

        Blocks; raises SinkUnavailable. Called by `commit` every hour. A writer that was stopped for so long
        loses its file and begins that try anew.
        """
        limit_ms = (self._clock() - STALE_S) * 1000
        stale = [entry.name for entry in self.files.list(UNFINISHED) if entry.modified_ms < limit_ms]
        for name in stale:
            self.files.remove(f"{UNFINISHED}/{name}")
        return len(stale)

    def _days(self, topic: str) -> list[Entry]:
        days = [entry for entry in self.files.list(topic) if not is_hidden(entry.name)]
        for day in days:
            if not day.is_directory:
                raise ArchiveCorrupt(f"{self.files.url(f'{topic}/{day.name}')} is a file among date directories")
            parse_day(f"{topic}/{day.name}")
        return days

    def _day(self, topic: str, day: Entry) -> Iterator["_Committed"]:
        for entry in self.files.list(f"{topic}/{day.name}"):
            if is_hidden(entry.name):
                continue
            name = parse_name(f"{topic}/{day.name}/{entry.name}")
            if entry.is_directory or name.format != self.form.NAME:
                path = self.files.url(segment_name(name))
                raise ArchiveCorrupt(f"{path} is no {self.form.NAME} file, as all of this archive must be")
            yield _Committed(name, entry)

    def _next(self, found: "_Committed") -> int:
        path = segment_name(found.name)
        return self.form.next_offset(found.name, found.entry.size, partial(self.files.read, path))

    def _stands(self, path: str, segment: Segment) -> bool:
        """Whether that very segment is committed. SegmentConflict where another one has its name."""
        entry = self.files.stat(path)
        if entry is None:
            return False
        if entry.size == len(segment.data) and self.files.read(path, 0, entry.size) == segment.data:
            return True
        with self._lock:
            self._disputed.add((segment.name.topic, segment.name.partition))
        raise SegmentConflict(
            f"{self.files.url(path)} was committed by another writer: "
            f"offsets {segment.name.first} to {segment.next - 1} are not to be archived as one segment again"
        )

    def _place(self, path: str, data: bytes, stands: Callable[[], bool]) -> bool:
        """Bring `data` under `path` by way of an unfinished file. Whether it is there then, by `stands` if unclear."""
        unfinished = f"{UNFINISHED}/{path.rpartition('/')[2]}.{uuid.uuid4().hex}"
        renamed = False
        try:
            self.files.write(unfinished, data)
            arrived = self.files.stat(unfinished)
            if arrived is None or arrived.size != len(data):
                raise SinkUnavailable(
                    f"{self.files.url(unfinished)} holds {arrived.size if arrived else 'none'} of {len(data)} bytes: "
                    "the upload was cut. The same segment can be offered again."
                )
            self.files.make(path.rpartition("/")[0])
            try:
                renamed = self.files.rename(unfinished, path)
            except SinkUnavailable:
                if not stands():  # the answer may be all that was lost
                    raise
                return True
        finally:
            if not renamed:
                with self._lock:
                    self._litter.append(unfinished)
        return renamed or stands()

    def _tidy(self) -> None:
        """Remove what failed tries of ours left, and every hour what others did. Where it cannot be done it waits."""
        with self._lock:
            litter, self._litter = self._litter, []
            due = self._clock() - self._swept_at >= SWEEP_EVERY_S
            if due:
                self._swept_at = self._clock()
        try:
            while litter:
                self.files.remove(litter[-1])
                litter.pop()
            if due:
                self.sweep()
        except SinkUnavailable as error:
            _log.info("unfinished files stay for now: {error}", error=error, paths=list(litter))
            with self._lock:
                self._litter += litter

    def _settle_format(self) -> None:
        """Mark a new archive with our format; SettingsError where it has another."""
        if self._format_known:
            return
        if not self._compare_format():
            # Where another writer's mark comes first ours fails, and theirs is what we compare with.
            self._place(FORMAT_MARK, f"{self.form.NAME}\n".encode(), self._compare_format)
            if not self._compare_format():
                raise SinkUnavailable(f"{self.files.url(FORMAT_MARK)} could not be written")
        self._format_known = True

    def _compare_format(self) -> bool:
        """Whether the archive is marked with our format, False where it has no mark yet. SettingsError for another."""
        found = marked_format(self.files)
        if found is None:
            return False
        if found != self.form.NAME:
            raise SettingsError(
                f"The archive {self.files.url('')} is one of {found} files, and {self.form.NAME} was asked for: "
                f"set SHOPNOW_ARCHIVE_FORMAT={found}, or begin another archive."
            )
        return True


class _Committed(NamedTuple):
    name: SegmentName
    entry: Entry

    def excludes(self, day: date, changed_ms: int) -> bool:
        """Whether a directory of that day, changed then at the latest, holds nothing that comes after it."""
        return day <= self.name.date and self.entry.modified_ms > changed_ms
