"""Parquet footers of a file that grows: what makes one more file's rows, put behind it, rows of its own. Pure.

A Parquet file is read from its end: what the footer does not name is not there for a reader. So a file, the row
groups of another one behind it, and then a footer that has those of both, are one valid file; and the first file's
row groups have not moved. Fields go by their numbers in parquet.thrift of https://github.com/apache/parquet-format.
"""

from collections.abc import Mapping
from typing import NamedTuple

from shopnow_streams.errors import ArchiveCorrupt
from sinks.thrift import BINARY, I64, LIST, STRUCT, Elements, Field, decode, encode, field

MAGIC = b"PAR1"

# FileMetaData
_SCHEMA, _ROWS, _ROW_GROUPS, _NOTES = 2, 3, 4, 5
# RowGroup
_COLUMNS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
# ColumnChunk
_CHUNK_OFFSET, _META, _PAGES_OFFSET, _PAGES_LENGTH, _BOUNDS_OFFSET = 2, 3, 4, 5, 6
# ColumnMetaData: data, index and dictionary pages, and the Bloom filter
_OFFSETS = (9, 10, 11, 14)
# OffsetIndex, and the PageLocations in it
_PAGES, _PAGE_OFFSET = 1, 1


class Appended(NamedTuple):
    """`data` is to follow a first file; after it, and whatever else, a `footer` shows the rows of both."""

    data: bytes
    footer: list[Field]

    def sealed(self, notes: Mapping[str, str]) -> bytes:
        """The footer as a file ends with it. `notes` replace the first file's of the same keys."""
        whole = {each.number: each for each in self.footer}
        whole[_NOTES] = Field(_NOTES, LIST, _noted(whole.get(_NOTES), notes))
        footer = encode([whole[number] for number in sorted(whole)])
        return footer + len(footer).to_bytes(4, "little") + MAGIC


def footer_of(file: bytes) -> bytes:
    """The footer's Thrift struct out of a file, or of the end of one that has it. Raises ArchiveCorrupt."""
    length = int.from_bytes(file[-8:-4], "little")
    if file[-4:] != MAGIC or length + 8 > len(file):
        raise ArchiveCorrupt("no Parquet file, or one that is cut")
    return file[-8 - length : -8]


def appended(first: bytes, more: bytes) -> Appended:
    """What to put behind the file `first`, that it have the rows of the file `more` too.

    Raises ArchiveCorrupt where their columns are not the same, or where one is no Parquet file.
    """
    footer, added = decode(footer_of(first)), decode(footer_of(more))
    if _need(footer, _SCHEMA) != _need(added, _SCHEMA):
        raise ArchiveCorrupt("files of other columns: they can't be one")
    data = bytearray(more[: -8 - len(footer_of(more))])
    groups = [*_groups(footer), *_groups(added)]
    for group in _groups(added):
        _move(group, len(first), data)
    for group in groups:
        group[:] = [each for each in group if each.number != _ORDINAL]
    rows = _need(footer, _ROWS).value + _need(added, _ROWS).value
    whole = {each.number: each for each in footer}
    whole[_ROWS] = Field(_ROWS, I64, rows)
    whole[_ROW_GROUPS] = Field(_ROW_GROUPS, LIST, Elements(STRUCT, groups))
    return Appended(bytes(data), list(whole.values()))


def _groups(footer: list[Field]) -> list[list[Field]]:
    groups: list[list[Field]] = _need(footer, _ROW_GROUPS).value.values
    return groups


def _move(group: list[Field], by: int, data: bytearray) -> None:
    _shift(group, _GROUP_OFFSET, by)
    for chunk in _need(group, _COLUMNS).value.values:
        _move_pages(chunk, by, data)
        _shift(chunk, _CHUNK_OFFSET, by)
        _shift(chunk, _BOUNDS_OFFSET, by)
        meta = _need(chunk, _META).value
        for number in _OFFSETS:
            _shift(meta, number, by)


def _move_pages(chunk: list[Field], by: int, data: bytearray) -> None:
    """The index of a chunk's pages has their places in the file: a moved one goes to the end of `data`."""
    at, length = field(chunk, _PAGES_OFFSET), field(chunk, _PAGES_LENGTH)
    if at is None or length is None:
        return
    index = decode(bytes(data[at.value : at.value + length.value]))
    for page in _need(index, _PAGES).value.values:
        _shift(page, _PAGE_OFFSET, by)
    moved = encode(index)
    at.value, length.value = by + len(data), len(moved)
    data += moved


def _shift(fields: list[Field], number: int, by: int) -> None:
    """0 is none: no page begins before the magic number."""
    found = field(fields, number)
    if found is not None and found.value:
        found.value += by


def _noted(before: Field | None, notes: Mapping[str, str]) -> Elements:
    kept = [] if before is None else before.value.values
    known = {_need(pair, 1).value.decode(): pair for pair in kept}
    added = {key: [Field(1, BINARY, key.encode()), Field(2, BINARY, text.encode())] for key, text in notes.items()}
    return Elements(STRUCT, list((known | added).values()))


def _need(fields: list[Field], number: int) -> Field:
    found = field(fields, number)
    if found is None:
        raise ArchiveCorrupt(f"a Parquet footer lacks its field {number}")
    return found
