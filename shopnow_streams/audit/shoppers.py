"""Customers by the hour, a second time in Spark: visits as gaps and islands, carts as what no order came after."""

from collections.abc import Callable
from datetime import timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.audit.event_time import HOUR, Levels, in_windows, key
from shopnow_streams.audit.grouping import Archive, one
from shopnow_streams.audit.rows import NO_ORDER_MS
from shopnow_streams.topics import Topic

_KEPT: Levels = ((HOUR, timedelta(hours=24)),)
_PAUSE_MS = 30 * 60 * 1000
"""A longer one ends a visit."""

_MOST_ADDS = 200
"""Of a cart the newest so many."""

_KINDS = {
    Topic.PRODUCT_VIEWED: "pages",
    Topic.ITEM_ADDED: "adds",
    Topic.ORDER_PLACED: "orders",
    Topic.PAYMENT_ACCEPTED: "payments",
}


def shoppers(archive: Archive) -> DataFrame:
    """Each customer by the hour. Events of one partition and hour alone: what joins rows is the reader's."""
    by = ("partition", "window", "user_id")
    events = reduce(
        lambda each, other: each.unionByName(other, allowMissingColumns=True),
        (_events(archive, topic, kind) for topic, kind in _KINDS.items()),
    )
    in_time = Window.partitionBy(*by).orderBy("at_ms")
    begins = F.when(F.col("at_ms") - F.lag("at_ms").over(in_time) <= _PAUSE_MS, 0).otherwise(1)
    islands = events.withColumn("begins", begins).withColumn("visit", F.sum("begins").over(in_time))
    visits = islands.groupBy(*by, "visit").agg(
        F.struct(
            F.min("at_ms").alias("first_ms"),
            F.max("at_ms").alias("last_ms"),
            *(F.count(kind).alias(kind) for kind in _KINDS.values()),
        ).alias("found"),
        F.collect_list("add").alias("added"),
        F.max(F.when(F.col("orders").isNotNull(), F.col("at_ms"))).alias("ordered_ms"),
    )
    rows = visits.groupBy(*by).agg(
        F.sort_array(F.collect_list("found")).alias("visits"),
        F.flatten(F.collect_list("added")).alias("added"),
        F.coalesce(F.max("ordered_ms"), F.lit(NO_ORDER_MS)).alias("ordered_ms"),
    )
    return rows.select("partition", key("user_id"), _text("visits", _visit), _cart(), "ordered_ms")


def _events(archive: Archive, topic: Topic, kind: str) -> DataFrame:
    events = in_windows(archive[topic], _KEPT).where("user_id IS NOT NULL")
    at_ms = F.unix_millis("event_time").alias("at_ms")
    columns: list[Column | str] = ["partition", "window", "user_id", at_ms, one(kind)]
    if topic is Topic.ITEM_ADDED:
        add = F.struct(at_ms, "id_produit", F.col("quantite").alias("units"), F.col("prix_cents").alias("cents"))
        columns.append(add.alias("add"))
    return events.select(*columns)


def _cart() -> Column:
    since = F.sort_array(F.filter("added", lambda add: add["at_ms"] > F.col("ordered_ms")))
    newest = F.slice(since, F.greatest(F.lit(1), F.size(since) - (_MOST_ADDS - 1)), F.lit(_MOST_ADDS))
    return F.array_join(F.transform(newest, _add), ", ").alias("cart")


def _text(column: str, write: Callable[[Column], Column]) -> Column:
    return F.array_join(F.transform(column, write), ", ").alias(column)


def _visit(visit: Column) -> Column:
    """As `rows.visits` writes it."""
    return _words(visit, "first_ms", "last_ms", *_KINDS.values())


def _add(add: Column) -> Column:
    """As `rows.cart` writes it."""
    return _words(add, "at_ms", "id_produit", "units", "cents")


def _words(of: Column, *fields: str) -> Column:
    return F.concat_ws(" ", *(of[field].cast("string") for field in fields))
