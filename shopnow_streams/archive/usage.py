"""What the archive takes up: from the names of files and their ends, without reading what is in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.in_order import in_order


@dataclass
class Usage:
    """Of one partition of a topic, or all (None). `unreadable` files count as segments and bytes alone.

    `records` and `value_bytes` are None where the format's files do not tell without being read.
    """

    topic: str
    partition: int | None
    segments: int = 0
    records: int | None = 0
    bytes: int = 0
    value_bytes: int | None = 0
    unreadable: int = 0

    @property
    def mean_bytes(self) -> int:
        """Of a segment."""
        return round(self.bytes / self.segments) if self.segments else 0

    @property
    def ratio(self) -> float | None:
        """Bytes of raw values that a byte of the files stands for."""
        return self.value_bytes / self.bytes if self.value_bytes and self.bytes else None

    def add(self, other: "Usage") -> None:
        """Take in what another one takes up."""
        self.segments += other.segments
        self.bytes += other.bytes
        self.unreadable += other.unreadable
        self.records = _sum(self.records, other.records)
        self.value_bytes = _sum(self.value_bytes, other.value_bytes)


def usage(
    catalogue: Catalogue, files: Iterable[SegmentFile], told: Callable[[SegmentFile], None] = lambda _file: None
) -> list[Usage]:
    """Of each partition that has files. Reads the end of each of `files`: blocks, and raises SinkUnavailable."""
    found: dict[tuple[str, int], Usage] = {}
    for file, footer in in_order(lambda file: (file, catalogue.footer(file)), files):
        name = file.name
        part = found.setdefault((name.topic, name.partition), Usage(name.topic, name.partition))
        rows, value_bytes = (footer.rows, footer.value_bytes) if footer else (0, 0)
        part.add(Usage(name.topic, name.partition, 1, rows, file.size, value_bytes, footer is None))
        told(file)
    return list(found.values())


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
