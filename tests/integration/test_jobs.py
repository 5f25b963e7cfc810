"""Every batch job on a few events, its result worked out by hand, and on many, where DuckDB counts them as well."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DecimalType

from shopnow_streams.batch import job
from shopnow_streams.batch.answer import Asked
from shopnow_streams.batch.days import Days
from shopnow_streams.batch.jobs import JOBS
from shopnow_streams.batch.output import Output
from shopnow_streams.batch.top_products import top_products
from shopnow_streams.batch.views import Tables, read_archive
from shopnow_streams.errors import OutputRefused
from shopnow_streams.topics import Topic
from tests.integration.duckdb_jobs import SQL, opened
from tests.integration.shop_archive import (
    Record,
    add,
    archived,
    count,
    moment,
    order,
    payment,
    record,
    simulated,
    view,
)

NAMED = {job.name: job for job in JOBS}
BAD = b"no event"


def result(spark: SparkSession, folder: Path, name: str, records: Sequence[Record], **parameters: int) -> list[Any]:
    """The job's rows over an archive of `records`, numbers as they read."""
    tables = read_archive(spark, archived(folder, records))
    return [plain(row) for row in NAMED[name].run(tables, parameters).collect()]


def plain(row: Any) -> tuple[Any, ...]:
    """Decimals as text, so that their digits count too; a moment of 28 November as its time."""
    return tuple(
        str(value)
        if isinstance(value, Decimal)
        else f"{value:%H:%M}"
        if isinstance(value, datetime) and value.date() == date(2025, 11, 28)
        else value
        for value in row
    )


def test_the_funnel_of_three_days(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        view(1, "2025-11-27T09:00:00", user=1),
        view(2, "2025-11-27T09:01:00", user=1),
        view(1, "2025-11-27T09:02:00"),
        view(1, "2025-11-27T23:59:59.999999", user=2),
        record(Topic.PRODUCT_VIEWED, BAD),
        add(1, "2025-11-27T09:03:00", user=1),
        order(1, "2025-11-28T00:00:00", user=1),
        order(1, "2025-11-28T00:00:00", user=1),  # sent twice, and live it counts twice too
        payment(1, "2025-11-28T00:00:01", user=1),
        payment(2, "2025-11-29T00:00:00", user=2),
    ]
    assert result(spark, tmp_path, "conversion-funnel", records) == [
        (date(2025, 11, 27), 4, 1, 0, 0, 2, 1, 0, 0, 1, "0.7500", "1.0000", None, "0.5000", "1.0000", None),
        (date(2025, 11, 28), 0, 0, 2, 1, 0, 0, 1, 1, 0, None, None, "0.5000", None, None, "0.0000"),
        (date(2025, 11, 29), 0, 0, 0, 1, 0, 0, 0, 1, 0, None, None, None, None, None, None),
    ]


def test_products_by_revenue(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        view(7, "11:00", name="Vase bleu"),
        view(7, "10:00", name="Vase"),
        add(7, "10:30", name="Vase rouge"),
        view(8, "10:00", name="Tasse"),
        add(9, "10:00", name="Plaid"),
        view(6, "10:00", name="Bol"),
        order(1, "12:00", [(7, 2, 10.10), (8, 1, 0.05)]),
        order(2, "12:00", [(7, 1, 10.10)]),
        order(2, "12:00", [(7, 1, 10.10)]),
        order(3, "12:00", [(5, 3, 0.1)]),  # 30 centimes, not 30.000000000000004
        record(Topic.ORDER_PLACED, BAD),
    ]
    assert result(spark, tmp_path, "top-products", records) == [
        (1, 7, "Vase bleu", 2, 1, 3, 4, "4040", "40.40", "1.5000"),
        (2, 5, None, 0, 0, 1, 3, "30", "0.30", None),
        (3, 8, "Tasse", 1, 0, 1, 1, "5", "0.05", "1.0000"),
        (4, 6, "Bol", 1, 0, 0, 0, "0", "0.00", "0.0000"),
        (4, 9, "Plaid", 0, 1, 0, 0, "0", "0.00", None),
    ]


