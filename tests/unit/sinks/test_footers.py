"""A file that another one's rows were put behind has the rows of both, for every reader."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.topics import Topic
from sinks import merging
from sinks.footers import appended, footer_of
from sinks.merging import merged
from sinks.parquet import ParquetEncoder
from sinks.segments import Records
from sinks.thrift import Field, decode, field

VIEW = b'{"id_produit":%d,"nom_produit":"Th\xc3\xa9","prix":1.5,"user_id":%d,"timestamp":"2025-11-28T12:00:00Z"}'


def file_of(first: int, rows: int, topic: Topic = Topic.PRODUCT_VIEWED) -> bytes:
    encoder = ParquetEncoder(topic, 0, first)
    encoder.add(Records.of((first + row, row, None, VIEW % (row % 7, row)) for row in range(rows)))
    return encoder.finish(first + rows)


def joined_files(first: bytes, *others: bytes, **notes: str) -> bytes:
    for more in others:
        added = appended(first, more)
        first += added.data + added.sealed(notes)
    return first


def read(file: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(file))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_the_whole_has_the_rows_of_all_in_their_order(sizes: list[int]) -> None:
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    files = [file_of(first, rows) for first, rows in zip(starts, sizes, strict=True)]
    whole = joined_files(*files)
    assert read(whole).equals(pa.concat_tables([read(file) for file in files]))
    metadata = pq.read_metadata(io.BytesIO(whole))
    assert (metadata.num_rows, metadata.num_row_groups) == (sum(sizes), sum(map(groups, files)))


def groups(file: bytes) -> int:
    return int(pq.read_metadata(io.BytesIO(file)).num_row_groups)


def test_whoever_knows_the_old_length_reads_the_old_file() -> None:
    first, second = file_of(0, 50), file_of(50, 30)
    assert read(joined_files(first, second)[: len(first)]).equals(read(first))


def test_a_joined_file_can_be_joined_again() -> None:
    one = joined_files(file_of(0, 50), file_of(50, 30))
    two = joined_files(one, file_of(80, 5))
    assert read(two)["kafka_offset"].to_pylist() == list(range(85))


def test_statistics_and_filters_go_along() -> None:
    whole = joined_files(file_of(0, 50), file_of(50, 30))
    metadata = pq.read_metadata(io.BytesIO(whole))
    offsets = [metadata.row_group(number).column(1).statistics for number in range(2)]
    assert [(each.min, each.max) for each in offsets] == [(0, 49), (50, 79)]
    found = pq.read_table(io.BytesIO(whole), filters=[("kafka_offset", ">=", 60)])
    assert found.num_rows == 20


def test_what_comes_between_the_rows_and_another_copy_of_the_footer_is_not_seen() -> None:
    first = file_of(0, 50)
    added = appended(first, file_of(50, 30))
    noisy = first + added.data + added.sealed({}) + file_of(7, 9) + added.sealed({"more": "1"})
    assert read(noisy)["kafka_offset"].to_pylist() == list(range(80))


def chunks(whole: bytes) -> Iterator[list[Field]]:
    """Of all row groups."""
    groups = field(decode(footer_of(whole)), 4)
    assert groups is not None
    for group in groups.value.values:
        columns = field(group, 1)
        assert columns is not None
        yield from columns.value.values


def number(fields: list[Field], *path: int) -> Any:
    for step in path[:-1]:
        found = field(fields, step)
        assert found is not None
        fields = found.value
    last = field(fields, path[-1])
    return None if last is None else last.value


def test_all_that_moved_is_where_the_footer_says() -> None:
    """By numbers of parquet.thrift: pages by their index, bounds, Bloom filters, and where a row group begins."""
    first = file_of(0, 50)
    whole = joined_files(first, file_of(50, 3_000))
    seen = 0
    for chunk in chunks(whole):
        data, dictionary, bloom = (number(chunk, 3, each) for each in (9, 11, 14))
        index = decode(whole[number(chunk, 4) : number(chunk, 4) + number(chunk, 5)])
        pages = number(index, 1).values
        assert number(pages[0], 1) == data
        for page in pages:
            header = decode(whole, number(page, 1))
            assert number(header, 1) == 0, "a data page"
            assert number(page, 2) > number(header, 3), "as large as the index says, with its header"
        if dictionary:
            assert number(decode(whole, dictionary), 1) == 2
        if number(chunk, 6) is not None:
            bounds = decode(whole[number(chunk, 6) : number(chunk, 6) + number(chunk, 7)])
            assert len(number(bounds, 2).values) == len(pages)
        if bloom:
            filled = decode(whole, bloom)
            assert number(filled, 1) == 32 * (number(filled, 1) // 32) > 0
            seen += 1
    assert seen == 4, "two columns of each of two files"
    groups = number(decode(footer_of(whole)), 4).values
    assert [number(group, 5) for group in groups] == [
        number(first_chunk, 3, 11) or number(first_chunk, 3, 9)
        for first_chunk in (number(group, 1).values[0] for group in groups)
    ]


def test_another_reader_finds_by_the_moved_filters_what_is_there(tmp_path: Path) -> None:
    """DuckDB passes over row groups by their Bloom filters."""
    path = tmp_path / "whole.parquet"
    path.write_bytes(joined_files(file_of(0, 50), file_of(50, 3_000)))
    for user in (7, 2_999):
        asked = "SELECT count(*) FROM read_parquet(?) WHERE user_id = ?"
        ((count,),) = duckdb.execute(asked, [str(path), user]).fetchall()
        assert count == (2 if user == 7 else 1)


def test_rows_that_read_back_otherwise_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [file_of(0, 50), file_of(50, 30), file_of(80, 5)]
    assert read(files[0] + merged(files, {}, 0).rows)["kafka_offset"].to_pylist() == list(range(85))
    written = merging._written
    monkeypatch.setattr(merging, "_written", lambda some, columns: written(some[:-1], columns))
    with pytest.raises(ArchiveCorrupt, match="reads back as other rows"):
        merged(files, {}, 0)


def test_notes_of_the_first_stay_but_for_those_that_are_given() -> None:
    whole = joined_files(file_of(0, 50), file_of(50, 30), **{"shopnow.next": "80", "more": "é"})
    notes: dict[bytes, Any] = pq.read_metadata(io.BytesIO(whole)).metadata
    assert (notes[b"shopnow.first"], notes[b"shopnow.next"], notes[b"more"]) == (b"0", b"80", "é".encode())
    assert b"ARROW:schema" in notes


def test_files_of_other_columns_are_refused() -> None:
    with pytest.raises(ArchiveCorrupt, match="other columns"):
        joined_files(file_of(0, 5), file_of(0, 5, Topic.STOCK_UPDATED))


@pytest.mark.parametrize("cut", [b"", b"PAR1", b"\xff\xff\xff\x00PAR1", file_of(0, 3)[:-1]])
def test_what_is_no_parquet_file_is_refused(cut: bytes) -> None:
    with pytest.raises(ArchiveCorrupt):
        footer_of(cut)
