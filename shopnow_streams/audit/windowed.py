"""What counts by windows of event time, a second time in Spark: products, the shop, and what is in no window."""

from datetime import timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.audit.event_time import DAY, HOUR, MINUTE, Levels, in_windows, key
from shopnow_streams.audit.grouping import Archive, exact, one, together, total
from shopnow_streams.audit.rows import LG_K
from shopnow_streams.topics import Topic

_KEPT: Levels = ((MINUTE, timedelta(hours=2)), (HOUR, timedelta(days=2)), (DAY, timedelta(days=90)))
_NAMED = 100
"""Of what is late or ahead the newest so many are named."""


def activity(archive: Archive) -> DataFrame:
    """Each product by window. An order with a product on two lines is one order of it."""
    by = ("partition", "window", "id_produit")
    viewed = _counted(archive, Topic.PRODUCT_VIEWED).select(*by, one("views"), F.col("user_id").alias("visitors"))
    added = _counted(archive, Topic.ITEM_ADDED).select(*by, one("adds"), F.col("quantite").alias("units_added"))
    line, products = F.posexplode("articles").alias("place", "line"), F.transform("articles", _product)
    sold = _counted(archive, Topic.ORDER_PLACED).select("partition", "window", line, products.alias("products"))
    first = F.array_position("products", F.col("line.id_produit")) == F.col("place") + 1
    lines = sold.select(
        "partition",
        "window",
        "line.id_produit",
        F.when(first, 1).alias("orders"),
        F.col("line.quantite").alias("units_sold"),
        (exact("line.quantite") * F.col("line.prix_cents")).alias("revenue_cents"),
    )
    return (
        together(viewed, added, lines, by=by)
        .agg(
            total("views"),
            _different("visitors"),
            *map(total, ("adds", "units_added", "orders", "units_sold", "revenue_cents")),
        )
        .withColumn("key", key("id_produit"))
        .select(
            *("partition", "key", "views", _estimate("visitors"), "adds", "units_added"),
            *("orders", "units_sold", "revenue_cents"),
        )
    )


def shop(archive: Archive) -> DataFrame:
    """The shop by window, and how many different customers were at each stage."""
    by = ("partition", "window")
    units = F.aggregate("articles", F.lit(0).cast("long"), lambda sum_, line: sum_ + line["quantite"])
    stages = {
        Topic.PRODUCT_VIEWED: [one("views"), F.col("user_id").alias("viewers")],
        Topic.ITEM_ADDED: [one("adds"), F.col("user_id").alias("adders")],
        Topic.ORDER_PLACED: [
            one("orders"),
            units.alias("units"),
            F.col("montant_total_cents").alias("placed_cents"),
            F.col("user_id").alias("buyers"),
        ],
        Topic.PAYMENT_ACCEPTED: [
            one("payments"),
            F.col("montant_cents").alias("paid_cents"),
            F.col("user_id").alias("payers"),
        ],
    }
    parts = [_counted(archive, topic).select(*by, *columns) for topic, columns in stages.items()]
    sums = ("views", "adds", "orders", "units", "placed_cents", "payments", "paid_cents")
    customers = ("viewers", "adders", "buyers", "payers")
    counted = together(*parts, by=by).agg(*map(total, sums), *map(_different, customers))
    return counted.select("partition", key(), *sums, *map(_estimate, customers))


def late(archive: Archive) -> DataFrame:
    """Of each topic what is late or ahead, counted; the newest by Kafka's time of their records are named."""
    misdated = reduce(DataFrame.unionByName, (_misdated(events, topic) for topic, events in archive.items()))
    newest_first = Window.partitionBy("partition", "key").orderBy(F.desc("event"))
    named = F.when(F.row_number().over(newest_first) <= _NAMED, F.col("event"))
    return (
        misdated.withColumn("named", named)
        .groupBy("partition", "key")
        .agg(
            F.count_if("late").alias("late"),
            F.count_if("ahead").alias("ahead"),
            F.array_join(F.transform(F.sort_array(F.collect_list("named")), _name), ", ").alias("newest"),
        )
    )


def _misdated(events: DataFrame, topic: Topic) -> DataFrame:
    event = F.struct(
        F.unix_millis("kafka_timestamp").alias("arrived_ms"),
        F.col("kafka_partition").alias("partition"),
        F.col("kafka_offset").alias("offset"),
        "at_us",
        "ahead",
    )
    return events.where("late OR ahead").select(
        F.col("kafka_partition").alias("partition"),
        F.lit(str(topic)).alias("key"),
        "late",
        "ahead",
        event.alias("event"),
    )


def _name(event: Column) -> Column:
    """As `rows.late_events` writes it."""
    why = F.when(event["ahead"], "ahead").otherwise("late")
    return F.concat_ws(
        " ", *(event[name].cast("string") for name in ("arrived_ms", "partition", "offset", "at_us")), why
    )


def _counted(archive: Archive, topic: Topic) -> DataFrame:
    return in_windows(archive[topic], _KEPT)


def _product(line: Column) -> Column:
    return line["id_produit"]


def _different(customers: str) -> Column:
    return F.hll_sketch_agg(customers, F.lit(LG_K)).alias(customers)


def _estimate(sketch: str) -> Column:
    """A sketch estimates by the order in which it was made, unless it is a union: so it is, with itself."""
    return F.hll_sketch_estimate(F.hll_union(sketch, sketch)).alias(sketch)