def test_revenue_is_exact_where_it_passes_what_64_bits_hold(spark: SparkSession, tmp_path: Path) -> None:
    tables = read_archive(spark, archived(tmp_path, []))
    line = f"named_struct('id_produit', 1L, 'quantite', 10000L, 'prix', 1D, 'prix_cents', {10**15 - 1}L)"
    columns = [f"array({line}, {line}) AS articles", "timestamp'2025-11-28 12:00:00' AS event_time"]
    many = spark.range(3).selectExpr(*columns, "CAST(NULL AS STRING) AS rejected")
    (row,) = top_products(tables[Topic.PRODUCT_VIEWED], tables[Topic.ITEM_ADDED], many).collect()
    assert row.revenue_cents == 6 * 10_000 * (10**15 - 1) > 2**63
    assert row.revenue_euros == Decimal("599999999999999400.00")


def test_pairs_of_products_and_an_order_that_was_placed_anew(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        view(1, "09:00", name="Vase"),
        order("a", "10:00", [(3, 1, 1.0), (1, 1, 1.0), (2, 1, 1.0)]),
        order("b", "10:00", [(1, 1, 1.0), (2, 5, 1.0), (1, 1, 1.0)]),
        order("c", "11:00", [(2, 1, 1.0), (3, 1, 1.0)]),
        order("c", "10:00", [(1, 1, 1.0), (3, 1, 1.0)]),  # as it was before
        order("d", "10:00", [(4, 1, 1.0)]),
        order("e", "10:00"),
    ]
    # of 5 orders 1 is on a and b, 2 on a, b and c, 3 on a and c
    twice = [
        (1, "Vase", 2, None, 2, 2, 3, "0.400000", "1.000000", "0.666667", "1.666667"),
        (2, None, 3, None, 2, 3, 2, "0.400000", "0.666667", "1.000000", "1.666667"),
    ]
    once = (1, "Vase", 3, None, 1, 2, 2, "0.200000", "0.500000", "0.500000", "1.250000")
    assert result(spark, tmp_path / "two", "bought-together", records, at_least=2) == twice
    assert result(spark, tmp_path / "one", "bought-together", records, at_least=1) == [*twice, once]


def test_what_a_product_would_have_sold(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        order(1, "07:00", [(1, 9, 5.0)]),  # before its first count: nobody knows
        count(1, "08:00", 10),
        order(2, "09:00", [(1, 4, 5.0)]),
        count(1, "10:00", 3),
        count(1, "10:00", 0),  # of one instant the lower one holds
        order(3, "11:00", [(1, 1, 5.0)]),
        count(1, "12:00", 5),
        order(4, "13:00", [(1, 2, 5.0)]),
        order(4, "13:00", [(1, 2, 5.0)]),
        count(1, "14:00", 0),
        count(1, "15:00", 0),
        count(2, "12:00", 0),
        view(1, "16:00", name="Vase"),
        view(3, "2026-11-28T16:00:00", kafka="16:00"),  # a wrong clock does not make the last stock-outs a year long
    ]
    # product 1 was there from 8 to 10 and from 12 to 14: 6 units of 30 euros in 4 hours
    assert result(spark, tmp_path, "stock-outs", records) == [
        (1, "Vase", "10:00", "12:00", "2.0000", "1.5000", 1, "3.00", "1500", "15.00"),
        (1, "Vase", "14:00", None, "2.0000", "1.5000", 0, "3.00", "1500", "15.00"),
        (2, None, "12:00", None, "4.0000", None, 0, None, None, None),
    ]


