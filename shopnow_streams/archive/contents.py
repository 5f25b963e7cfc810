"""What is in a file of the archive, in either format: what its end says of it, and its rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from shopnow_streams.archive.window import Window
from shopnow_streams.errors import ArchiveCorrupt
from sinks import jsonlines, parquet
from sinks.columns import KAFKA_FIELDS
from sinks.formats import Format
from sinks.segments import SegmentName

BATCH_ROWS = 20_000
LINES_BYTES = 1 << 20

RAW = pa.schema([field for field in KAFKA_FIELDS if field.name != "rejected"])
"""What the rows of every format have: partition, offset, timestamp, key, value."""


class Footer(NamedTuple):
    """What a file's end says. `rows` and `value_bytes` (of the raw values) are None where that takes the whole file.

    `said_rows` is what the writer noted besides, `last_ms` the latest of Kafka's timestamps in it, `columns` their
    names and types; the last two are what a compaction did (see `Piece`).
    """

    next: int
    rows: int | None = None
    said_rows: int | None = None
    value_bytes: int | None = None
    last_ms: int | None = None
    columns: str = ""
    compacted_ms: int | None = None
    joined_bytes: int | None = None


def read_footer(form: Format, name: SegmentName, window: Window) -> Footer:
    """Read the end of a file. Raises ArchiveCorrupt where it is not what its name says; else as `Window`."""
    after = form.next_offset(name, window.size, window.part)
    if form.NAME == jsonlines.NAME:
        return Footer(after)
    with _explained(window):
        metadata = pq.read_metadata(window)
    notes = metadata.metadata or {}
    said_rows, *compacted = (
        int(said) if (said := notes.get(name.encode(), b"")).isdigit() else None
        for name in ("shopnow.rows", parquet.COMPACTED, parquet.JOINED)
    )
    columns = str(metadata.schema)
    columns = columns[columns.index("\n") :]  # the first line has its address
    said = (_value_bytes(metadata), _last_ms(metadata), columns)
    return Footer(after, metadata.num_rows, said_rows, *said, *compacted)


def read_rows(form: Format, name: SegmentName, window: Window) -> Iterator[pa.RecordBatch]:
    """All rows, decoded to the last column, a batch at a time: the columns of `RAW` and any others in the file.

    Raises ArchiveCorrupt where the file can't be decoded; else as `Window`.
    """
    return _lines(name, window) if form.NAME == jsonlines.NAME else _row_groups(window)


def milliseconds(times: pa.Array) -> pa.Array:
    """Kafka's timestamps as the numbers that they are."""
    return times.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())


def _row_groups(window: Window) -> Iterator[pa.RecordBatch]:
    with _explained(window):
        file = pq.ParquetFile(window, pre_buffer=False)
        missing = [column for column in RAW.names if column not in file.schema_arrow.names]
        if missing:
            raise ArchiveCorrupt(f"{window.path} has no column {', '.join(missing)}")
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            batch.validate(full=True)
            yield batch


def _lines(name: SegmentName, window: Window) -> Iterator[pa.RecordBatch]:
    rest = b""
    while piece := window.read(LINES_BYTES):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        if newline:
            yield _to_batch(name, window, whole)
    if rest or not window.size:
        raise ArchiveCorrupt(f"{window.path} does not end with a whole line")


def _to_batch(name: SegmentName, window: Window, lines: bytes) -> pa.RecordBatch:
    try:
        decoded = _LINES.decode_lines(lines)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ArchiveCorrupt(f"{window.path} has a line that is none of ours: {error}") from error
    strangers = {line.kafka_topic for line in decoded} - {name.topic}
    if strangers:
        raise ArchiveCorrupt(f"{window.path} holds records of {', '.join(sorted(strangers))}")
    columns = [
        [line.kafka_partition for line in decoded],
        [line.kafka_offset for line in decoded],
        [line.kafka_timestamp for line in decoded],
        [_raw(line.kafka_key, line.kafka_key_base64) for line in decoded],
        [_raw(line.value, line.value_base64) for line in decoded],
    ]
    return pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(columns, RAW, strict=True)], schema=RAW)


def _raw(text: str | msgspec.UnsetType, raw: bytes | msgspec.UnsetType) -> bytes | None:
    if text is not msgspec.UNSET:
        return text.encode()
    return None if raw is msgspec.UNSET else raw


def _value_bytes(metadata: pq.FileMetaData) -> int | None:
    """The raw values' bytes, from what the footer says of their column: less the length before each, 4 bytes."""
    if "value" not in metadata.schema.names:
        return None
    place = metadata.schema.names.index("value")
    chunks = [metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)]
    return sum(max(0, int(chunk.total_uncompressed_size) - 4 * int(chunk.num_values)) for chunk in chunks)


def _last_ms(metadata: pq.FileMetaData) -> int | None:
    """By the column's statistics; None where a row group has none."""
    if "kafka_timestamp" not in metadata.schema.names:
        return None
    place = metadata.schema.names.index("kafka_timestamp")
    groups = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
    if not groups or not all(group is not None and group.has_min_max for group in groups):
        return None
    return max(int(group.max_raw) for group in groups)


@contextmanager
def _explained(window: Window) -> Iterator[None]:
    """What Arrow raises, as ArchiveCorrupt. What `window` raises passes through Arrow as it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ArchiveCorrupt(f"{window.path} cannot be decoded: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


_LINES = msgspec.json.Decoder(jsonlines.Line)
