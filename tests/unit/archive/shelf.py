"""An archive in memory and the log it was made of, to be damaged to order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.partition import Committed
from shopnow_streams.archive.verification import Report, Told, Verifier
from shopnow_streams.errors import OffsetsLost
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.chain import Range
from sinks.faults import Fault
from sinks.files import Files
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.segments import Records, Segment, SegmentName, date_of, segment_name

TOPIC = str(Topic.STOCK_UPDATED)
NOON_MS = 1_764_331_200_000  # 2025-11-28 12:00 UTC
DAY_MS = 86_400_000
REFUSED: Fault = "refused"


def make_records(offsets: Iterable[int], *, timestamp_ms: int = NOON_MS, stock: int = 1) -> Records:
    """An event at each offset, every seventh none, every eleventh without a key."""
    return Records.of(
        (
            offset,
            timestamp_ms + offset,
            None if offset % 11 == 0 else b"%d" % offset,
            b"no event"
            if offset % 7 == 0
            else b'{"id_produit":%d,"stock":%d,"timestamp":"2025-11-28T12:00:00Z"}' % (offset, stock),
        )
        for offset in offsets
    )


class MemoryLog:
    """A `Log` of one topic; `records` by partition, each beginning at 0. `let_go` is retention."""

    def __init__(self, topic: str, records: Mapping[int, Records]) -> None:
        self._topic = topic
        self._records = dict(records)
        self._bounds = {number: Range(0, some.offsets[-1] + 1) for number, some in records.items() if len(some)}
        self.asked: list[Range] = []

    def let_go(self, partition: int, below: int) -> None:
        self._bounds[partition] = Range(below, max(below, self._bounds[partition].next))

    def go_on(self, partition: int, end: int) -> None:
        """Its end is there: what is behind the last record are markers."""
        self._bounds[partition] = Range(self._bounds[partition].first, end)

    def bounds(self, topic: str) -> Mapping[int, Range]:
        return self._bounds if topic == self._topic else {}

    def holding(self, topic: str, partition: int, ranges: Sequence[Range]) -> list[Range]:
        assert list(ranges) == sorted(ranges)
        self.asked += ranges
        for each in ranges:
            self._check(partition, each)
        return [each for each in ranges if any(offset in range(*each) for offset in self._records[partition].offsets)]

    def records(self, topic: str, partition: int, wanted: Range) -> Iterator[Records]:
        self._check(partition, wanted)
        kept = self._records[partition]
        rows = zip(kept.offsets, kept.timestamps_ms, kept.keys, kept.values, strict=True)
        chosen = Records.of(row for row in rows if row[0] in range(*wanted))
        while len(chosen):
            some, chosen = chosen.split(3)
            yield some

    def _check(self, partition: int, wanted: Range) -> None:
        if wanted.first < self._bounds[partition].first:
            raise OffsetsLost("gone", self._topic, partition)


@dataclass
class Shelf:
    """An archive of `TOPIC`, `form` files on `files`."""

    form: str = "parquet"
    files: Files = field(default_factory=MemoryFiles)

    @property
    def archive(self) -> Archive:
        return Archive(self.files, format_named(self.form))

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.archive, "memory:///")

    def put(
        self,
        first: int,
        after: int,
        *,
        partition: int = 0,
        offsets: Iterable[int] | None = None,
        timestamp_ms: int = NOON_MS,
        stock: int = 1,
    ) -> str:
        """Commit a segment, all offsets of which have a record where `offsets` does not say which; its path."""
        records = make_records(
            range(first, after) if offsets is None else offsets, timestamp_ms=timestamp_ms, stock=stock
        )
        encoder = format_named(self.form).encoder(TOPIC, partition, first)
        encoder.add(records)
        name = SegmentName(TOPIC, partition, first, date_of(records.timestamps_ms[0]), self.form)
        self.archive.commit(Segment(name, after, encoder.finish(after)))
        return segment_name(name)

    def tile(self, *bounds: int, partition: int = 0) -> list[str]:
        """Segments that end where the next begins; their paths."""
        return [self.put(*pair, partition=partition) for pair in pairwise(bounds)]

    def overwrite(self, path: str, data: bytes) -> None:
        self.files.remove(path)
        self.files.write(path, data)

    def data(self, path: str) -> bytes:
        return self.archive.read(path)

    def verify(
        self,
        log: MemoryLog | None = None,
        committed: int | None = None,
        partitions: Sequence[int] = (),
        told: Told = lambda _file: None,
    ) -> Report:
        group = {Place(TOPIC, 0): Committed("shop-archive", committed)} if committed is not None else {}
        verifier = Verifier(self.catalogue, log, group)
        return verifier.verify(TOPIC, verifier.listing(TOPIC, partitions), partitions, told)


def log_of(*offsets: int, **partitions: Iterable[int]) -> MemoryLog:
    """A log with a record at each offset of partition 0, and at those of `p1`, `p2`…"""
    records = {0: make_records(offsets)} | {int(name[1:]): make_records(some) for name, some in partitions.items()}
    return MemoryLog(TOPIC, {number: some for number, some in records.items() if len(some)})
