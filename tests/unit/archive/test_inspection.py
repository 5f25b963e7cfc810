"""A file is read to its last value, and what is not as its name and metadata say is told."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopnow_streams.archive import window
from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.inspection import Inspection, inspect
from shopnow_streams.errors import SinkUnavailable
from sinks.archive import Archive
from sinks.chain import Range
from sinks.faults import FaultyFiles
from sinks.formats import format_named
from tests.unit.archive.shelf import DAY_MS, NOON_MS, REFUSED, TOPIC, Shelf, make_records


def inspected(shelf: Shelf) -> Inspection:
    (file,) = shelf.catalogue.listing(TOPIC).segments
    return inspect(shelf.catalogue, file)


def rewrite(shelf: Shelf, path: str, change: "pa.Table | None" = None, **metadata: str) -> pa.Table:
    """Write that Parquet file again with other rows or metadata; gives the rows it had."""
    file = pq.ParquetFile(pa.BufferReader(shelf.data(path)))
    table = file.read()
    new = table if change is None else change
    said = file.metadata.metadata | {f"shopnow.{name}".encode(): text.encode() for name, text in metadata.items()}
    out = pa.BufferOutputStream()
    said.pop(b"ARROW:schema", None)
    pq.write_table(new.replace_schema_metadata(said), out)
    shelf.overwrite(path, out.getvalue().to_pybytes())
    return table


def test_a_file_that_is_right_is_found_right(shelf: Shelf) -> None:
    shelf.put(10, 30, offsets=[12, 13, 14, 20, 27])
    seen = inspected(shelf)
    assert (seen.unreadable, seen.wrong, seen.gone) == (None, [], False)
    assert (seen.rows, seen.runs) == (5, [Range(12, 15), Range(20, 21), Range(27, 28)])
    values = make_records([12, 13, 14, 20, 27]).values
    assert seen.value_bytes == sum(len(value or b"") for value in values)
    assert seen.holes[:3] == [Range(10, 12), Range(15, 20), Range(21, 27)]
    # where a file of JSON lines ends, its last line alone says
    assert (seen.next, seen.holes[3:]) == ((30, [Range(28, 30)]) if shelf.form == "parquet" else (28, []))


def test_runs_go_on_over_batches_and_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopnow_streams.archive.contents.BATCH_ROWS", 7)
    shelf = Shelf()
    shelf.put(0, 100, offsets=[*range(50), *range(60, 100)])
    assert inspected(shelf).runs == [Range(0, 50), Range(60, 100)]


@pytest.mark.parametrize("cut", [1, 8, 300])
def test_half_a_file_cannot_be_read(shelf: Shelf, cut: int) -> None:
    path = shelf.put(0, 10)
    shelf.overwrite(path, shelf.data(path)[:-cut])
    seen = inspected(shelf)
    assert seen.unreadable is not None
    assert path in seen.unreadable


@pytest.mark.parametrize("data", [b"", b"PAR1", bytes(5_000)], ids=["empty", "four bytes", "zeros"])
def test_a_file_of_nothing_cannot_be_read(shelf: Shelf, data: bytes) -> None:
    path = shelf.put(0, 10)
    shelf.overwrite(path, data)
    seen = inspected(shelf)
    assert path in (seen.unreadable or "")
    assert (seen.next, seen.holes) == (None, [])


def test_bytes_that_went_bad_in_the_middle_are_noticed_and_the_end_is_still_known() -> None:
    shelf = Shelf()
    path = shelf.put(0, 500)
    data = bytearray(shelf.data(path))
    column = pq.read_metadata(pa.BufferReader(bytes(data))).row_group(0).column(4)
    assert column.path_in_schema == "value"
    middle = column.data_page_offset + column.total_compressed_size // 2
    data[middle : middle + 40] = bytes(40)
    shelf.overwrite(path, bytes(data))
    seen = inspected(shelf)
    assert path in (seen.unreadable or "")
    assert (seen.next, seen.holes) == (500, []), "what was not read is not taken for a hole"


def test_a_line_that_is_none_of_ours_is_noticed() -> None:
    shelf = Shelf("jsonl")
    path = shelf.put(0, 10)
    lines = shelf.data(path).splitlines(keepends=True)
    shelf.overwrite(path, b"".join([*lines[:4], b"{}\n", *lines[5:]]))
    assert "none of ours" in (inspected(shelf).unreadable or "")
    shelf.overwrite(path, b"".join([*lines[:4], lines[4].replace(TOPIC.encode(), b"other"), *lines[5:]]))
    assert "records of other" in (inspected(shelf).unreadable or "")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"rows": "9"}, "it has 10 rows, and its metadata says 9"),
        ({"next": "8"}, "it has offsets 0 to 9, and its name and metadata say 0 to 7"),
    ],
)
def test_rows_that_its_metadata_deny_are_told(metadata: dict[str, str], said: str) -> None:
    shelf = Shelf()
    rewrite(shelf, shelf.put(0, 10), **metadata)
    assert inspected(shelf).wrong == [said]


def test_offsets_below_its_name_are_told() -> None:
    shelf = Shelf()
    path = shelf.put(5, 10)
    lower = shelf.put(0, 5)
    rows = pa.concat_tables([pq.read_table(pa.BufferReader(shelf.data(each))) for each in (lower, path)])
    rewrite(shelf, path, rows, rows="10")
    shelf.files.remove(lower)
    assert inspected(shelf).wrong == ["it has offsets 0 to 9, and its name and metadata say 5 to 9"]


def test_rows_that_come_twice_or_out_of_order_are_told() -> None:
    shelf = Shelf()
    path = shelf.put(0, 10)
    table = rewrite(shelf, path)
    rewrite(shelf, path, table.take([0, 1, 2, 2, 4, 5, 6, 7, 8, 9]))
    seen = inspected(shelf)
    assert seen.wrong == ["offset 2 comes after a greater one, or twice"]
    assert seen.holes == [Range(3, 4)]
    rewrite(shelf, path, table.take([0, 1, 3, 2, 4, 5, 6, 7, 8, 9]))
    assert inspected(shelf).wrong == ["offset 2 comes after a greater one, or twice"]
    assert inspected(shelf).holes == []


def test_order_is_looked_at_between_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopnow_streams.archive.contents.BATCH_ROWS", 5)
    shelf = Shelf()
    path = shelf.put(0, 10)
    table = rewrite(shelf, path)
    rewrite(shelf, path, table.take([0, 1, 2, 3, 4, 4, 6, 7, 8, 9]))
    assert inspected(shelf).wrong == ["offset 4 comes after a greater one, or twice"]


def test_rows_of_another_partition_are_told() -> None:
    shelf = Shelf()
    path = shelf.put(0, 10)
    table = rewrite(shelf, path)
    rewrite(shelf, path, table.set_column(0, table.schema.field(0), pa.array([0] * 8 + [3] * 2, pa.int32())))
    assert inspected(shelf).wrong == ["2 rows are of another partition"]


def test_a_file_under_another_date_is_told(shelf: Shelf) -> None:
    path = shelf.put(0, 10, timestamp_ms=NOON_MS)
    other = shelf.put(0, 10, timestamp_ms=NOON_MS + DAY_MS)
    shelf.overwrite(other, shelf.data(path))
    shelf.files.remove(path)
    assert inspected(shelf).wrong == ["its first record is of 2025-11-28, and it is filed under 2025-11-29"]


def test_a_file_without_a_column_of_kafkas_is_told() -> None:
    shelf = Shelf()
    path = shelf.put(0, 10)
    table = rewrite(shelf, path)
    rewrite(shelf, path, table.drop_columns(["value"]))
    assert "has no column value" in (inspected(shelf).unreadable or "")


def test_text_that_is_none_is_told() -> None:
    shelf = Shelf()
    path = shelf.put(0, 10)
    table = rewrite(shelf, path)
    names = pa.array([b"\xff"] * 10, pa.binary()).view(pa.string())
    rewrite(shelf, path, table.set_column(table.schema.get_field_index("nom_produit"), "nom_produit", names))
    assert "Invalid UTF8" in (inspected(shelf).unreadable or "")


def test_a_file_that_went_away_is_no_part_of_the_archive(shelf: Shelf) -> None:
    path = shelf.put(0, 10)
    (file,) = shelf.catalogue.listing(TOPIC).segments
    shelf.files.remove(path)
    assert inspect(shelf.catalogue, file).gone


def test_one_file_that_the_archive_cannot_give_is_told_and_an_archive_that_is_away_is_an_error(
    faulty: FaultyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "wait_exponential", lambda **_: lambda _state: 0.0)
    shelf = Shelf(files=faulty)
    shelf.put(0, 10)
    catalogue = Catalogue(Archive(faulty, format_named("parquet")))
    (file,) = catalogue.listing(TOPIC).segments
    faulty.plan("read", *[REFUSED] * (window.TRIES))
    seen = inspect(catalogue, file)
    assert (seen.gone, seen.unreadable) == (False, "read: refused, as planned")
    faulty.down = True
    with pytest.raises(SinkUnavailable):
        inspect(catalogue, file)
