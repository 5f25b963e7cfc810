"""A segment: one contiguous range of one partition, and the name that it has in the archive. Pure.

    <topic>/date=YYYY-MM-DD/<topic>+<partition>+<first offset, 20 digits>.<format>

Why two writers cannot both archive an offset. A writer always begins a segment where the last committed one
ends. Giving a finished file its final name fails where that name exists, so of all writers that stand at an
offset one wins; the segments of a partition are therefore a chain, each beginning where exactly one other ends.
That holds only while the name says nothing that two writers at the same offset could see differently:

- not the last offset: a writer that lost its partition and its successor cut at different lengths, and both would
  get their name. Where a segment ends stands in its file (`sinks.formats`);
- the date is that of the *first record* alone: the same for all who begin there, and never a clock's. Two writers
  put a segment into different date directories only where they begin with different records;
- the format is one for a whole archive (`sinks.archive` holds writers to it).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from shopnow_streams.errors import ArchiveCorrupt

MAX_OFFSET = 2**63 - 1
MAX_PARTITION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition in their order, a list for each of their parts: as files want them, and as they come."""

    offsets: list[int]
    timestamps_ms: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, bytes | None, bytes | None]]) -> "Records":
        """From (offset, timestamp, key, value), one a record."""
        records = cls([], [], [], [])
        for offset, timestamp_ms, key, value in rows:
            records.offsets.append(offset)
            records.timestamps_ms.append(timestamp_ms)
            records.keys.append(key)
            records.values.append(value)
        return records

    def __len__(self) -> int:
        return len(self.offsets)

    def split(self, count: int) -> tuple["Records", "Records"]:
        """The first `count`, and the rest."""
        return self._slice(slice(count)), self._slice(slice(count, None))

    def _slice(self, part: slice) -> "Records":
        return Records(self.offsets[part], self.timestamps_ms[part], self.keys[part], self.values[part])


class Span(NamedTuple):
    """The records of `topic`'s `partition` from offset `first` up to, not including, `next`.

    `first` is where the writer stood, `next` one above its last record; Kafka itself may lack offsets between
    (markers of transactions, compaction). The spans of a partition tile it: each `next` is another's `first`.
    """

    topic: str
    partition: int
    first: int
    next: int


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What a segment's name says. `date` is `date_of` the timestamp of its first record.

    Raises ValueError for what no name can carry, such as a topic whose directory Spark would not read.
    """

    topic: str
    partition: int
    first: int
    date: date
    format: str

    def __post_init__(self) -> None:
        if not _TOPIC.fullmatch(self.topic):
            raise ValueError(f"{self.topic!r} cannot be archived: a topic's directory must not begin with '_' or '.'")
        if not (0 <= self.partition <= MAX_PARTITION and 0 <= self.first <= MAX_OFFSET):
            raise ValueError(f"partition {self.partition}, offset {self.first}: Kafka has no such place")
        if not _FORMAT.fullmatch(self.format):
            raise ValueError(f"{self.format!r} is not a file name's ending")


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment: `data` is the whole file, and is offered again byte for byte where a commit failed."""

    name: SegmentName
    next: int
    data: bytes

    @property
    def span(self) -> Span:
        """The offsets in it."""
        return Span(self.name.topic, self.name.partition, self.name.first, self.next)


def segment_name(name: SegmentName) -> str:
    """The path of that segment, relative to the archive's root."""
    return f"{name.topic}/{date_directory(name.date)}/{name.topic}+{name.partition}+{name.first:020d}.{name.format}"


def parse_name(path: str) -> SegmentName:
    """The inverse of `segment_name`. Raises ArchiveCorrupt for any other path."""
    found = _PATH.fullmatch(path)
    if found is None or found["directory"] != found["topic"]:
        raise ArchiveCorrupt(f"{path} is no segment's name: move it out of the archive, whose jobs would read it")
    try:
        return SegmentName(
            topic=found["topic"],
            partition=int(found["partition"]),
            first=int(found["first"]),
            date=date.fromisoformat(found["date"]),
            format=found["format"],
        )
    except ValueError as error:
        raise ArchiveCorrupt(f"{path} is no segment's name ({error}): move it out of the archive") from error


def date_directory(day: date) -> str:
    """`date=2025-11-28`: what Spark reads as a column."""
    return f"date={day.isoformat()}"


def parse_day(path: str) -> date:
    """The date of a topic's date directory. Raises ArchiveCorrupt for any other path."""
    found = _DAY.fullmatch(path)
    try:
        return date.fromisoformat(found["date"] if found else "")
    except ValueError as error:
        raise ArchiveCorrupt(f"{path} is no date directory: move it out of the archive") from error


def date_of(timestamp_ms: int) -> date:
    """The UTC date of a Kafka timestamp. Before 1970 (-1 is "none") and after 9999 it is the first or the last day."""
    if timestamp_ms < 0:
        return date(1970, 1, 1)
    try:
        return datetime.fromtimestamp(timestamp_ms // 1000, UTC).date()
    except (ValueError, OverflowError, OSError):  # a producer that sends microseconds must not stop its partition
        return date.max


def is_hidden(name: str) -> bool:
    """Whether Hadoop and Spark pass that file or directory by: uploads under way, markers, checksums."""
    return name.startswith(("_", "."))


_TOPIC = re.compile(r"[A-Za-z0-9-][A-Za-z0-9._-]{0,248}")
_FORMAT = re.compile(r"[a-z][a-z0-9]*")
_DAY = re.compile(r"[^/]+/date=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})")
_PATH = re.compile(
    r"(?P<directory>[^/]+)/date=(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/"
    r"(?P<topic>[^/+]+)\+(?P<partition>0|[1-9][0-9]{0,9})\+(?P<first>[0-9]{20})\.(?P<format>[a-z][a-z0-9]*)"
)
