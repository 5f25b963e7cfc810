"""The archive, written as the agent writes it, asked by a real Spark. Every expected number was added up by hand."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from shopnow_streams.archive.ddl import statements
from shopnow_streams.batch.daily_sales import daily_sales
from shopnow_streams.batch.output import Output
from shopnow_streams.batch.rows import fetch
from shopnow_streams.batch.views import read_archive
from shopnow_streams.errors import ArchiveMissing, OutputRefused, SparkFailed
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.hdfs import HdfsFiles
from sinks.merging import merged
from sinks.open import open_sink
from sinks.segments import Records, Segment, SegmentName, date_of

NOON_MS = 1_764_331_200_000  # 2025-11-28 12:00 UTC
DAY_MS = 86_400_000


class Hdfs(Protocol):
    """The fixture's."""

    webhdfs_url: str
    uri: str


def put(
    archive: Archive,
    topic: Topic,
    values: Sequence[dict[str, Any] | bytes | None],
    first: int = 0,
    at_ms: int = NOON_MS,
) -> None:
    """Commit one segment of partition 0, as the agent does."""
    encoder = archive.form.encoder(topic, 0, first)
    raw = [json.dumps(value).encode() if isinstance(value, dict) else value for value in values]
    records = Records.of((first + row, at_ms, b"key", value) for row, value in enumerate(raw))
    while len(records):
        batch, records = records.split(5_000)
        encoder.add(batch)
    name = SegmentName(topic, 0, first, date_of(at_ms), archive.form.NAME)
    archive.commit(Segment(name, first + len(values), encoder.finish(first + len(values))))


def order(number: int | str, at: str, lines: Sequence[tuple[int, int, float]], total: float) -> dict[str, Any]:
    articles = [{"id_produit": product, "quantite": units, "prix": price} for product, units, price in lines]
    return {"id_commande": number, "user_id": 5, "articles": articles, "montant_total": total, "timestamp": at}


def payment(number: int | str, at: str, amount: float) -> dict[str, Any]:
    return {"id_commande": number, "user_id": 5, "montant": amount, "moyen_paiement": "carte", "timestamp": at}


