"""Every table a second time, in Spark, from the archive's typed columns: DataFrames in, a DataFrame a table out.

Rows are by partition and key, as the workers hold them, with the fields of `audit.rows`. What never happened is null.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F

from shopnow_streams.audit import rows
from shopnow_streams.topics import Topic

Archive = Mapping[Topic, DataFrame]
"""The records of each topic, those that are no events among them."""

Standing = Mapping[int, Mapping[str, int]]
"""Where a table stands in each partition: next offset by topic."""


_YEAR_1_US = -62_135_596_800_000_000
_YEAR_10000_US = 253_402_300_800_000_000


def below(archive: Archive, standing: Standing) -> Archive:
    """The records that a table which stands there has seen."""
    return {topic: records.where(seen(topic, standing)) for topic, records in archive.items()}


def seen(topic: Topic, standing: Standing) -> Column:
    """Whether such a table has seen a record of that topic."""
    partition, offset = F.col("kafka_partition"), F.col("kafka_offset")
    parts = [
        (partition == number) & (offset < positions[topic])
        for number, positions in standing.items()
        if topic in positions
    ]
    return reduce(Column.__or__, parts, F.lit(False))


def products(archive: Archive) -> DataFrame:
    """Counts and sums by product; the name is that of the newest event, of one instant the last by code points."""
    # Spark compares texts by their UTF-8 bytes, which is the order of their code points
    named = F.struct(F.col("event_time").alias("at"), F.col("nom_produit").alias("name"))
    viewed = _events(archive, Topic.PRODUCT_VIEWED).select(*_by("id_produit"), _one("views"), named.alias("named"))
    added = _events(archive, Topic.ITEM_ADDED).select(
        *_by("id_produit"), _one("adds"), F.col("quantite").alias("units_added"), named.alias("named")
    )
    lines = _events(archive, Topic.ORDER_PLACED).select("kafka_partition", F.explode("articles").alias("line"))
    sold = lines.select("kafka_partition", "line.*").select(
        *_by("id_produit"),
        _one("order_lines"),
        F.col("quantite").alias("units_sold"),
        (_exact("quantite") * F.col("prix_cents")).alias("revenue_cents"),
    )
    counts = ("views", "adds", "units_added", "order_lines", "units_sold", "revenue_cents")
    summed = _together(viewed, added, sold).agg(F.max("named").alias("named"), *map(_sum, counts))
    return summed.select(
        "partition",
        "key",
        F.coalesce("named.name", F.lit("")).alias("name"),
        _moment("named.at").alias("named_at"),
        *counts,
    )


def stock(archive: Archive) -> DataFrame:
    """The newest count of each product; of two of one instant the lower one."""
    counts = _events(archive, Topic.STOCK_UPDATED).select(
        *_by("id_produit"), F.struct(F.col("event_time").alias("at"), (-F.col("stock")).alias("minus")).alias("count")
    )
    newest = _together(counts).agg(F.max("count").alias("newest"), F.count("*").alias("counts"))
    return newest.select(
        "partition",
        "key",
        (-F.col("newest.minus")).alias("units"),
        _moment("newest.at").alias("counted_at"),
        "counts",
    )


def orders(archive: Archive) -> DataFrame:
    """The newest placement (of one instant: the greater amount, units, customer); payments added up."""
    units = F.aggregate("articles", F.lit(0).cast("long"), lambda total, line: total + line["quantite"])
    placement = F.struct(
        F.col("event_time").alias("at"),
        F.col("montant_total_cents").alias("cents"),
        units.alias("units"),
        F.col("user_id").alias("user"),
    )
    placed = _events(archive, Topic.ORDER_PLACED).select(
        *_by("id_commande"), _one("placements"), placement.alias("placement")
    )
    paid = _events(archive, Topic.PAYMENT_ACCEPTED).select(
        *_by("id_commande"),
        _one("payments"),
        F.col("event_time").alias("paid"),
        F.col("montant_cents").alias("paid_cents"),
    )
    newest = _together(placed, paid).agg(
        F.max("placement").alias("newest"),
        F.max("paid").alias("paid"),
        *map(_sum, ("placements", "payments", "paid_cents")),
    )
    return newest.select(
        "partition",
        "key",
        F.coalesce("newest.user", F.lit(-1)).alias("user_id"),
        _moment("newest.at").alias("placed_at"),
        F.coalesce("newest.cents", F.lit(0)).alias("placed_cents"),
        F.coalesce("newest.units", F.lit(0)).alias("units"),
        "placements",
        _moment("paid").alias("paid_at"),
        "paid_cents",
        "payments",
    )


def hours(archive: Archive) -> DataFrame:
    """The shop by the hour of its events, UTC."""
    sums = {
        Topic.PRODUCT_VIEWED: [_one("views")],
        Topic.ITEM_ADDED: [_one("adds")],
        Topic.ORDER_PLACED: [_one("orders"), F.col("montant_total_cents").alias("placed_cents")],
        Topic.PAYMENT_ACCEPTED: [_one("payments"), F.col("montant_cents").alias("paid_cents")],
    }
    parts = [
        _events(archive, topic).select(F.col("kafka_partition").alias("partition"), _hour().alias("key"), *columns)
        for topic, columns in sums.items()
    ]
    return _together(*parts).agg(*map(_sum, rows.HOURS.fields))


def rejections(archive: Archive) -> DataFrame:
    """How many records of each topic were no events, by reason."""
    counts = reduce(DataFrame.unionByName, (_rejected(archive, topic) for topic in Topic))
    by_reason = counts.groupBy("partition", "topic", "reason").count()
    shown = F.array_join(
        F.transform(
            F.sort_array(F.collect_list(F.struct("reason", "count"))),
            lambda one: F.concat(one["reason"], F.lit("="), one["count"].cast("string")),
        ),
        ", ",
    )
    return by_reason.groupBy("partition", F.col("topic").alias("key")).agg(shown.alias("by_reason"))


def rejects(archive: Archive) -> DataFrame:
    """What the reject topic must hold: each record that is no event, once."""
    found = reduce(DataFrame.unionByName, (_rejected(archive, topic) for topic in Topic))
    key = F.concat_ws(" ", "topic", F.col("offset").cast("string"))
    return found.select("partition", key.alias("key"), "reason", F.lit(1).alias("copies")).dropDuplicates(
        ["partition", "key"]
    )


RECOUNTS: Mapping[str, Callable[[Archive], DataFrame]] = {
    "products": products,
    "stock": stock,
    "orders": orders,
    "hours": hours,
    "rejections": rejections,
    "rejects": rejects,
}
"""By the names in `audit.rows`."""


def _events(archive: Archive, topic: Topic) -> DataFrame:
    return archive[topic].where("rejected IS NULL")


def _rejected(archive: Archive, topic: Topic) -> DataFrame:
    return (
        archive[topic]
        .where("rejected IS NOT NULL")
        .select(
            F.col("kafka_partition").alias("partition"),
            F.lit(str(topic)).alias("topic"),
            F.col("kafka_offset").alias("offset"),
            F.col("rejected").alias("reason"),
        )
    )


def _by(column: str) -> Iterable[Column]:
    return F.col("kafka_partition").alias("partition"), F.col(column).cast("string").alias("key")


def _one(name: str) -> Column:
    return F.lit(1).alias(name)


def _together(*parts: DataFrame) -> GroupedData:
    """By row; a part that lacks a column has nothing to say of it."""
    union = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
    return union.groupBy("partition", "key")


def _sum(name: str) -> Column:
    return F.coalesce(F.sum(_exact(name)), F.lit(0)).alias(name)


def _exact(name: str) -> Column:
    """Wide enough for a product that sells for ever."""
    return F.col(name).cast("decimal(20,0)")


def _moment(name: str) -> Column:
    """The workers write what never happened as the earliest moment there is: the two can't be told apart."""
    return F.nullif(F.col(name), F.timestamp_micros(F.lit(rows.NEVER_US)))


def _hour() -> Column:
    """`2025-11-28T10`. A moment that UTC has no year of four digits for is filed under its own clock's hour."""
    at = F.col("event_time")
    known = (at >= F.timestamp_micros(F.lit(_YEAR_1_US))) & (at < F.timestamp_micros(F.lit(_YEAR_10000_US)))
    written = F.get_json_object(F.col("value").cast("string"), "$.timestamp")
    own = F.concat(F.substring(written, 1, 10), F.lit("T"), F.substring(written, 12, 2))
    return F.when(known, F.date_format(at, "yyyy-MM-dd'T'HH")).otherwise(own)
