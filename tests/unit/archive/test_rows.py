"""Rows of a segment: found by offset or path, decoded, bounded."""

import pytest

from shopnow_streams.archive.rows import holding, named, rows
from shopnow_streams.archive.usage import usage
from shopnow_streams.errors import ArchiveCorrupt, ArchiveMissing
from sinks.segments import Records, Segment, SegmentName, date_of
from tests.unit.archive.shelf import NOON_MS, TOPIC, Shelf


def test_an_offset_is_found_in_the_file_that_covers_it(shelf: Shelf) -> None:
    paths = shelf.tile(0, 10, 25, 30)
    assert [holding(shelf.catalogue, TOPIC, 0, offset).path for offset in (0, 9, 10, 24, 25, 29)] == [
        path for path in paths for _ in range(2)
    ]


def test_an_offset_that_no_file_covers_is_said_with_what_is_around_it(shelf: Shelf) -> None:
    with pytest.raises(ArchiveMissing, match="nothing of stock-mis-a-jour partition 0 is archived"):
        holding(shelf.catalogue, TOPIC, 0, 0)
    bad = shelf.put(5, 10)
    shelf.put(20, 30)
    for offset, said in ((4, "first begins at 5"), (10, r"ends at 10; the next begins at 20"), (30, r"ends at 30$")):
        with pytest.raises(ArchiveMissing, match=said):
            holding(shelf.catalogue, TOPIC, 0, offset)
    shelf.overwrite(bad, b"")
    with pytest.raises(ArchiveCorrupt, match="verify stock-mis-a-jour"):
        holding(shelf.catalogue, TOPIC, 0, 7)


def test_rows_are_decoded_with_kafkas_columns_and_the_events(shelf: Shelf) -> None:
    file = named(shelf.catalogue, shelf.put(0, 30))
    (six, seven), more = rows(shelf.catalogue, file, 6, 2)
    assert more
    assert six == {
        "kafka_partition": 0,
        "kafka_offset": 6,
        "kafka_timestamp": "2025-11-28 12:00:00.006Z",
        "kafka_key": "6",
        "value": '{"id_produit":6,"stock":1,"timestamp":"2025-11-28T12:00:00Z"}',
        "rejected": None,
        "event_time": "2025-11-28 12:00:00.000000Z",
        "id_produit": 6,
        "stock": 1,
        "nom_produit": None,
    }
    assert (seven["rejected"], seven["value"], seven["stock"]) == ("not-json", "no event", None)
    assert [row["kafka_offset"] for row in rows(shelf.catalogue, file, 28, 10)[0]] == [28, 29]
    assert not rows(shelf.catalogue, file, 0, 30)[1]


def test_what_python_has_no_words_for_is_shown_all_the_same(shelf: Shelf) -> None:
    timestamp_ms = 2**60
    encoder = shelf.archive.form.encoder(TOPIC, 0, 0)
    encoder.add(Records.of([(0, timestamp_ms, b"\xff\xfe", None)]))
    name = SegmentName(TOPIC, 0, 0, date_of(timestamp_ms), shelf.form)
    shelf.archive.commit(Segment(name, 1, encoder.finish(1)))
    ((row,), _) = rows(shelf.catalogue, holding(shelf.catalogue, TOPIC, 0, 0), 0, 5)
    assert (row["kafka_key"], row["value"], row["rejected"]) == ("//4=", None, "no-value")
    assert isinstance(row["kafka_timestamp"], str)


def test_a_path_that_is_none_is_said(shelf: Shelf) -> None:
    shelf.put(0, 10)
    with pytest.raises(ArchiveMissing, match="does not exist"):
        named(shelf.catalogue, f"{TOPIC}/date=2025-11-28/nothing")
    shelf.files.write(f"{TOPIC}/date=2025-11-28/part-0", b"")
    with pytest.raises(ArchiveCorrupt):
        named(shelf.catalogue, f"{TOPIC}/date=2025-11-28/part-0")
    other = "jsonl" if shelf.form == "parquet" else "parquet"
    shelf.files.write(f"{TOPIC}/date=2025-11-28/{TOPIC}+0+{10:020d}.{other}", b"")
    with pytest.raises(ArchiveCorrupt, match=f"no {shelf.form} file"):
        named(shelf.catalogue, f"{TOPIC}/date=2025-11-28/{TOPIC}+0+{10:020d}.{other}")


def test_usage_is_counted_from_the_ends_of_files() -> None:
    shelf = Shelf()
    paths = shelf.tile(0, 100, 300)
    shelf.put(0, 50, partition=1, timestamp_ms=NOON_MS)
    shelf.overwrite(paths[1], shelf.data(paths[1])[:-1])
    files = shelf.catalogue.listing(TOPIC).segments
    zero, one = usage(shelf.catalogue, files)
    assert (zero.segments, zero.records, zero.unreadable) == (2, 100, 1)
    assert zero.bytes == files[0].size + files[1].size
    assert zero.mean_bytes == round(zero.bytes / 2)
    assert (one.partition, one.records, one.unreadable) == (1, 50, 0)
    values = sum(len(row["value"]) for row in rows(shelf.catalogue, files[2], 0, 50)[0])
    assert one.value_bytes == pytest.approx(values, rel=0.05)
    assert one.ratio == pytest.approx(values / files[2].size, rel=0.05)
    zero.add(one)
    assert (zero.segments, zero.records) == (3, 150)


def test_usage_does_not_say_what_only_the_whole_file_tells() -> None:
    shelf = Shelf("jsonl")
    shelf.tile(0, 100, 300)
    (found,) = usage(shelf.catalogue, shelf.catalogue.listing(TOPIC).segments)
    assert (found.segments, found.records, found.value_bytes, found.ratio) == (2, None, None, None)
