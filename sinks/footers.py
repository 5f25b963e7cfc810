"""Parquet footers of files that are joined end to end: one that shows all of their rows. Pure.

A Parquet file is read from its end: what the footer does not name is not there for a reader. So the bytes of several
files, one behind the other, are one file with all of their rows once a footer follows that has all of their row groups,
each so much further on as its file is. Fields go by their numbers in parquet.thrift of
https://github.com/apache/parquet-format.
"""

from collections.abc import Mapping, Sequence

from shopnow_streams.errors import ArchiveCorrupt
from sinks.thrift import BINARY, I64, LIST, STRUCT, Elements, Field, decode, encode, field

MAGIC = b"PAR1"

# FileMetaData
_SCHEMA, _ROWS, _ROW_GROUPS, _NOTES = 2, 3, 4, 5
# RowGroup
_COLUMNS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
# ColumnChunk: the page index has offsets of its own, and is left out
_CHUNK_OFFSET, _META, _PAGE_INDEX = 2, 3, range(4, 8)
# ColumnMetaData: data, index and dictionary pages, and the Bloom filter
_OFFSETS = (9, 10, 11, 14)


def footer_of(file: bytes) -> bytes:
    """The footer's Thrift struct out of a file, or of the end of one that has it. Raises ArchiveCorrupt."""
    length = int.from_bytes(file[-8:-4], "little")
    if file[-4:] != MAGIC or length + 8 > len(file):
        raise ArchiveCorrupt("no Parquet file, or one that is cut")
    return file[-8 - length : -8]


def joined(footers: Sequence[bytes], sizes: Sequence[int], notes: Mapping[str, str]) -> bytes:
    """What makes the files of those `footers` and `sizes`, one behind the other, one Parquet file, when it follows.

    `notes` replace those of the same keys. Raises ArchiveCorrupt where the files' columns are not the same.
    """
    files = [decode(footer) for footer in footers]
    schema = _need(files[0], _SCHEMA)
    groups: list[list[Field]] = []
    rows = start = 0
    for one, size in zip(files, sizes, strict=True):
        if _need(one, _SCHEMA) != schema:
            raise ArchiveCorrupt("files of other columns: they can't be one")
        rows += _need(one, _ROWS).value
        for group in _need(one, _ROW_GROUPS).value.values:
            _move(group, start)
            groups.append(group)
        start += size
    whole = {each.number: each for each in files[0]}
    whole[_ROWS] = Field(_ROWS, I64, rows)
    whole[_ROW_GROUPS] = Field(_ROW_GROUPS, LIST, Elements(STRUCT, groups))
    whole[_NOTES] = Field(_NOTES, LIST, _noted(whole.get(_NOTES), notes))
    footer = encode([whole[number] for number in sorted(whole)])
    return footer + len(footer).to_bytes(4, "little") + MAGIC


def _move(group: list[Field], by: int) -> None:
    _shift(group, _GROUP_OFFSET, by)
    group[:] = [each for each in group if each.number != _ORDINAL]
    for chunk in _need(group, _COLUMNS).value.values:
        _shift(chunk, _CHUNK_OFFSET, by)
        chunk[:] = [each for each in chunk if each.number not in _PAGE_INDEX]
        meta = _need(chunk, _META).value
        for number in _OFFSETS:
            _shift(meta, number, by)


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