ORDERS: list[dict[str, Any] | bytes | None] = [
    # the 27th, UTC: 0.10 and 0.20 are 30 centimes, not 30.000000000000004
    order(1, "2025-11-27T00:00:00Z", [(7, 1, 0.1)], 0.1),
    order("2", "2025-11-28T00:59:59.999999+01:00", [(8, 1, 0.2)], 0.2),
    b"not an order",
    None,
    # the 28th: product 9 sells five units in two orders, product 8 five as well, for less
    order(3, "2025-11-28T00:00:00Z", [(9, 2, 10.0), (8, 5, 1.0)], 25.0),
    order(4, "2025-11-28T23:59:59Z", [(9, 3, 10.0)], 30.5),
    order(5, "2025-11-28T12:00:00Z", [], 0.01),
    order(5, "2025-11-28T12:00:00Z", [], 0.01),  # sent twice, and live it counts twice too
]
PAYMENTS: list[dict[str, Any] | bytes | None] = [
    payment(3, "2025-11-28T10:00:00Z", 25.0),
    payment(4, "2025-11-29T10:00:00Z", 30.5),
    {**payment(4, "2025-11-29T10:00:00Z", -1.0)},  # no event: nobody pays less than nothing
]
DAYS = [
    {
        "day": date(2025, 11, 27),
        "orders": 2,
        "units": 2,
        "ordered_cents": 30,
        "ordered_euros": Decimal("0.30"),
        "average_basket_euros": Decimal("0.15"),
        "payments": 0,
        "paid_cents": 0,
        "paid_euros": Decimal("0.00"),
        "best_product": 8,  # one unit each: 20 centimes are more than 10
        "best_product_units": 1,
    },
    {
        "day": date(2025, 11, 28),
        "orders": 4,
        "units": 10,
        "ordered_cents": 5_552,
        "ordered_euros": Decimal("55.52"),
        "average_basket_euros": Decimal("13.88"),
        "payments": 1,
        "paid_cents": 2_500,
        "paid_euros": Decimal("25.00"),
        "best_product": 9,
        "best_product_units": 5,
    },
    {
        "day": date(2025, 11, 29),
        "orders": 0,
        "units": 0,
        "ordered_cents": 0,
        "ordered_euros": Decimal("0.00"),
        "average_basket_euros": None,
        "payments": 1,
        "paid_cents": 3_050,
        "paid_euros": Decimal("30.50"),
        "best_product": None,
        "best_product_units": None,
    },
]


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive of three days, in a directory."""
    url = f"file://{tmp_path_factory.mktemp('archive')}"
    archive = open_sink(url)
    put(archive, Topic.ORDER_PLACED, ORDERS[:3])
    put(archive, Topic.ORDER_PLACED, ORDERS[3:], first=3)
    put(archive, Topic.PAYMENT_ACCEPTED, PAYMENTS)
    return url


def test_three_days_of_sales(spark: SparkSession, sales: str) -> None:
    tables = read_archive(spark, sales)
    found = daily_sales(tables[Topic.ORDER_PLACED], tables[Topic.PAYMENT_ACCEPTED])
    assert [row.asDict() for row in found.collect()] == DAYS


def test_of_products_that_sold_alike_the_one_with_the_lower_number_is_best(spark: SparkSession, tmp_path: Path) -> None:
    archive = open_sink(f"file://{tmp_path}")
    put(archive, Topic.ORDER_PLACED, [order(1, "2025-11-28T12:00:00Z", [(9, 1, 2.0), (3, 1, 2.0), (5, 1, 2.0)], 6.0)])
    tables = read_archive(spark, f"file://{tmp_path}")
    (day,) = daily_sales(tables[Topic.ORDER_PLACED], tables[Topic.PAYMENT_ACCEPTED]).collect()
    assert (day.best_product, day.best_product_units) == (3, 1)


def test_every_record_is_a_row_under_both_names(spark: SparkSession, sales: str) -> None:
    read_archive(spark, sales)
    for name in ("commande_validee", "order_placed"):
        rows = spark.table(name).orderBy("kafka_offset").collect()
        assert [row.kafka_offset for row in rows] == list(range(len(ORDERS)))
        assert [row.rejected for row in rows] == [None, None, "not-json", "no-value", None, None, None, None]
        assert rows[2].value == b"not an order"
        assert rows[3].value is None
        assert {(row.kafka_partition, row.date) for row in rows} == {(0, date(2025, 11, 28))}
        assert rows[4].event_time == datetime(2025, 11, 28)  # as PySpark gives it, in UTC
        assert [line.asDict() for line in rows[4].articles] == [
            {"id_produit": 9, "quantite": 2, "prix": 10.0, "prix_cents": 1_000},
            {"id_produit": 8, "quantite": 5, "prix": 1.0, "prix_cents": 100},
        ]


def test_centimes_are_those_that_spark_would_make_of_the_prices(spark: SparkSession, sales: str) -> None:
    read_archive(spark, sales)
    query = "SELECT count(*) FROM order_placed WHERE montant_total_cents <> CAST(rint(montant_total * 100) AS BIGINT)"
    assert spark.sql(query).collect() == [(0,)]


def test_topics_that_nothing_was_archived_of_are_tables_without_rows(spark: SparkSession, tmp_path: Path) -> None:
    open_sink(f"file://{tmp_path}").check()
    (tmp_path / str(Topic.PRODUCT_VIEWED)).mkdir()
    (tmp_path / "_tmp" / "half.parquet").write_bytes(b"half a file")
    tables = read_archive(spark, f"file://{tmp_path}")
    assert [table.count() for table in tables.values()] == [0] * 5
    assert daily_sales(tables[Topic.ORDER_PLACED], tables[Topic.PAYMENT_ACCEPTED]).collect() == []


def test_a_query_reads_the_days_that_it_asks_for_and_no_others(spark: SparkSession, tmp_path: Path) -> None:
    archive = open_sink(f"file://{tmp_path}")
    put(archive, Topic.STOCK_UPDATED, [{"id_produit": 1, "stock": 2, "timestamp": "2025-11-28T12:00:00Z"}])
    other = tmp_path / str(Topic.STOCK_UPDATED) / "date=2025-11-27"
    other.mkdir()
    (other / "broken.parquet").write_bytes(b"would fail if it were read")
    read_archive(spark, f"file://{tmp_path}")
    assert spark.sql("SELECT id_produit, stock FROM stock_updated WHERE date = '2025-11-28'").collect() == [(1, 2)]


def test_the_archives_tables_are_declared_in_a_catalog_and_find_new_days(spark: SparkSession, tmp_path: Path) -> None:
    url, database = f"file://{tmp_path / 'archive'}", f"shop_{uuid.uuid4().hex[:8]}"
    archive = open_sink(url)
    put(archive, Topic.ORDER_PLACED, ORDERS)
    put(archive, Topic.PAYMENT_ACCEPTED, PAYMENTS)
    spark.sql(f"CREATE DATABASE {database} LOCATION '{tmp_path / 'warehouse'}'")  # else it would be of this folder
    declared = statements(url, database, [Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED], "spark")
    for each in declared * 2:  # twice is once
        spark.sql(each)
    table = spark.table(f"{database}.commande_validee")
    assert table.dtypes == read_archive(spark, url)[Topic.ORDER_PLACED].dtypes
    assert table.count() == len(ORDERS)
    put(archive, Topic.ORDER_PLACED, ORDERS[-2:], first=len(ORDERS), at_ms=NOON_MS + DAY_MS)
    spark.sql(declared[2])
    days = spark.sql(f"SELECT date, count(*) FROM {database}.commande_validee GROUP BY 1 ORDER BY 1").collect()  # noqa: S608
    assert days == [(date(2025, 11, 28), len(ORDERS)), (date(2025, 11, 29), 2)]
    spark.sql(f"DROP DATABASE {database} CASCADE")
    assert len(list((tmp_path / "archive").rglob("*.parquet"))) == 3, "what is dropped is the table, not its files"


class Read(NamedTuple):
    """Of the files, by a query."""

    rows: int
    bytes: int


def read(found: DataFrame) -> Read:
    """How many rows it decoded, and how many bytes its tasks read for that."""
    before = _input_bytes(found.sparkSession)
    found.collect()
    read_bytes = _input_bytes(found.sparkSession) - before
    plan = found._jdf.queryExecution().executedPlan()
    (scan,) = [leaf for leaf in plan.collectLeaves().mkString("\0").split("\0") if "FileScan" in leaf]
    assert "PushedFilters: [IsNotNull" in scan, "the condition is looked at before rows are decoded"
    return Read(int(plan.collectLeaves().head().metrics().apply("numOutputRows").value()), read_bytes)


def _input_bytes(spark: SparkSession) -> int:
    """All that this session's tasks ever read."""
    context: Any = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    return int(context.statusStore().executorSummary("driver").totalInputBytes())


