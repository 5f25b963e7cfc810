"""Records in, rows out, written by hand: what both the live folds and Spark's recount are held to.

A file is one vector. `records` are records of the topics: `value` is the event, or `text` or `base64` the raw bytes, or
neither, which is a tombstone. `below` are the next offsets of partitions by topic, where not all records count. `rows`
are all rows of the tables that it names, by partition and key; moments in UTC, null for what never happened.
"""

import base64
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from shopnow_streams.topics import Topic

ALL = 2**62


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """One record."""

    topic: Topic
    offset: int
    partition: int = 0
    value: msgspec.Raw = msgspec.Raw(b"")
    text: str | None = None
    base64: str | None = None

    @property
    def raw(self) -> bytes | None:
        """The record's value."""
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return base64.b64decode(self.base64)
        return bytes(self.value) or None


class Vector(msgspec.Struct, forbid_unknown_fields=True):
    """One file."""

    what: str
    records: list[Given]
    rows: dict[str, list[dict[str, Any]]]
    below: dict[Topic, dict[int, int]] = {}

    @property
    def partitions(self) -> list[int]:
        """Those that have records."""
        return sorted({record.partition for record in self.records})

    def next_offset(self, topic: Topic, partition: int) -> int:
        """Where a table that the rows are of stands."""
        return self.below.get(topic, {}).get(partition, ALL)

    def expected(self, table: str) -> list[dict[str, Any]]:
        """The rows by partition and key, each moment as `2025-11-28T10:30:00Z` means it."""
        rows = [{name: _moment(name, value) for name, value in row.items()} for row in self.rows[table]]
        return sorted(rows, key=lambda row: (row["partition"], row["key"]))


def load() -> dict[str, Vector]:
    """All vectors by name."""
    files = sorted(Path(__file__).parent.glob("*.json"))
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=Vector) for file in files}


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value
