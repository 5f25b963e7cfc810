"""Records in, rows out, written by hand: what both the live folds and Spark's recount are held to.

A file is one vector. `records` are records of the topics: `value` is the event, or `text` or `base64` the raw bytes, or
neither, which is a tombstone; `arrived` is Kafka's time of it, and with `repeat` there are so many of it, at the next
offsets, numbers of the event going up by those of `each`. `below` are the next offsets of partitions by topic, where
not all records count; `stands` is the moment at which the windows of a table stand. `rows` are all rows of the tables
that it names, by partition and key; moments in UTC, null for what never happened. Lists may be repeated as records are.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from shopnow_streams.topics import Topic

ALL = 2**62
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """One record, or several alike."""

    topic: Topic
    offset: int
    partition: int = 0
    value: msgspec.Raw = msgspec.Raw(b"")
    text: str | None = None
    base64: str | None = None
    arrived: datetime = datetime(2100, 1, 1, tzinfo=UTC)  # no event is ahead of it, but those that mean to be
    repeat: int = 1
    each: dict[str, int] = {}

    @property
    def raw(self) -> bytes | None:
        """The record's value."""
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        return bytes(self.value) or None

    @property
    def stamp_ms(self) -> int:
        """Kafka's time of it."""
        return (self.arrived - EPOCH) // timedelta(milliseconds=1)

    def several(self) -> Iterator["Given"]:
        """Each alone."""
        for number in range(self.repeat):
            value = self.value
            if self.each:
                event = msgspec.json.decode(value)
                more = {name: event[name] + number * by for name, by in self.each.items()}
                value = msgspec.Raw(msgspec.json.encode(event | more))
            yield msgspec.structs.replace(self, offset=self.offset + number, value=value, repeat=1, each={})


class Repeated(msgspec.Struct, forbid_unknown_fields=True):
    """In a list: `of` so many times, its numbers going up by those of `each`."""

    repeat: int
    of: list[Any]
    each: list[int]


class Vector(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    what: str
    records: list[Given]
    rows: dict[str, list[dict[str, Any]]]
    below: dict[Topic, dict[int, int]] = {}
    stands: dict[str, datetime] = {}

    def __post_init__(self) -> None:
        self.records = [one for given in self.records for one in given.several()]

    @property
    def partitions(self) -> list[int]:
        """Those that have records."""
        return sorted({record.partition for record in self.records})

    def next_offset(self, topic: Topic, partition: int) -> int:
        """Where a table that the rows are of stands."""
        return self.below.get(topic, {}).get(partition, ALL)

    def elsewhere(self, by: int) -> "Vector":
        """The same in other partitions: each number that much higher."""
        return msgspec.structs.replace(
            self,
            records=[msgspec.structs.replace(each, partition=each.partition + by) for each in self.records],
            rows={table: [_elsewhere(row, by) for row in rows] for table, rows in self.rows.items()},
            below={topic: {number + by: end for number, end in ends.items()} for topic, ends in self.below.items()},
        )

    def expected(self, table: str) -> list[dict[str, Any]]:
        """The rows by partition and key, as `audit.rows` has them."""
        rows = [{name: _plain(name, value) for name, value in row.items()} for row in self.rows[table]]
        return sorted(rows, key=lambda row: (row["partition"], row["key"]))


def load() -> dict[str, Vector]:
    """All vectors by name."""
    files = sorted(Path(__file__).parent.glob("*.json"))
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=Vector) for file in files}


def _elsewhere(row: dict[str, Any], by: int) -> dict[str, Any]:
    moved = row | {"partition": row["partition"] + by}
    if "newest" in row:  # which says the partition of each
        events = [event for item in row["newest"] for event in _unfolded(item)]
        moved["newest"] = [[event[0], event[1] + by, *event[2:]] for event in events]
    return moved


def _plain(name: str, value: Any) -> Any:
    """Each moment as `2025-11-28T10:30:00Z` means it; a list as text, moments in it as numbers."""
    if name.endswith("_at"):
        return None if value is None else datetime.fromisoformat(value)
    if name == "ordered_ms":
        return -1 if value is None else _since(value, timedelta(milliseconds=1))
    if isinstance(value, list):
        return ", ".join(" ".join(_words(name, each)) for item in value for each in _unfolded(item))
    return value


def _unfolded(item: Any) -> Iterator[list[Any]]:
    if isinstance(item, Mapping):
        repeated = msgspec.convert(item, Repeated)
        for number in range(repeated.repeat):
            pairs = zip(repeated.of, repeated.each, strict=True)
            yield [part + number * by if by else part for part, by in pairs]
    else:
        yield item


def _words(name: str, item: list[Any]) -> Iterator[str]:
    for at, part in enumerate(item):
        if isinstance(part, str) and part.endswith("Z"):
            own = (name, at) == ("newest", 3)  # to the microsecond, as only the events' own are
            yield str(_since(part, timedelta(microseconds=1) if own else timedelta(milliseconds=1)))
        else:
            yield str(part)


def _since(moment: str, unit: timedelta) -> int:
    return (datetime.fromisoformat(moment) - EPOCH) // unit
