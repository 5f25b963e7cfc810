"""What records come to by hour, so that two readings of them can be compared, however they are cut into files.

The hour is that of Kafka's timestamp. The checksum is the sum of a CRC-32 a record: of its offset, its time and its
bytes. Spark has the same number:

    SELECT sum(crc32(concat(
      cast(concat_ws(' ', kafka_offset, unix_millis(kafka_timestamp), coalesce(length(kafka_key), -1),
                     coalesce(length(value), -1), '') AS BINARY),
      coalesce(kafka_key, CAST('' AS BINARY)), coalesce(value, CAST('' AS BINARY)))))
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.archive.contents import milliseconds

HOUR_MS = 3_600_000


class Tally(NamedTuple):
    """Some records: how many, the first and last offset, the bytes of their values, and their checksum."""

    records: int
    first: int
    last: int
    value_bytes: int
    checksum: int

    def merge(self, other: "Tally | None") -> "Tally":
        """Of these and those."""
        if other is None:
            return self
        return Tally(
            self.records + other.records,
            min(self.first, other.first),
            max(self.last, other.last),
            self.value_bytes + other.value_bytes,
            self.checksum + other.checksum,
        )


class Tallies:
    """Of one partition's records by the hour they are of, and by which of `bounds` (offsets, rising) they come after.

    Interval 0 is below the first bound, interval n from the nth on.
    """

    def __init__(self, bounds: Sequence[int] = ()) -> None:
        self._bounds = bounds
        self._found: dict[int, dict[int, Tally]] = {}  # by hour and interval

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in rows of the archive, their offsets rising. Blocks for about 1 µs a row."""
        if not batch.num_rows:
            return
        offsets = _numbers(batch["kafka_offset"])
        interval, start = bisect_right(self._bounds, offsets[0]), 0
        while start < len(offsets):
            beyond = interval == len(self._bounds)
            end = len(offsets) if beyond else bisect_left(offsets, self._bounds[interval], start)
            for hour, tally in _by_hour(batch.slice(start, end - start)):
                self._put(hour, interval, tally)
            interval, start = interval + 1, end

    def merge(self, other: "Tallies") -> None:
        """Take in those of other records, with the same bounds."""
        for hour, parts in other._found.items():
            for interval, tally in parts.items():
                self._put(hour, interval, tally)

    def hours(self) -> list[int]:
        """The hours that there are records of, each by its beginning in milliseconds since 1970."""
        return sorted(self._found)

    def of(self, hour: int, first_interval: int = 0, after_interval: int | None = None) -> Tally | None:
        """Of that hour's records in those intervals, all of them by default; None where there is none."""
        total: Tally | None = None
        for interval, part in self._found.get(hour, {}).items():
            if first_interval <= interval and (after_interval is None or interval < after_interval):
                total = part.merge(total)
        return total

    def _put(self, hour: int, interval: int, tally: Tally) -> None:
        parts = self._found.setdefault(hour, {})
        parts[interval] = tally.merge(parts.get(interval))


def _by_hour(rows: pa.RecordBatch) -> Iterator[tuple[int, Tally]]:
    if not rows.num_rows:
        return
    hours = pc.multiply(pc.divide(milliseconds(rows["kafka_timestamp"]), HOUR_MS), HOUR_MS)
    for hour in pc.unique(hours):
        yield hour.as_py(), _tally(rows.filter(pc.equal(hours, hour)))


def _tally(rows: pa.RecordBatch) -> Tally:
    offsets = _numbers(rows["kafka_offset"])
    times = _numbers(milliseconds(rows["kafka_timestamp"]))
    keys, values = _bytes(rows["kafka_key"]), _bytes(rows["value"])
    return Tally(
        len(offsets),
        offsets[0],
        offsets[-1],
        pc.sum(pc.binary_length(rows["value"])).as_py() or 0,
        sum(map(_checksum, offsets, times, keys, values)),
    )


def _checksum(offset: int, at_ms: int, key: bytes | None, value: bytes | None) -> int:
    place = b"%d %d %d %d " % (offset, at_ms, -1 if key is None else len(key), -1 if value is None else len(value))
    return crc32(value or b"", crc32(key or b"", crc32(place)))


def _numbers(column: pa.Array) -> list[int]:
    """Of 64 bits, without nulls: `to_pylist` takes five times as long."""
    numbers = memoryview(column.buffers()[1]).cast("q")
    return numbers[column.offset : column.offset + len(column)].tolist()


def _bytes(column: pa.Array) -> list[bytes | None]:
    """`to_pylist` takes several times as long."""
    _, ends, data = column.buffers()
    bounds = memoryview(ends).cast("i")[column.offset : column.offset + len(column) + 1].tolist()
    held = data.to_pybytes() if data is not None else b""
    found: list[bytes | None] = [held[start:end] for start, end in pairwise(bounds)]
    if column.null_count:
        for row in pc.indices_nonzero(column.is_null()).to_pylist():
            found[row] = None
    return found