def test_customers_and_their_fifths(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        order(1, "2025-11-29T12:00:00", total=100.0, user=1),
        order(2, "2025-11-30T00:00:00", total=50.0, user=1),
        order(3, "2025-11-27T12:00:00", total=900.0, user=2),
        order(3, "2025-11-28T12:00:00", total=200.0, user=2),
        order(4, "2025-11-18T12:00:00", total=10.0, user=3),
        order(5, "2025-11-19T12:00:00", total=10.0, user=3),
        order(6, "2025-11-20T12:00:00", total=10.0, user=3),
        order(7, "2025-11-10T13:00:00", total=1.0, user=4),
        order(8, "2025-11-10T12:00:00", total=1.0, user=5),
        view(1, "2025-11-30T12:00:00"),
    ]
    assert result(spark, tmp_path, "customer-value", records) == [
        (2, 2, 1, "20000", "200.00", 4, 1, 5, "new"),
        (1, 0, 2, "15000", "150.00", 5, 4, 4, "champions"),
        (3, 10, 3, "3000", "30.00", 3, 5, 3, "loyal"),
        (4, 19, 1, "100", "1.00", 2, 1, 1, "lost"),  # an hour less than 20 days
        (5, 20, 1, "100", "1.00", 1, 1, 1, "lost"),
    ]


def test_who_comes_back_over_the_turn_of_the_year(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        order(1, "2025-11-30T23:59:59", user=1),
        order(2, "2025-12-01T00:00:00", user=1),
        order(3, "2026-01-31T12:00:00", user=1),
        order(4, "2025-11-01T12:00:00", user=2),
        order(5, "2026-01-01T12:00:00", user=2),
        order(6, "2025-12-01T12:00:00", user=3),
        order(7, "2025-12-31T12:00:00", user=3),
        order(8, "2026-01-15T12:00:00", user=4),
    ]
    assert result(spark, tmp_path, "cohort-retention", records, months=3) == [
        (date(2025, 11, 1), 2, "0.5000", "1.0000", None),
        (date(2025, 12, 1), 1, "0.0000", None, None),
        (date(2026, 1, 1), 1, None, None, None),
    ]


def test_payments_that_do_not_fit(spark: SparkSession, tmp_path: Path) -> None:
    records = [
        order("c1", "10:00", total=50.0),
        order("c2", "10:00", total=20.0),
        payment("c2", "11:00", 20.0),
        payment("c2", "12:00", 20.0),
        order("c3", "10:00", total=30.0),
        order("c3", "13:00", total=30.0),
        payment("c3", "11:00", 30.0),
        order("c4", "10:00", total=10.0),
        payment("c4", "16:00", 9.99),
        payment("c5", "15:00", 5.0, user=8),
        order("c6", "10:00", total=40.0),  # paid in parts
        payment("c6", "10:30", 20.0),
        payment("c6", "10:45", 20.0),
        order("c7", "17:30", total=1.0),  # half an hour is not long
        order(8, "10:00", total=1.0),
        payment("8", "10:01", 1.0),
        view(1, "18:00"),
    ]
    found = result(spark, tmp_path, "payment-problems", records, unpaid_for_hours=1)
    assert found == [
        ("amount-mismatch", "c4", 1, "10:00", 1000, 1, "16:00", "16:00", "999", "-1", "-0.01", 7_200),
        ("paid-before-placed", "c3", 1, "13:00", 3000, 1, "11:00", "11:00", "3000", "0", "0.00", 25_200),
        ("paid-twice", "c6", 1, "10:00", 4000, 2, "10:30", "10:45", "4000", "0", "0.00", 26_100),
        ("paid-twice", "c2", 1, "10:00", 2000, 2, "11:00", "12:00", "4000", "2000", "20.00", 21_600),
        ("payment-without-order", "c5", 8, None, None, 1, "15:00", "15:00", "500", "500", "5.00", 10_800),
        ("unpaid", "c1", 1, "10:00", 5000, 0, None, None, "0", "-5000", "-50.00", 28_800),
    ]


