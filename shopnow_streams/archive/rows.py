"""Rows of a segment, to be looked at."""

import base64
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.archive.contents import milliseconds, read_rows
from shopnow_streams.errors import ArchiveCorrupt, ArchiveMissing
from shopnow_streams.topics import Topic
from sinks.columns import to_batch
from sinks.segments import Records, parse_name


def named(catalogue: Catalogue, path: str) -> SegmentFile:
    """The file at `path`, relative to the root. Raises ArchiveMissing, and ArchiveCorrupt for what is no segment."""
    entry = catalogue.files.stat(path)
    if entry is None:
        raise ArchiveMissing(f"{catalogue.files.url(path)} does not exist: `shopnow archive ls` shows what does")
    name = parse_name(path)
    if name.format != catalogue.form.NAME:
        raise ArchiveCorrupt(f"{path} is no {catalogue.form.NAME} file, as all of this archive must be")
    return SegmentFile(name, entry.size, entry.modified_ms)


def holding(catalogue: Catalogue, topic: str, partition: int, offset: int) -> SegmentFile:
    """The file that covers `offset`. Raises ArchiveMissing where none does."""
    files = catalogue.listing(topic, [partition]).segments
    where = f"{topic} partition {partition}"
    if not files:
        raise ArchiveMissing(f"nothing of {where} is archived: `shopnow archive ls` shows what is")
    place = sum(file.name.first <= offset for file in files) - 1
    if place < 0:
        raise ArchiveMissing(f"no segment of {where} covers offset {offset}: the first begins at {files[0].name.first}")
    footer = catalogue.footer(files[place])
    if footer is None:
        raise ArchiveCorrupt(f"{files[place].path} can't be read: `shopnow archive verify {topic}` tells more")
    if offset >= footer.next:
        after = f"; the next begins at {files[place + 1].name.first}" if place + 1 < len(files) else ""
        raise ArchiveMissing(
            f"no segment of {where} covers offset {offset}: {files[place].path} ends at {footer.next}{after}"
        )
    return files[place]


def rows(catalogue: Catalogue, file: SegmentFile, first: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Rows from offset `first` on, `limit` at most, and whether there are more: Kafka's columns, then the event's.

    Moments are text, since Kafka's may be beyond Python's; bytes are text where they are UTF-8, else base64.
    Reads no further than it must. Blocks; raises SinkUnavailable, ArchiveCorrupt, FileNotFoundError.
    """
    found: list[dict[str, Any]] = []
    for batch in read_rows(catalogue.form, file.name, catalogue.window(file)):
        part = batch.filter(pc.greater_equal(batch["kafka_offset"], first))[: limit + 1 - len(found)]
        found += _plain(_typed(file, part))
        if len(found) > limit:
            return found[:limit], True
    return found, False


def _typed(file: SegmentFile, batch: pa.RecordBatch) -> pa.RecordBatch:
    """With the event's columns, where the format does not keep them."""
    if "rejected" in batch.schema.names or file.name.topic not in set(Topic):
        return batch
    columns: Sequence[list[Any]] = [
        batch["kafka_offset"].to_pylist(),
        milliseconds(batch["kafka_timestamp"]).to_pylist(),
        batch["kafka_key"].to_pylist(),
        batch["value"].to_pylist(),
    ]
    return to_batch(file.name.topic, file.name.partition, Records(*columns))


def _plain(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        moments = pa.types.is_timestamp(column.type)
        columns[name] = [_text(value) for value in (column.cast(pa.string()) if moments else column).to_pylist()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
