"""The questions that both formats of the archive are asked, and the tables that make them the same."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.load import mixed, moment
from shopnow_streams.batch.views import read_archive
from shopnow_streams.topics import Topic

PRODUCT = 1597  # one of many: a view in 14,000
# a line of the archive, and of the events in it what is asked for
LINE = "kafka_partition INT, kafka_offset BIGINT, kafka_timestamp BIGINT, kafka_key STRING, value STRING"
VIEW = "timestamp TIMESTAMP, id_produit BIGINT, nom_produit STRING, prix DOUBLE, user_id BIGINT"
ORDER = "timestamp TIMESTAMP, id_commande STRING, user_id BIGINT, montant_total DOUBLE"


class Tables(NamedTuple):
    """One format's archive: views and orders as typed columns, and the raw `value` of every record of every topic."""

    views: DataFrame
    orders: DataFrame
    records: DataFrame


Question = Callable[[Tables], DataFrame]


def questions(events: int) -> Mapping[str, Question]:
    """What an archive of `mixed(events)` is asked."""
    order = next(key for topic, key, _ in mixed(events) if topic == Topic.ORDER_PLACED)
    hour = moment(events // 2).replace(minute=0, second=0, microsecond=0)
    in_hour = (F.col("event_time") >= hour) & (F.col("event_time") < hour + timedelta(hours=1))
    return {
        "products by views, first 10": lambda of: (
            of.views.groupBy("id_produit").count().orderBy(F.desc("count"), "id_produit").limit(10)
        ),
        "views of one product": lambda of: of.views.where(F.col("id_produit") == PRODUCT).agg(
            F.count("user_id"), F.max("event_time")
        ),
        "one order": lambda of: of.orders.where(F.col("id_commande") == order).select(
            "id_commande", "user_id", "montant_total_cents"
        ),
        "revenue of one hour": lambda of: of.orders.where(in_hour).agg(F.sum("montant_total_cents")),
        "bytes of all raw values": lambda of: of.records.agg(F.count("*"), F.sum(F.octet_length("value"))),
    }


def parquet_tables(spark: SparkSession, archive: str) -> Tables:
    """Of an archive of Parquet files. Blocks while directories are listed; reads no file."""
    tables = read_archive(spark, archive)
    records = [tables[topic].select("value") for topic in Topic]
    return Tables(tables[Topic.PRODUCT_VIEWED], tables[Topic.ORDER_PLACED], reduce(DataFrame.unionAll, records))


def json_lines_tables(spark: SparkSession, archive: str) -> Tables:
    """Of an archive of JSON lines: an event is parsed where it is asked for, and only those of its fields that are."""
    lines = {topic: spark.read.schema(LINE).json(f"{archive}/{topic}") for topic in Topic}
    views = lines[Topic.PRODUCT_VIEWED].selectExpr("*", f"from_json(value, '{VIEW}') AS event")
    orders = lines[Topic.ORDER_PLACED].selectExpr("*", f"from_json(value, '{ORDER}') AS event")
    cents = "CAST(rint(event.montant_total * 100) AS BIGINT) AS montant_total_cents"
    return Tables(
        views.selectExpr("event.timestamp AS event_time", "event.*"),
        orders.selectExpr("event.timestamp AS event_time", "event.*", cents),
        reduce(DataFrame.unionAll, [lines[topic].select("value") for topic in Topic]),
    )
