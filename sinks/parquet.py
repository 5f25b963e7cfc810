"""Segments as Parquet: zstd, columns encoded for what they hold, offsets in the file's metadata."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import shopnow_streams
from shopnow_streams.errors import ArchiveCorrupt
from sinks.columns import schema, to_batch
from sinks.segments import Records, SegmentName, segment_name

NAME = "parquet"

ROW_GROUP_BYTES = 8 << 20
"""Arrow bytes that make a row group: held as they are until then, 1 to 2 MB in the file. About 35,000 views."""

EXPECTED_RATIO = 1 / 5
"""Of file bytes to Arrow bytes, until the file itself tells."""

FOOTER_GUESS = 64 << 10
"""Bytes read from a file's end in the hope that its footer is in them: enough for 30 row groups."""

_REPEATED = ["kafka_partition", "rejected", "id_produit", "nom_produit", "prix", "prix_cents", "moyen_paiement"]
_RISING = ["kafka_offset", "kafka_timestamp", "event_time"]
_SOUGHT = ["kafka_offset", "kafka_timestamp", "event_time", "id_produit", "user_id", "id_commande", "rejected"]
_LOOKED_UP = ["id_produit", "user_id", "id_commande"]
"""Values scattered over all files, so that least and greatest exclude nothing: these have a Bloom filter too."""

COMPACTED = "shopnow.compacted"
"""The note of a file that was made of several: when the last of those was closed, in milliseconds since 1970."""

JOINED = "shopnow.joined"
"""The note of a file that holds the bytes of several besides (decision 0006): the length that it is to be cut to."""

DISTINCT = 20_000
"""Of a looked-up column in a row group, about: 16 kB of filter, 3% of the file, in which one of 20 is found in vain."""


class ParquetEncoder:
    """An `Encoder`. Row groups are compressed as they fill, so that a segment is held at its compressed size."""

    def __init__(self, topic: str, partition: int, first: int) -> None:
        self._topic = topic
        self._partition = partition
        self._first = first
        self._rows = 0
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._compressed = 0  # Arrow bytes that went into row groups
        self._written = 0  # noted, not asked: the stream is closed while `finish` is at it in another thread
        self._out = pa.BufferOutputStream()
        self._writer = writer_of(self._out, schema(topic), DISTINCT)

    @property
    def size(self) -> int:
        """See `Encoder`."""
        ratio = self._written / self._compressed if self._compressed else EXPECTED_RATIO
        return int(self._written + self._waiting_bytes * ratio)

    @property
    def held(self) -> int:
        """See `Encoder`."""
        return self._written + self._waiting_bytes

    def add(self, records: Records) -> None:
        """See `Encoder`."""
        batch = to_batch(self._topic, self._partition, records)
        self._waiting.append(batch)
        self._waiting_bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self._compress()

    def finish(self, next_offset: int) -> bytes:
        """See `Encoder`."""
        self._compress()
        self._writer.add_key_value_metadata(notes(self._topic, self._partition, self._first, next_offset, self._rows))
        self._writer.close()
        data: bytes = self._out.getvalue().to_pybytes()
        return data

    def _compress(self) -> None:
        if self._waiting:
            group = pa.Table.from_batches(self._waiting)
            self._writer.write_table(group, row_group_size=group.num_rows)
            self._compressed += self._waiting_bytes
            self._waiting, self._waiting_bytes = [], 0
            self._written = self._out.tell()


encoder = ParquetEncoder


def writer_of(out: Any, columns: pa.Schema, distinct: int, level: int = 1) -> pq.ParquetWriter:
    """What writes a file of ours. `distinct` values or less of a looked-up column are in a row group."""
    present = set(columns.names)
    return pq.ParquetWriter(
        out,
        columns,
        compression="zstd",
        compression_level=level,  # 3 takes a third longer than 1, and saves 2%
        use_dictionary=[name for name in _REPEATED if name in present],
        column_encoding=dict.fromkeys([name for name in _RISING if name in present], "DELTA_BINARY_PACKED"),
        write_statistics=[name for name in _SOUGHT if name in present],
        write_page_index=True,
        bloom_filter_options={name: {"ndv": distinct, "fpp": 0.05} for name in _LOOKED_UP if name in present},
    )


def notes(topic: str, partition: int, first: int, next_offset: int, rows: int) -> dict[str, str]:
    """What a file says of itself, beside its rows."""
    return {
        "shopnow.topic": topic,
        "shopnow.partition": str(partition),
        "shopnow.first": str(first),
        "shopnow.next": str(next_offset),
        "shopnow.rows": str(rows),
        "shopnow.writer": f"shopnow-streams {shopnow_streams.__version__}",
    }


def next_offset(name: SegmentName, size: int, read: Callable[[int, int], bytes]) -> int:
    """See `Format`. Reads the footer: one read, or two where it is long."""
    path = segment_name(name)
    tail = read(max(0, size - FOOTER_GUESS), min(size, FOOTER_GUESS))
    if len(tail) < 12 or tail[-4:] != b"PAR1":
        raise ArchiveCorrupt(f"{path} does not end as a Parquet file does: {size} bytes")
    footer = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) < footer <= size:
        tail = read(size - footer, footer)
    try:
        metadata = pq.read_metadata(pa.BufferReader(tail)).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise ArchiveCorrupt(f"{path} has no readable Parquet footer: {error}") from error
    try:
        said = (
            metadata[b"shopnow.topic"].decode(),
            int(metadata[b"shopnow.partition"]),
            int(metadata[b"shopnow.first"]),
        )
        after = int(metadata[b"shopnow.next"])
    except (KeyError, ValueError) as error:
        raise ArchiveCorrupt(f"{path} was not written by this archive: its metadata lack {error}") from error
    if said != (name.topic, name.partition, name.first) or after <= name.first:
        raise ArchiveCorrupt(f"{path} holds offsets {said[2]} to {after} of {said[0]}/{said[1]}")
    return after
