"""A file that another one's rows were put behind has the rows of both, for every reader."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.topics import Topic
from sinks.footers import appended, footer_of
from sinks.parquet import ParquetEncoder
from sinks.segments import Records

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


def test_the_pages_that_can_have_it_are_read_by_their_moved_index() -> None:
    """DuckDB reads by the page index and the Bloom filters."""
    whole = joined_files(file_of(0, 50), file_of(50, 3_000))
    metadata = pq.read_metadata(io.BytesIO(whole))
    assert all(metadata.row_group(group).column(1).has_offset_index for group in range(metadata.num_row_groups))
    assert all(metadata.row_group(group).column(1).has_column_index for group in range(metadata.num_row_groups))


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