@pytest.mark.parametrize("compacted", [False, True])
def test_a_query_reads_what_statistics_do_not_exclude(spark: SparkSession, tmp_path: Path, compacted: bool) -> None:
    """By time, since events come nearly in its order; by id since a Bloom filter tells where it is not."""
    archive = open_sink(f"file://{tmp_path}")
    groups, each, rare = 3, 40_000, 60_000  # a row group has about 35,000 views

    def ids(row: int) -> tuple[int, int]:
        return (777, 7_777) if row == rare else (row * 7 % 1_000 * 2, row * 7 % 9_000 * 2)

    views = [
        b'{"id_produit":%d,"nom_produit":"Tasse en gres emaille de Bretagne, bleu nuit","prix":1.0,"user_id":%d,'
        b'"timestamp":"2025-11-28T%02d:%02d:%02dZ"}' % (*ids(row), row // 36_000, row // 600 % 60, row // 10 % 60)
        for row in range(groups * each)
    ]
    put(archive, Topic.PRODUCT_VIEWED, views[:each])
    put(archive, Topic.PRODUCT_VIEWED, views[each:], first=each)
    if compacted:
        first, second = sorted(tmp_path.rglob("*.parquet"))
        second.rename(tmp_path / "other")
        whole = merged([first.read_bytes(), (tmp_path / "other").read_bytes()], {}, 0)
        first.write_bytes(first.read_bytes() + whole.rows)
    read_archive(spark, f"file://{tmp_path}")
    everything = read(spark.sql("SELECT kafka_offset, value FROM product_viewed WHERE id_produit >= 0"))
    assert everything.rows == groups * each
    for sought in ("id_produit = 777", "user_id = 7777"):  # in the latter's column no dictionary tells it, too
        by_id = spark.sql(f"SELECT kafka_offset, value FROM product_viewed WHERE {sought}")  # noqa: S608
        some = read(by_id)
        assert some.rows < (0.7 if compacted else 0.4) * everything.rows, "a compacted file has one large row group"
        assert some.bytes < 0.8 * everything.bytes
        assert [row.kafka_offset for row in by_id.collect()] == [rare]
    minutes = "event_time >= '2025-11-28 00:00:00' AND event_time < '2025-11-28 00:10:00'"
    by_time = spark.sql(f"SELECT kafka_offset, value FROM product_viewed WHERE {minutes}")  # noqa: S608
    some = read(by_time)
    assert some.rows < 0.4 * everything.rows
    assert some.bytes < 0.7 * everything.bytes


def test_a_field_that_an_event_got_later_is_null_in_older_files(spark: SparkSession, tmp_path: Path) -> None:
    archive = open_sink(f"file://{tmp_path}")
    put(archive, Topic.STOCK_UPDATED, [{"id_produit": 1, "stock": 2, "timestamp": "2025-11-28T12:00:00Z"}])
    (newer,) = tmp_path.rglob("*.parquet")
    older = pq.read_table(newer).drop_columns(["nom_produit"])
    pq.write_table(older, newer.with_name(newer.name.replace("+0+0", "+1+0")))
    read_archive(spark, f"file://{tmp_path}")
    assert spark.sql("SELECT id_produit, nom_produit FROM stock_updated").collect() == [(1, None)] * 2


def test_moments_that_python_does_not_know_are_shown(spark: SparkSession, tmp_path: Path) -> None:
    archive = open_sink(f"file://{tmp_path}")
    put(archive, Topic.STOCK_UPDATED, [{"id_produit": 1, "stock": 2, "timestamp": "0001-01-01T00:00:00+14:00"}])
    read_archive(spark, f"file://{tmp_path}")
    found = fetch(spark.sql("SELECT event_time, stock, stock, kafka_key, X'ff' FROM stock_updated"), limit=5)
    assert found.rows == [["0000-12-31 10:00:00", 2, 2, "key", "/w=="]]
    assert found.columns[:3] == ["event_time", "stock", "stock"]


def test_an_answer_says_that_there_are_more(spark: SparkSession) -> None:
    assert fetch(spark.range(3), limit=2).more
    assert not fetch(spark.range(3), limit=3).more


def test_a_place_without_an_archive_is_said(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissing, match="There is no archive at"):
        read_archive(spark, f"file://{tmp_path}/nowhere")


def test_an_archive_of_json_lines_is_said(spark: SparkSession, tmp_path: Path) -> None:
    put(open_sink(f"file://{tmp_path}", format="jsonl"), Topic.PRODUCT_VIEWED, [b"{}"])
    with pytest.raises(ArchiveMissing, match="is one of jsonl files"):
        read_archive(spark, f"file://{tmp_path}")


def test_an_hdfs_that_is_away_is_said(spark: SparkSession) -> None:
    with pytest.raises(SparkFailed, match=r"ConnectException.*shopnow status"):
        read_archive(spark, "hdfs://127.0.0.1:1/shopnow")


def test_spark_reads_what_was_written_over_webhdfs(spark: SparkSession, hdfs: Hdfs) -> None:
    url = f"{hdfs.uri}/{uuid.uuid4().hex}"
    archive = open_sink(url, webhdfs=hdfs.webhdfs_url)
    put(archive, Topic.ORDER_PLACED, ORDERS)
    put(archive, Topic.PAYMENT_ACCEPTED, PAYMENTS)
    tables = read_archive(spark, url)
    found = daily_sales(tables[Topic.ORDER_PLACED], tables[Topic.PAYMENT_ACCEPTED])
    assert [row.asDict() for row in found.collect()] == DAYS


def test_a_result_gets_its_name_on_hdfs_once_and_whole(spark: SparkSession, hdfs: Hdfs) -> None:
    folder = uuid.uuid4().hex
    url = f"{hdfs.uri}/{folder}/sales.csv"
    for force, text in ((False, "first"), (True, "second")):
        with Output(url, "csv", force).written(spark) as path:
            path.write_text(text)
        assert spark.read.text(url).collect() == [(text,)]
    with pytest.raises(OutputRefused, match="is there already"), Output(url, "csv").written(spark):
        pytest.fail("asked only after the work")
    other = url.replace("sales", "other")
    with pytest.raises(OutputRefused, match="is there already"), Output(other, "csv").written(spark) as late:
        late.write_text("late")
        with Output(other, "csv").written(spark) as early:
            early.write_text("early")
    assert spark.read.text(other).collect() == [("early",)]
    left = HdfsFiles(f"/{folder}", hdfs.webhdfs_url, "shopnow").list("")
    assert {entry.name for entry in left} == {"sales.csv", "other.csv"}


def shopnow(*words: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], set[int]]:
    """The command as a user runs it, in `folder`, and the pids of all that it started."""
    command = [sys.executable, "-c", "from shopnow_streams.cli import main; main()", *words]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        started: set[int] = set()
        while process.poll() is None:
            started |= {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out, err), started


def alive(pid: int) -> bool:
    """A zombie is not: Spark's start script leaves one to init, which takes it away in its own time."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_job_as_a_command_leaves_nothing_behind(sales: str, tmp_path: Path) -> None:
    ran, started = shopnow("batch", "daily-sales", "--archive", sales, "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert [json.loads(line, parse_float=Decimal) for line in ran.stdout.splitlines()] == [
        {**day, "day": str(day["day"])} for day in DAYS
    ]
    assert started
    assert not [pid for pid in started if alive(pid)]
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_mistake_in_sql_is_a_sentence(sales: str, tmp_path: Path) -> None:
    ran, started = shopnow("sql", "SELECT nope FROM order_placed", "--archive", sales, folder=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("shopnow: Spark cannot do that: [UNRESOLVED_COLUMN")
    assert ran.stderr.count("\n") == 1
    assert not [pid for pid in started if alive(pid)]


def test_a_spark_that_does_not_start_is_said_with_its_log(tmp_path: Path) -> None:
    ran, started = shopnow("sql", "SELECT 1", "--archive", "file:///nowhere", "--master", "nothing", folder=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith("shopnow: Spark did not start. It needs Java 17 or 21, and a --master that answers.")
    assert not [pid for pid in started if alive(pid)]
