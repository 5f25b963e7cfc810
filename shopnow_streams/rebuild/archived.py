"""A partition of a topic as the archive has it: the batches that Kafka once gave."""

from collections.abc import Iterator

import pyarrow as pa
from faust.types import TP

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile, is_changed
from shopnow_streams.archive.contents import milliseconds, read_rows
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import ArchiveBusy, ArchiveCorrupt, SinkUnavailable

BATCH_RECORDS = 2_000
ALL_MS = 2**63 - 1


class ArchivedRecord:
    """A `Record` of the archive."""

    __slots__ = ("_key", "_offset", "_timestamp_ms", "_value")

    def __init__(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None) -> None:
        self._offset, self._timestamp_ms, self._key, self._value = offset, timestamp_ms, key, value

    def offset(self) -> int:
        """See `Record`."""
        return self._offset

    def key(self) -> bytes | None:
        """See `Record`."""
        return self._key

    def value(self) -> bytes | None:
        """See `Record`."""
        return self._value

    def timestamp(self) -> tuple[int, int]:
        """See `Record`. Which clock it was is not archived."""
        return 0, self._timestamp_ms


def batches(
    catalogue: Catalogue, tp: TP, files: list[SegmentFile], until_ms: int = ALL_MS
) -> Iterator[tuple[Batch, SegmentFile]]:
    """Batches of the partition from its first archived offset on, each the next of the one before, and their files.

    With `until_ms`, up to the first record that Kafka dated (milliseconds since 1970) at that moment or later: a
    beginning of the partition, and so what it was then. Blocks; raises SinkUnavailable, ArchiveCorrupt where a file is
    missing or can't be read, and ArchiveBusy where one goes away meanwhile.
    """
    stands = files[0].name.first if files else 0
    for file in files:
        if file.name.first != stands:
            raise ArchiveCorrupt(
                f"{tp.topic} partition {tp.partition}: offsets {stands} to {file.name.first - 1} are missing before "
                f"{file.path}. `shopnow archive verify {tp.topic} --repair` fetches them while Kafka has them"
            )
        footer = catalogue.footer(file)
        if footer is None:
            _require_unchanged(catalogue, file)
            raise ArchiveCorrupt(f"{file.path} can't be read: `shopnow archive verify {tp.topic}` tells more")
        for rows in _rows(catalogue, file):
            for records in _slices(rows):
                count = _before(records, until_ms)
                whole = count == len(records)
                after = records[-1].offset() + 1 if whole else records[count].offset()
                yield Batch(tp, records[:count], stands, 0, after), file
                stands = after
                if not whole:
                    return
        if footer.next > stands:  # markers at its end
            yield Batch(tp, [], stands, 0, footer.next), file
            stands = footer.next


def _rows(catalogue: Catalogue, file: SegmentFile) -> Iterator[pa.RecordBatch]:
    try:
        yield from read_rows(catalogue.form, file.name, catalogue.window(file))
    except (FileNotFoundError, ArchiveCorrupt, SinkUnavailable):
        _require_unchanged(catalogue, file)
        raise


def _require_unchanged(catalogue: Catalogue, file: SegmentFile) -> None:
    if is_changed(catalogue.files, file):
        raise ArchiveBusy(f"{file.path} went away while it was read, as in a compaction: begin again")


def _before(records: list[ArchivedRecord], until_ms: int) -> int:
    """How many come before the first that is dated `until_ms` or later."""
    if until_ms == ALL_MS:
        return len(records)
    return next((place for place, one in enumerate(records) if one.timestamp()[1] >= until_ms), len(records))


def _slices(rows: pa.RecordBatch) -> Iterator[list[ArchivedRecord]]:
    for start in range(0, rows.num_rows, BATCH_RECORDS):
        part = rows.slice(start, BATCH_RECORDS)
        columns = (
            part["kafka_offset"].to_pylist(),
            milliseconds(part["kafka_timestamp"]).to_pylist(),
            part["kafka_key"].to_pylist(),
            part["value"].to_pylist(),
        )
        yield [ArchivedRecord(*row) for row in zip(*columns, strict=True)]
