"""Spark's recount makes the rows of `tests/vectors`, and the comparison misses nothing and sees nothing that is not."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from shopnow_streams.audit import rows
from shopnow_streams.audit.comparison import compare
from shopnow_streams.audit.event_time import timed
from shopnow_streams.audit.files import RowFile
from shopnow_streams.audit.grouping import Archive
from shopnow_streams.audit.recount import RECOUNTS, below
from shopnow_streams.audit.report import ROW, Difference
from shopnow_streams.audit.snapshot import EventTime
from shopnow_streams.audit.staging import within_reach
from shopnow_streams.batch.views import read_archive
from shopnow_streams.topics import Topic
from sinks.open import open_sink
from sinks.segments import Records, Segment, SegmentName, date_of
from tests import vectors
from tests.vectors import Given

VECTORS = {name: vector.elsewhere(10 * at) for at, (name, vector) in enumerate(vectors.load().items())}
"""Each in partitions of its own, so that all are recounted at once: most of what Spark takes is a query's beginning."""

RULES = EventTime(lateness_ms=3_600_000, skew_ms=60_000)


def archived(spark: SparkSession, folder: Path) -> Archive:
    """The vectors' records as the archiver writes them, and as Spark reads them."""
    archive = open_sink(f"file://{folder}")
    archive.check()
    by_topic: dict[tuple[Topic, int], list[Given]] = {}
    for vector in VECTORS.values():
        for each in vector.records:
            by_topic.setdefault((each.topic, each.partition), []).append(each)
    for (topic, number), given in by_topic.items():
        first, after = given[0].offset, given[-1].offset + 1
        encoder = archive.form.encoder(topic, number, first)
        encoder.add(Records.of((each.offset, each.stamp_ms, b"key", each.raw) for each in given))
        name = SegmentName(topic, number, first, date_of(given[0].stamp_ms), archive.form.NAME)
        archive.commit(Segment(name, after, encoder.finish(after)))
    return read_archive(spark, f"file://{folder}")


def standing() -> dict[int, dict[str, int]]:
    return {
        number: {str(topic): vector.next_offset(topic, number) for topic in Topic}
        for vector in VECTORS.values()
        for number in vector.partitions
    }


def windows_at(table: str) -> dict[int, datetime]:
    return {
        number: vector.stands.get(table, vectors.EPOCH) for vector in VECTORS.values() for number in vector.partitions
    }


