"""What sells: each product's way from a look to revenue, the one that made most first."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import euros, events, lines, names, share, together

COUNTS = ("views", "adds", "order_lines", "units", "revenue_cents")


def top_products(views: DataFrame, adds: DataFrame, orders: DataFrame) -> DataFrame:
    """One row a product that was looked at, put in a cart or ordered; by revenue, of the same by number.

    Every placed order counts, as it does in the live table of products: one that a producer sent twice is two.
    `revenue_cents` are quantities times prices of the lines, exact; products with as much share a `revenue_rank`.
    `orders_per_view_rate` is order lines by views, null for what nobody looked at. Records that are no events are left
    out.
    """
    looked = events(views).groupBy("id_produit").agg(F.count("*").alias("views"))
    added = events(adds).groupBy("id_produit").agg(F.count("*").alias("adds"))
    summed = (
        together(looked, added, _sold(orders))
        .groupBy("id_produit")
        .agg(*(F.coalesce(F.sum(name), F.lit(0)).cast(_type(name)).alias(name) for name in COUNTS))
    )
    rank = F.rank().over(Window.orderBy(F.col("revenue_cents").desc()))
    return (
        summed.join(names(views, adds), "id_produit", "left")
        .select(
            rank.alias("revenue_rank"),
            "id_produit",
            "nom_produit",
            *COUNTS,
            euros("revenue_cents").alias("revenue_euros"),
            share(F.col("order_lines"), F.col("views")).alias("orders_per_view_rate"),
        )
        .orderBy("revenue_rank", "id_produit")
    )


def _sold(orders: DataFrame) -> DataFrame:
    return (
        lines(events(orders))
        .groupBy("id_produit")
        .agg(
            F.count("*").alias("order_lines"),
            F.sum("quantite").alias("units"),
            F.sum("line_cents").alias("revenue_cents"),
        )
    )


def _type(name: str) -> str:
    """A product's revenue may pass 2^63, its counts do not."""
    return "decimal(38,0)" if name == "revenue_cents" else "bigint"
