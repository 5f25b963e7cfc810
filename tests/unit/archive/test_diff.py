"""Two archives are the same where their events are, however they are cut, filed and encoded."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.archive.diff import PartitionDiff, diff, pairs
from shopnow_streams.archive.difference import Difference, compare
from shopnow_streams.archive.events import COLUMNS
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.offsets import Ranges
from shopnow_streams.errors import ArchiveCorrupt, SinkUnavailable
from sinks.chain import Range
from tests.unit.archive.shelf import TOPIC, Shelf

PLACE = Place(TOPIC, 0)
Row = tuple[int, bytes | None, bytes | None]
ROWS = st.dictionaries(
    st.integers(0, 30),
    st.tuples(st.integers(0, 1), st.sampled_from([None, b"", b"a"]), st.sampled_from([None, b"", b"a"])),
    max_size=20,
)


def batches(rows: dict[int, Row], sizes: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """In order of offset, as many rows a batch as `sizes` say in turn."""
    left = [(offset, *rows[offset]) for offset in sorted(rows)]
    turn = 0
    while left:
        size = sizes[turn % len(sizes)]
        columns = list(zip(*left[:size], strict=True)) or [()] * 4
        types = (pa.int64(), pa.int64(), pa.binary(), pa.binary())
        yield pa.RecordBatch.from_arrays([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=COLUMNS)
        left, turn = left[size:], turn + 1


def offsets(found: Ranges) -> set[int]:
    assert not found.more
    return {offset for part in found.kept for offset in range(*part)}


SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)


@given(ROWS, ROWS, SIZES, SIZES, st.booleans())
def test_a_difference_is_what_a_comparison_row_by_row_finds(
    a: dict[int, Row], b: dict[int, Row], sizes_a: list[int], sizes_b: list[int], alike: bool
) -> None:
    b = dict(a) | {offset: row for offset, row in b.items() if offset % 5 == 0} if alike else b
    found = compare(batches(a, sizes_a), batches(b, sizes_b))
    changed = {offset for offset in a.keys() & b.keys() if a[offset] != b[offset]}
    assert offsets(found.only_a) == a.keys() - b.keys()
    assert offsets(found.only_b) == b.keys() - a.keys()
    assert offsets(found.changed) == changed
    assert found.same == len(a.keys() & b.keys()) - len(changed)
    assert found.columns == {
        name: count
        for place, name in enumerate(("timestamp", "key", "value"))
        if (count := sum(a[offset][place] != b[offset][place] for offset in changed))
    }


@given(ROWS, SIZES, SIZES)
def test_how_a_stream_is_cut_makes_no_difference(a: dict[int, Row], one: list[int], other: list[int]) -> None:
    assert vars(compare(batches(a, one), batches(a, other)))["same"] == len(a)


def compared(a: Shelf, b: Shelf, *, common: bool = False) -> PartitionDiff:
    return diff(a.catalogue, b.catalogue, PLACE, pairs(a.catalogue, b.catalogue, TOPIC)[PLACE], common=common)


def test_archives_of_other_formats_and_other_cuts_are_the_same() -> None:
    a, b = Shelf("parquet"), Shelf("jsonl")
    a.tile(0, 10, 25, 30)
    b.tile(0, 3, 29, 30)
    found = compared(a, b)
    assert found.same
    assert (found.records_a, found.records_b, found.difference.same) == (30, 30, 30)


def test_what_only_one_has_and_what_differs_is_told_by_offset(shelf: Shelf) -> None:
    a, b = Shelf(shelf.form), Shelf(shelf.form)
    a.tile(0, 10, 20)
    b.put(5, 15, stock=2)
    b.put(15, 25)
    found = compared(a, b)
    assert not found.same
    assert found.difference.only_a.kept == [Range(0, 5)]
    assert found.difference.only_b.kept == [Range(20, 25)]
    assert offsets(found.difference.changed) == set(range(5, 15)) - {7, 14}, "those are no events, and alike"
    assert found.difference.columns == {"value": 8}
    assert found.difference.same == 7


def test_only_what_both_cover_is_compared_if_that_is_asked_for(shelf: Shelf) -> None:
    a, b = Shelf(shelf.form), Shelf(shelf.form)
    a.tile(0, 10, 20)
    b.tile(5, 15, 25)
    found = compared(a, b, common=True)
    assert found.same
    assert (found.records_a, found.records_b) == (15, 15)
    b.put(0, 6, partition=1)
    both = pairs(a.catalogue, b.catalogue, TOPIC)
    assert list(both) == [Place(TOPIC, 0), Place(TOPIC, 1)]
    one = Place(TOPIC, 1)
    assert diff(a.catalogue, b.catalogue, one, both[one], common=True).same, "there is nothing that both cover"
    assert diff(a.catalogue, b.catalogue, one, both[one]).difference.only_b.kept == [Range(0, 6)]


def test_records_that_one_has_twice_are_not_the_same(shelf: Shelf) -> None:
    a, b = Shelf(shelf.form), Shelf(shelf.form)
    a.tile(0, 10, 20)
    b.tile(0, 10, 20)
    b.put(5, 12)
    found = compared(a, b)
    assert not found.same
    assert (found.difference.same, found.repeated_b.count, found.repeated_a.count) == (20, 7, 0)


def test_a_file_that_cannot_be_read_is_for_verify(shelf: Shelf) -> None:
    path = shelf.put(0, 10)
    other = Shelf(shelf.form)
    other.put(0, 10)
    shelf.overwrite(path, b"")
    for common in (False, True):
        with pytest.raises(ArchiveCorrupt, match=r"\+0\+"):
            compared(shelf, other, common=common)


def test_a_file_that_goes_away_is_said(shelf: Shelf) -> None:
    path = shelf.put(0, 10)
    files = pairs(shelf.catalogue, shelf.catalogue, TOPIC)[PLACE]
    shelf.files.remove(path)
    with pytest.raises(SinkUnavailable, match="compare again"):
        diff(shelf.catalogue, shelf.catalogue, PLACE, files)


def test_ranges_are_bounded_and_all_counted() -> None:
    found = Ranges(bound=2)
    for part in (Range(0, 2), Range(2, 3), Range(5, 6), Range(7, 9), Range(9, 10), Range(12, 13)):
        found.add(part)
    assert (found.count, found.kept, found.more) == (8, [Range(0, 3), Range(5, 6)], 2)
    assert Difference().only_a.count == 0