def test_the_state_in_which_records_arrive(spark: SparkSession, tmp_path: Path) -> None:
    viewed = Topic.PRODUCT_VIEWED
    good = {"id_produit": 1, "nom_produit": "Vase", "prix": 1.0, "user_id": 5}
    noon = moment("12:00")
    records = [
        record(viewed, good | {"timestamp": noon}),
        record(viewed, good | {"timestamp": noon, "user_id": None}),
        record(viewed, good | {"timestamp": noon}, key=None),
        record(viewed, BAD, key=None),
        record(viewed, None),
        record(viewed, good | {"timestamp": noon, "prix": -1}, kafka=noon),
        record(viewed, good | {"timestamp": moment("11:00")}, kafka=noon),
        record(viewed, good | {"timestamp": moment("2025-11-28T10:59:59.999999")}, kafka=noon),
        record(viewed, good | {"timestamp": moment("2025-11-28T12:00:01")}, kafka=noon),
        record(viewed, good | {"timestamp": moment("2025-11-28T12:00:01.000001")}, kafka=noon),
        record(viewed, good | {"timestamp": moment("2025-11-29T00:00:00")}),
        count(1, "12:00", 3),
    ]
    assert result(spark, tmp_path, "data-quality", records) == [
        ("produit-consulte", date(2025, 11, 28), 10, 3, 1, 1, 1, 0, 2, 1, 1, 1, "0.3000"),
        ("produit-consulte", date(2025, 11, 29), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, "0.0000"),
        ("stock-mis-a-jour", date(2025, 11, 28), 1, 0, 0, 0, 0, 0, 0, 0, 0, None, "0.0000"),
    ]


@pytest.fixture(scope="module")
def months(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Tables]:
    """The URL of a larger archive, of a simulated shop, and its tables."""
    url = archived(tmp_path_factory.mktemp("months"), simulated(seed=7, events=16_000))
    return url, read_archive(spark, url)


@pytest.mark.parametrize("name", NAMED)
def test_duckdb_counts_the_same(name: str, months: tuple[str, Tables]) -> None:
    url, tables = months
    found = last_digits(NAMED[name].run(tables))
    with opened(url.removeprefix("file://")) as duck:
        expected = duck.execute(SQL[name]).fetchall()
    assert len(found) > 3
    assert found == expected


def last_digits(frame: DataFrame) -> list[tuple[Any, ...]]:
    """The rows, decimals as whole numbers of their last digit."""
    scales = [field.dataType.scale if isinstance(field.dataType, DecimalType) else None for field in frame.schema]
    return [
        tuple(
            value if scale is None or value is None else int(value.scaleb(scale))
            for value, scale in zip(row, scales, strict=True)
        )
        for row in frame.collect()
    ]


def test_of_some_days_only_their_directories_are_read(spark: SparkSession, tmp_path: Path) -> None:
    late = [
        view(1, "2025-11-27T23:59:59"),
        view(2, "2025-11-28T00:00:00"),
        view(3, "2025-11-28T23:59:59", kafka="2025-11-29T00:00:01"),
        view(4, "2025-11-28T12:00:00", kafka="2025-11-30T12:00:00"),
        view(5, "2025-11-29T00:00:00", kafka="2025-11-30T12:00:00"),
    ]
    url = archived(tmp_path, late)
    for day in ("date=2025-11-26", "date=2025-12-01"):
        (tmp_path / "produit-consulte" / day).mkdir()
        (tmp_path / "produit-consulte" / day / "broken.parquet").write_bytes(b"would fail if it were read")
    tables = read_archive(spark, url)
    the_28th = Days(date(2025, 11, 28), date(2025, 11, 28))

    def products(days: Days, clock: str = "event_time") -> set[int]:
        found = days.of(tables, clock)[Topic.PRODUCT_VIEWED].select("id_produit").collect()
        return {row.id_produit for row in found}

    assert products(the_28th) == {2, 3}
    assert products(Days(the_28th.since, the_28th.until, late_days=2)) == {2, 3, 4}
    assert products(the_28th, "kafka_timestamp") == {2}


