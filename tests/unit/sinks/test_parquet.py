"""A segment as Parquet: readable by anything, and says itself where it ends."""

import random
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.topics import Topic
from sinks import parquet
from sinks.columns import schema, to_batch
from sinks.segments import Records, SegmentName

TOPIC = Topic.PRODUCT_VIEWED
NAME = SegmentName(TOPIC, 3, 1_000, date(2025, 11, 28), "parquet")
NOON_MS = 1_764_331_200_000


def make_records(first: int, count: int) -> Records:
    """Like real ones in what compresses: names repeat, prices and moments hardly."""
    numbers = random.Random(first)
    records = []
    for offset in range(first, first + count):
        product, price, second = numbers.randrange(50), numbers.randrange(10_000) / 100, numbers.random() * 60
        value = (
            f'{{"id_produit":{product},"nom_produit":"Tee-shirt {product}","prix":{price},'
            f'"timestamp":"2025-11-28T12:00:{second:09.6f}Z"}}'
        )
        records.append((offset, NOON_MS + offset, b"%d" % product, value.encode()))
    return Records.of(records)


def make_file(*batches: Records) -> bytes:
    encoder = parquet.encoder(TOPIC, 3, 1_000)
    for batch in batches:
        encoder.add(batch)
    return encoder.finish(batches[-1].offsets[-1] + 1)


def next_offset(data: bytes, name: SegmentName = NAME) -> tuple[int, list[int]]:
    """What the file says, and how much of it was read for that, read by read."""
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return data[start : start + length]

    return parquet.next_offset(name, len(data), read), reads


def test_the_file_holds_the_rows_of_all_batches_in_order() -> None:
    records = make_records(1_000, 500)
    table = pq.read_table(pa.BufferReader(make_file(*records.split(300))))
    table.validate(full=True)
    assert table.cast(schema(TOPIC)).to_pylist() == to_batch(TOPIC, 3, records).to_pylist()


def test_the_file_says_what_it_is() -> None:
    metadata = pq.read_metadata(pa.BufferReader(make_file(make_records(1_002, 8)))).metadata
    said = {key.decode(): value.decode() for key, value in metadata.items() if key.startswith(b"shopnow.")}
    assert said.pop("shopnow.writer").startswith("shopnow-streams ")
    assert said == {
        "shopnow.topic": "produit-consulte",
        "shopnow.partition": "3",
        "shopnow.first": "1000",  # where the writer stood: Kafka has no records 1000 and 1001
        "shopnow.next": "1010",
        "shopnow.rows": "8",
    }


def test_the_next_offset_takes_one_small_read_of_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1 << 20)
    data = make_file(*(make_records(first, 5_000) for first in range(1_000, 61_000, 5_000)))
    assert pq.read_metadata(pa.BufferReader(data)).num_row_groups > 5
    assert len(data) > 2 * parquet.FOOTER_GUESS
    assert next_offset(data) == (61_000, [parquet.FOOTER_GUESS])


def test_a_footer_longer_than_guessed_takes_a_second_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FOOTER_GUESS", 64)
    data = make_file(make_records(1_000, 10))
    end, reads = next_offset(data)
    assert end == 1_010
    assert len(reads) == 2
    assert reads[1] < len(data)


@pytest.mark.parametrize("cut", [0, 1, 4, 8, 100])
def test_half_a_file_is_no_file(cut: int) -> None:
    data = make_file(make_records(1_000, 10))
    with pytest.raises(ArchiveCorrupt, match=r"produit-consulte\+3\+00000000000000001000"):
        next_offset(data[: len(data) - cut - 1] if cut else b"")


def test_a_file_of_somebody_else_is_refused() -> None:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), out)
    with pytest.raises(ArchiveCorrupt, match="not written by this archive"):
        next_offset(out.getvalue().to_pybytes())


@pytest.mark.parametrize("other", [{"topic": "t"}, {"partition": 4}, {"first": 999}])
def test_a_file_under_another_name_is_refused(other: dict[str, object]) -> None:
    fields = {"topic": NAME.topic, "partition": 3, "first": 1_000, "date": NAME.date, "format": "parquet"} | other
    with pytest.raises(ArchiveCorrupt, match="holds offsets 1000 to 1010 of produit-consulte/3"):
        next_offset(make_file(make_records(1_000, 10)), SegmentName(**fields))  # type: ignore[arg-type]


def test_the_size_is_told_while_the_file_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 1 << 20)
    encoder = parquet.encoder(TOPIC, 3, 0)
    told = []
    for first in range(0, 60_000, 5_000):
        encoder.add(make_records(first, 5_000))
        told.append(encoder.size)
        assert encoder.size <= encoder.held < encoder.size + (2 << 20)
    data = encoder.finish(60_000)
    assert encoder.held > 0, "the event loop asks while another thread finishes, when the stream is closed already"
    assert told[0] == pytest.approx(len(data) / 12, rel=0.5), "a guess, until the first row group is written"
    assert told[1:] == pytest.approx([len(data) * part / 12 for part in range(2, 13)], rel=0.2)


def test_the_same_records_are_the_same_bytes() -> None:
    """A segment is offered again byte for byte, and two writers that cut alike do not quarrel."""
    assert make_file(make_records(1_000, 100)) == make_file(make_records(1_000, 100))


def test_columns_are_found_without_reading_values() -> None:
    group = pq.read_metadata(pa.BufferReader(make_file(make_records(1_000, 100)))).row_group(0)
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    assert columns["kafka_offset"].statistics.min == 1_000
    assert columns["kafka_offset"].statistics.max == 1_099
    assert columns["value"].statistics is None
    assert columns["nom_produit"].has_dictionary_page
    assert {column.compression for column in columns.values()} == {"ZSTD"}
