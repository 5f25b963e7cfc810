"""Every table a second time, in Spark, from the archive's typed columns: DataFrames in, a DataFrame a table out.

Rows are by partition and key, as the workers hold them, with the fields of `audit.rows`. What never happened is null.
Tables of event time are recounted in `windowed` and `shoppers`, from what `event_time` makes of the archive.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.audit import rows
from shopnow_streams.audit.event_time import standing_at
from shopnow_streams.audit.grouping import Archive, exact, one, together, total
from shopnow_streams.audit.shoppers import shoppers
from shopnow_streams.audit.windowed import activity, late, shop
from shopnow_streams.topics import Topic

Standing = Mapping[int, Mapping[str, int]]
"""Where a table stands in each partition: next offset by topic."""

Stands = Mapping[int, datetime]
"""At which moment the windows of a table stand in each partition."""


_YEAR_1_US = -62_135_596_800_000_000
_YEAR_10000_US = 253_402_300_800_000_000


def below(archive: Archive, standing: Standing, stands: Stands | None = None) -> Archive:
    """The records that a table which stands there has seen; its windows stand at the moment `stands` of a partition."""
    found = {topic: records.where(seen(topic, standing)) for topic, records in archive.items()}
    return {topic: standing_at(records, stands) for topic, records in found.items()} if stands else found


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
    viewed = _events(archive, Topic.PRODUCT_VIEWED).select(*_by("id_produit"), one("views"), named.alias("named"))
    added = _events(archive, Topic.ITEM_ADDED).select(
        *_by("id_produit"), one("adds"), F.col("quantite").alias("units_added"), named.alias("named")
    )
    lines = _events(archive, Topic.ORDER_PLACED).select("kafka_partition", F.explode("articles").alias("line"))
    sold = lines.select("kafka_partition", "line.*").select(
        *_by("id_produit"),
        one("order_lines"),
        F.col("quantite").alias("units_sold"),
        (exact("quantite") * F.col("prix_cents")).alias("revenue_cents"),
    )
    counts = ("views", "adds", "units_added", "order_lines", "units_sold", "revenue_cents")
    summed = together(viewed, added, sold).agg(F.max("named").alias("named"), *map(total, counts))
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
    newest = together(counts).agg(F.max("count").alias("newest"), F.count("*").alias("counts"))
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
        *_by("id_commande"), one("placements"), placement.alias("placement")
    )
    paid = _events(archive, Topic.PAYMENT_ACCEPTED).select(
        *_by("id_commande"),
        one("payments"),
        F.col("event_time").alias("paid"),
        F.col("montant_cents").alias("paid_cents"),
    )
    newest = together(placed, paid).agg(
        F.max("placement").alias("newest"),
        F.max("paid").alias("paid"),
        *map(total, ("placements", "payments", "paid_cents")),
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
        Topic.PRODUCT_VIEWED: [one("views")],
        Topic.ITEM_ADDED: [one("adds")],
        Topic.ORDER_PLACED: [one("orders"), F.col("montant_total_cents").alias("placed_cents")],
        Topic.PAYMENT_ACCEPTED: [one("payments"), F.col("montant_cents").alias("paid_cents")],
    }
    parts = [
        _events(archive, topic).select(F.col("kafka_partition").alias("partition"), _hour().alias("key"), *columns)
        for topic, columns in sums.items()
    ]
    return together(*parts).agg(*map(total, rows.HOURS.fields))


def rejections(archive: Archive) -> DataFrame:
    """How many records of each topic were no events, by reason."""
    counts = reduce(DataFrame.unionByName, (_rejected(archive, topic) for topic in Topic))
    by_reason = counts.groupBy("partition", "topic", "reason").count()
    shown = F.array_join(
        F.transform(
            F.sort_array(F.collect_list(F.struct("reason", "count"))),
            lambda each: F.concat(each["reason"], F.lit("="), each["count"].cast("string")),
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
    "activity": activity,
    "shop": shop,
    "shoppers": shoppers,
    "late": late,
    "rejects": rejects,
}
"""By the names in `audit.rows`. Those of tables that are `timed` want `event_time.timed` of the archive."""


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