def test_a_result_as_a_file_is_what_is_shown(spark: SparkSession, months: tuple[str, Tables], tmp_path: Path) -> None:
    url, tables = months
    days = Days(until=date(2025, 12, 31))
    asked = Asked(NAMED["data-quality"], url, days=days, limit=3)
    names, shown = asked.result(tables).columns, asked.shown(tables).rows
    assert len(shown) == 3
    asked.write(spark, tables, Output(str(tmp_path / "quality.csv"), "csv"))
    with (tmp_path / "quality.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [names, *([str(value) for value in row] for row in shown)]

    whole = Asked(asked.job, url, days=days)
    whole.write(spark, tables, Output(str(tmp_path / "quality.parquet"), "parquet"))
    kept = pq.read_table(tmp_path / "quality.parquet").to_pylist()
    assert len(kept) == 5 * 5  # of eight days three are in January and February
    assert [[str(value) for value in row.values()] for row in kept[:3]] == [[str(v) for v in row] for row in shown]

    asked.write(spark, tables, Output(str(tmp_path / "quality.html"), "html"))
    page = (tmp_path / "quality.html").read_text(encoding="utf-8")
    assert f"<dd>{url}</dd>" in page
    assert "<dd>up to 2025-12-31 of kafka_timestamp</dd>" in page
    assert f"<dd>{sum(row['records'] for row in kept):,} records</dd>" in page
    assert "the first 3 rows" in page
    assert page.count("<polyline") == 2 * 5  # charts are of the whole result
    assert page.count("<circle") == 2 * 5 * 5
    assert {each.name for each in tmp_path.iterdir()} == {"quality.csv", "quality.parquet", "quality.html"}


@pytest.mark.parametrize("how", [str, Path.as_uri], ids=["path", "url"])
def test_a_file_is_replaced_only_where_that_is_asked_for(
    spark: SparkSession, tmp_path: Path, how: Callable[[Path], str]
) -> None:
    """A path is written by Python, a URL by Spark's file systems."""
    place = tmp_path / "result.csv"
    for force in (False, True):
        with Output(how(place), "csv", force).written(spark) as path:
            path.write_text(f"{force}")
        assert place.read_text() == f"{force}"
    with (
        pytest.raises(OutputRefused, match=r"is there already: .*--force"),
        Output(how(place), "csv").written(spark) as path,
    ):
        path.write_text("another")
    assert place.read_text() == "True"
    assert {each.name for each in tmp_path.iterdir()} <= {"result.csv", ".result.csv.crc"}


def test_what_fails_leaves_no_file(spark: SparkSession, months: tuple[str, Tables], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Output(str(tmp_path / "half"), "csv").written(spark) as path:
        path.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), Output((tmp_path / "half").as_uri(), "csv").written(spark) as path:
        path.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_spark_submit_runs_a_job_in_its_own_session(java: Path, tmp_path: Path) -> None:
    """With its master, and another time zone than the days are of."""
    url = archived(tmp_path / "archive", [view(1, "2025-11-28T23:30:00"), view(1, "2025-11-28T23:30:00", user=2)])
    settings = {"sql.session.timeZone": "Asia/Tokyo", "sql.shuffle.partitions": "1", "ui.enabled": "false"}
    options = [word for name, value in settings.items() for word in ("--conf", f"spark.{name}={value}")]
    options += ["--driver-java-options", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"]  # starts in half the time
    question = ["data-quality", "--archive", url, "--csv"]
    ran = submitted(java, tmp_path, "--master", "local[1]", *options, str(job.__file__), *question)
    assert ran.returncode == 0, ran.stderr
    _, *days = csv.reader(ran.stdout.splitlines())
    assert [(*day[:3], day[11]) for day in days] == [("produit-consulte", "2025-11-28", "2", "1")]


def test_a_job_in_a_session_that_is_there_leaves_it_as_it_was(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = archived(tmp_path, [view(1, "10:00", user=2)])
    spark.sql("SELECT 'mine' AS whose").createOrReplaceTempView("product_viewed")
    job.main(["conversion-funnel", "--archive", url, "--json"])
    assert '"day":"2025-11-28","views":1' in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        job.main(["daily-sales", "--archive", (tmp_path / "nowhere").as_uri()])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("shopnow: There is no archive at file:")
    assert spark.table("product_viewed").collect() == [("mine",)]


def submitted(java: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Spark's own `spark-submit`, of the package that is installed here."""
    environment = {**os.environ, "JAVA_HOME": str(java.resolve().parent.parent), "PYSPARK_PYTHON": sys.executable}
    command = [str(Path(sys.executable).with_name("spark-submit")), *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
