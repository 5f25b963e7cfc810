"""What jobs measure alike: which records count, which day it was, what a share is. Columns and DataFrames, no IO."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def events(records: DataFrame) -> DataFrame:
    """Without the records that are no events."""
    return records.where("rejected IS NULL")


def by_day(records: DataFrame) -> DataFrame:
    """Events with their `day`: that of `event_time`, UTC, as in the live tables."""
    return events(records).withColumn("day", F.to_date("event_time"))


def exact(number: Column | str) -> Column:
    """A whole number in decimals: its sums and products may pass 2^63."""
    return (F.col(number) if isinstance(number, str) else number).cast("decimal(20,0)")


def euros(cents: Column | str) -> Column:
    """Cents, or a fraction of them, as euros with two digits."""
    return ((F.col(cents) if isinstance(cents, str) else cents).cast("decimal(38,8)") / 100).cast("decimal(32,2)")


def share(part: Column, whole: Column) -> Column:
    """`part / whole` to four digits; null where there is no whole."""
    return F.try_divide(exact(part), exact(whole)).cast("decimal(20,4)")


def micros(moment: Column | str) -> Column:
    """Microseconds since 1970."""
    return F.unix_micros(moment)


def hours(span_us: Column) -> Column:
    """Microseconds as hours with four digits."""
    return (exact(span_us) / F.lit(HOUR_US)).cast("decimal(20,4)")


def together(*parts: DataFrame) -> DataFrame:
    """The rows of all; a part that lacks a column has nulls there."""
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)


def placements(orders: DataFrame) -> DataFrame:
    """Each order once, however often it was sent: `id_commande`, `placed_at`, `placed_cents`, `user_id`, `articles`.

    The newest placement counts; of one instant that of the greater amount, units, customer, as live, and then the
    one that Kafka had last.
    """
    units = F.aggregate("articles", F.lit(0).cast("long"), lambda total, line: total + line["quantite"])
    placement = F.struct(
        F.col("event_time").alias("placed_at"),
        F.col("montant_total_cents").alias("placed_cents"),
        "user_id",
        "articles",
    )
    order = F.struct("event_time", "montant_total_cents", units, "user_id", "kafka_timestamp", "kafka_offset")
    newest = events(orders).groupBy("id_commande").agg(F.max_by(placement, order).alias("placement"))
    return newest.select("id_commande", "placement.*")


def lines(orders: DataFrame) -> DataFrame:
    """A row an order's line, beside the order's other columns: `id_produit`, `quantite`, `line_cents`."""
    others = [name for name in orders.columns if name != "articles"]
    exploded = orders.select(*others, F.explode("articles").alias("line"))
    cents = exact("line.quantite") * F.col("line.prix_cents")
    return exploded.select(*others, "line.id_produit", "line.quantite", cents.alias("line_cents"))


def names(*records: DataFrame) -> DataFrame:
    """`id_produit` and `nom_produit`: the name in the newest event that has one, of one instant the last one."""
    named = together(*(events(part).select("id_produit", "event_time", "nom_produit") for part in records))
    return (
        named.where("nom_produit IS NOT NULL")
        .groupBy("id_produit", "nom_produit")
        .agg(F.max("event_time").alias("at"))  # Spark sorts all events for the greatest of something with a text in it
        .groupBy("id_produit")
        .agg(F.max(F.struct("at", F.col("nom_produit").alias("name"))).alias("newest"))
        .select("id_produit", F.col("newest.name").alias("nom_produit"))
    )


def end_of(*records: DataFrame) -> DataFrame:
    """One row, `end_us`: when the last event happened. One to join to all, to know how long ago something was.

    A clock that is wrong does not move it: events dated more than an hour after Kafka had them are passed by, unless
    there are no others.
    """
    believed = F.col("event_time") <= F.col("kafka_timestamp") + F.expr("INTERVAL 1 HOUR")
    moments = together(*(events(part).select("event_time", "kafka_timestamp") for part in records))
    end = F.coalesce(F.max(F.when(believed, F.col("event_time"))), F.max("event_time"))
    return F.broadcast(moments.agg(micros(end).alias("end_us")))
