"""Several Parquet segments as one: the rows of all but the first in few large row groups. Bytes in, bytes out."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from shopnow_streams.errors import ArchiveCorrupt
from sinks.footers import appended
from sinks.parquet import COMPACTED, JOINED, writer_of

ROW_GROUP_BYTES = 64 << 20
"""Arrow bytes of a row group, about 10 MB in the file: what a Spark task reads at once."""

DISTINCT = 100_000
"""Of a looked-up column in a row group so large."""


class Merged(NamedTuple):
    """The first file followed by `rows` is all of them as one file, `size` bytes.

    So it is with anything behind `rows` that ends with `footer`, which notes besides that it is not cut to `size` yet.
    """

    rows: bytes
    footer: bytes
    size: int


def merged(files: Sequence[bytes], notes: Mapping[str, str], modified_ms: int) -> Merged:
    """What makes the first of `files` one with the rows of all, in their order: two files or more.

    `notes` are the whole's; `modified_ms` is noted beside them, as when the last of them was closed. Blocks for about
    a second for 20 MB. Raises ArchiveCorrupt where they have other columns, can't be read, or where the rows read back
    are others.
    """
    first, *others = files
    try:
        columns = pq.read_schema(io.BytesIO(first)).remove_metadata()
        added = appended(first, _written(others, columns))
        closing = {**notes, COMPACTED: str(modified_ms)}
        rows = added.data + added.sealed(closing)
        size = len(first) + len(rows)
        if not _same(files, first + rows, columns):
            raise ArchiveCorrupt("what was merged reads back as other rows: left as it is")
    except (pa.ArrowException, OSError) as error:
        raise ArchiveCorrupt(f"segments that can't be merged: {error}") from error
    return Merged(rows, added.sealed(closing | {JOINED: str(size)}), size)


def _written(files: Sequence[bytes], columns: pa.Schema) -> bytes:
    """Those files as one, with statistics, page index and Bloom filters as ours have them."""
    out = pa.BufferOutputStream()
    with writer_of(out, columns, DISTINCT, level=3) as writer:
        for table in _groups(_batches(files), columns):
            writer.write_table(table, row_group_size=max(1, table.num_rows))
    whole: bytes = out.getvalue().to_pybytes()
    return whole


def _batches(files: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    for file in files:
        yield from pq.ParquetFile(io.BytesIO(file)).iter_batches()


def _groups(batches: Iterator[pa.RecordBatch], columns: pa.Schema) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(waiting, columns)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, columns)


def _same(files: Sequence[bytes], whole: bytes, columns: pa.Schema) -> bool:
    """Whether `whole` has exactly their rows, a row group at a time."""
    merged_file = pq.ParquetFile(io.BytesIO(whole))
    rest = pa.Table.from_batches([], columns)
    batches = _batches(files)
    for number in range(merged_file.num_row_groups):
        group = merged_file.read_row_group(number)
        while rest.num_rows < group.num_rows and (batch := next(batches, None)) is not None:
            rest = pa.concat_tables([rest, pa.Table.from_batches([batch], columns)])
        if not rest.slice(0, group.num_rows).equals(group):
            return False
        rest = rest.slice(group.num_rows)
    return rest.num_rows == 0 and next(batches, None) is None
