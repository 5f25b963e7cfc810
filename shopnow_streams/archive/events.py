"""The raw records of a partition as one stream of columns, however they are cut into files."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.contents import milliseconds, read_rows
from shopnow_streams.archive.offsets import Ranges, disorder
from shopnow_streams.errors import ArchiveCorrupt
from sinks.chain import Range

COLUMNS = ("offset", "timestamp", "key", "value")


class PartitionEvents:
    """Batches of `COLUMNS` of the records of `files` that are in `within`, offsets rising; iterated once.

    `files` are in order. `repeated` are offsets that came again and were left out. Iterating blocks, and raises
    ArchiveCorrupt, SinkUnavailable, and FileNotFoundError where a file went away.
    """

    def __init__(self, catalogue: Catalogue, files: Sequence[SegmentFile], within: Range) -> None:
        self.records = 0
        self.repeated = Ranges()
        self._catalogue = catalogue
        self._files = files
        self._within = within
        self._next = within.first

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for file in self._files:
            if file.name.first >= self._within.next:
                return
            last = -1
            for rows in read_rows(self._catalogue.form, file.name, self._catalogue.window(file)):
                batch = _raw(rows)
                if disorder(batch["offset"], last + 1) is not None:
                    raise ArchiveCorrupt(
                        f"{file.path} has offsets that do not rise: `shopnow archive verify` tells more"
                    )
                if batch.num_rows:
                    last = batch["offset"][-1].as_py()
                    yield self._new(batch)

    def _new(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        offsets = batch["offset"]
        inside = pc.and_(
            pc.greater_equal(offsets, self._within.first),
            pc.less(offsets, self._within.next),
        )
        batch = batch.filter(inside)
        self.records += batch.num_rows
        known = pc.less(batch["offset"], self._next)
        self.repeated.add_all(batch["offset"].filter(known))
        batch = batch.filter(pc.invert(known))
        if batch.num_rows:
            self._next = batch["offset"][-1].as_py() + 1
        return batch


def _raw(rows: pa.RecordBatch) -> pa.RecordBatch:
    offsets, times = rows["kafka_offset"].cast(pa.int64()), milliseconds(rows["kafka_timestamp"])
    key, value = (rows[name].cast(pa.binary()) for name in ("kafka_key", "value"))
    return pa.RecordBatch.from_arrays([offsets, times, key, value], names=COLUMNS)
