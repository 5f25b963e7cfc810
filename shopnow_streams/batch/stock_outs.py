"""When a product was out of stock, and what that cost."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import (
    HOUR_US,
    end_of,
    euros,
    events,
    exact,
    hours,
    lines,
    micros,
    names,
    placements,
    together,
)


def stock_outs(
    views: DataFrame, adds: DataFrame, orders: DataFrame, payments: DataFrame, stock: DataFrame
) -> DataFrame:
    """One row an interval in which a product's counted stock was 0; the dearest first.

    An interval begins with the first count of 0 and ends with the next count above 0: `back_at`, null where none came
    until the last event of the archive, up to which it is measured then. Of two counts of one instant the lower one
    holds, as live. The loss is an estimate, from the product's own sales while it was counted as there:

        lost units = units sold outside of its stock-outs / hours outside of them x hours of this one
        lost cents = what those units made / hours outside x hours of this one

    both since the product's first count, whole orders once each, as placed last. What it does not know: the hour of
    the day and the season (a night without stock costs as much as an afternoon), customers who take another product or
    come back later, and sales that were made in spite of a count of 0, which `units_sold_meanwhile` shows and the loss
    leaves as it is. Stock counted seldom makes intervals longer than they were. A product that was never there has no
    rate: its loss is null.
    """
    spells = _spells(_timeline(stock, orders), end_of(views, adds, orders, payments, stock))
    there = F.col("out") == F.lit(False)
    usual = spells.groupBy("id_produit").agg(
        F.sum(F.when(there, F.col("span_us"))).alias("there_us"),
        F.coalesce(F.sum(F.when(there, F.col("units"))), F.lit(0)).alias("usual_units"),
        F.coalesce(F.sum(F.when(there, F.col("cents"))), F.lit(0)).alias("usual_cents"),
    )
    lost_cents = _lost("usual_cents").cast("decimal(38,0)")
    return (
        spells.where("out")
        .join(usual, "id_produit")
        .join(names(stock, views, adds), "id_produit", "left")
        .select(
            "id_produit",
            "nom_produit",
            "out_at",
            "back_at",
            hours(F.col("span_us")).alias("out_hours"),
            F.try_divide(exact("usual_units") * F.lit(HOUR_US), exact("there_us"))
            .cast("decimal(20,4)")
            .alias("usual_units_per_hour"),
            F.col("units").cast("bigint").alias("units_sold_meanwhile"),
            _lost("usual_units").cast("decimal(20,2)").alias("lost_units"),
            lost_cents.alias("lost_cents"),
            euros(lost_cents).alias("lost_euros"),
        )
        .orderBy(F.col("lost_cents").desc_nulls_last(), "out_at", "id_produit")
    )


def _timeline(stock: DataFrame, orders: DataFrame) -> DataFrame:
    """Counts and sales of each product; a count of one instant comes before a sale."""
    counts = (
        events(stock)
        .groupBy("id_produit", F.col("event_time").alias("at"))
        .agg(F.min("stock").alias("stock"))
        .withColumn("sale", F.lit(0))
    )
    sales = lines(placements(orders)).select(
        "id_produit",
        F.col("placed_at").alias("at"),
        F.lit(1).alias("sale"),
        F.col("quantite").alias("units"),
        F.col("line_cents").alias("cents"),
    )
    return together(counts, sales)


def _spells(timeline: DataFrame, end: DataFrame) -> DataFrame:
    """Stretches in which a product was there, or `out`, with what was sold in them; nothing before its first count."""
    so_far = Window.partitionBy("id_produit").orderBy("at", "sale").rowsBetween(Window.unboundedPreceding, 0)
    in_order = Window.partitionBy("id_produit").orderBy("at", "sale")
    level = F.last("stock", ignorenulls=True).over(so_far)
    turned = F.coalesce(F.col("out") != F.lag("out").over(in_order), F.lit(True)).cast("int")
    stretches = (
        timeline.withColumn("out", level == 0)
        .where("out IS NOT NULL")
        .withColumn("turned", turned)
        .withColumn("spell", F.sum("turned").over(so_far))
        .groupBy("id_produit", "spell", "out")
        .agg(
            F.min("at").alias("out_at"),
            F.coalesce(F.sum(exact("units")), F.lit(0)).alias("units"),
            F.coalesce(F.sum("cents"), F.lit(0)).alias("cents"),
        )
    )
    following = F.lead("out_at").over(Window.partitionBy("id_produit").orderBy("spell"))
    return stretches.withColumn("back_at", following).join(end).withColumn("span_us", _span())


def _span() -> Column:
    ended = F.coalesce(micros("back_at"), F.col("end_us"))
    return F.greatest(ended - micros("out_at"), F.lit(0))


def _lost(usual: str) -> Column:
    return F.try_divide(F.col(usual).cast("decimal(30,0)") * exact("span_us"), exact("there_us"))