@pytest.fixture(scope="module")
def archive(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return archived(spark, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def recounted(archive: Archive) -> dict[str, list[dict[str, Any]]]:
    """The rows of all vectors by table, in order of partition and key."""
    events = timed(archive, RULES)
    found = {}
    for table in rows.LIVE:
        seen = below(events if table.timed else archive, standing(), windows_at(table.name))
        made = RECOUNTS[table.name](seen)
        assert made.columns == ["partition", "key", *table.fields]
        named = [number for vector in VECTORS.values() if table.name in vector.rows for number in vector.partitions]
        plain = [as_written(row.asDict()) for row in made.where(made.partition.isin(named)).collect()]
        found[table.name] = sorted(plain, key=lambda row: (row["partition"], row["key"]))
    return found


def as_written(row: Mapping[str, Any]) -> dict[str, Any]:
    """A recomputed row as a vector writes it; Spark's moments come without a zone, in UTC."""
    return {
        name: value.replace(tzinfo=UTC)
        if isinstance(value, datetime)
        else int(value)
        if isinstance(value, Decimal)
        else value
        for name, value in row.items()
    }


@pytest.mark.parametrize("name", VECTORS)
def test_the_recount_makes_the_rows(name: str, recounted: dict[str, list[dict[str, Any]]]) -> None:
    vector = VECTORS[name]
    for table in vector.rows:
        made = [row for row in recounted[table] if row["partition"] in vector.partitions]
        assert made == vector.expected(table)


def test_each_record_that_is_no_event_must_be_set_aside_once(archive: Archive) -> None:
    found = RECOUNTS["rejects"](below(archive, standing())).collect()
    (number, *_) = VECTORS["partitions"].partitions
    assert [tuple(reject) for reject in found if reject["partition"] == number] == [
        (number, "produit-consulte 1", "not-json", 1)
    ]


STOCK = [
    (0, "1", 4, datetime(2025, 11, 28, 12), 1),
    (0, "2", 9, datetime(2025, 11, 28, 12, 0, 0, 1), 2),
    (1, "1", 0, datetime(2025, 11, 28, 12), 3),
]


def levels(spark: SparkSession, *levels: tuple[int, str, int, datetime | None, int]) -> DataFrame:
    return spark.createDataFrame(
        list(levels), "partition INT, key STRING, units BIGINT, counted_at TIMESTAMP, counts BIGINT"
    )


def test_alike_is_alike(spark: SparkSession) -> None:
    found = compare(rows.STOCK, levels(spark, *STOCK), levels(spark, *reversed(STOCK)), limit=5)
    assert (found.rows, found.wrong_rows, found.differences, found.shown) == (3, 0, 0, [])


def test_every_field_counts_and_null_is_a_value(spark: SparkSession) -> None:
    live = levels(spark, STOCK[0], (0, "2", 8, None, 2), STOCK[2])
    found = compare(rows.STOCK, live, levels(spark, *STOCK), limit=5)
    assert (found.rows, found.wrong_rows, found.differences) == (3, 1, 2)
    assert found.shown == [
        Difference("stock", 0, "2", "units", 8, 9),
        Difference("stock", 0, "2", "counted_at", None, "2025-11-28T12:00:00.000001Z"),
    ]


def test_a_row_in_another_partition_is_two_that_lack(spark: SparkSession) -> None:
    live = levels(spark, STOCK[0], (2, *STOCK[1][1:]), STOCK[2])
    found = compare(rows.STOCK, live, levels(spark, *STOCK), limit=5)
    assert (found.rows, found.wrong_rows, found.differences) == (4, 2, 2)
    lacking, added = found.shown
    assert (lacking.partition, lacking.key, lacking.field, lacking.live) == (0, "2", ROW, None)
    assert json.loads(str(lacking.batch))["counts"] == 2
    assert (added.partition, added.key, added.field, added.batch) == (2, "2", ROW, None)


def test_a_row_that_is_live_twice_is_wrong(spark: SparkSession) -> None:
    found = compare(rows.STOCK, levels(spark, *STOCK, STOCK[1]), levels(spark, *STOCK), limit=5)
    assert (found.rows, found.wrong_rows) == (3, 1)
    assert found.shown == [Difference("stock", 0, "2", ROW, "2 rows", "1 row")]


def test_the_first_differences_are_shown_and_all_are_counted(spark: SparkSession) -> None:
    live = levels(spark, *((*row[:2], row[2] + 1, row[3], row[4]) for row in STOCK))
    found = compare(rows.STOCK, live, levels(spark, *STOCK), limit=2)
    assert (found.differences, [(one.partition, one.key) for one in found.shown]) == (3, [(0, "1"), (0, "2")])


def test_of_a_part_only_what_is_there_is_compared(spark: SparkSession) -> None:
    live = levels(spark, STOCK[0], (7, "7", 7, None, 7))
    found = compare(rows.STOCK, live, levels(spark, *STOCK), limit=5, live_is_whole=False)
    assert (found.rows, [(one.partition, one.field) for one in found.shown]) == (2, [(7, ROW)])


def test_files_are_read_where_they_are_or_as_copies_that_do_not_stay(spark: SparkSession, tmp_path: Path) -> None:
    with RowFile(tmp_path / "rows.parquet", rows.STOCK.schema()) as file:
        file.add((0, "1", 4, None, 1))
    archive = open_sink((tmp_path / "archive").as_uri())
    archive.check()
    copies = tmp_path / "archive" / "_tmp"
    for here in (None, False):
        with within_reach(spark, [tmp_path / "rows.parquet"], (tmp_path / "archive").as_uri(), here=here) as urls:
            (url,) = urls.values()
            assert [tuple(row) for row in spark.read.parquet(url).collect()] == [(0, "1", 4, None, 1)]
            assert url.startswith(copies.as_uri()) == (here is False)
        assert list(copies.iterdir()) == []
    assert (tmp_path / "rows.parquet").exists()
