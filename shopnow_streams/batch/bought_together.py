"""Which products are bought together, and by how much more often than chance would have it."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import exact, names, placements


def bought_together(orders: DataFrame, views: DataFrame, adds: DataFrame, *, at_least: int) -> DataFrame:
    """One row a pair of products that stand on the same order `at_least` times; the most frequent pairs first.

    An order that was sent twice counts once, as it was placed last; a product counts once an order, whatever its
    quantity and however many lines it has. Of all orders, those of one product or none too: `support_rate` is the share
    that has both, `confidence_a_to_b_rate` the share of those with `product_a` that have `product_b`, and `lift` how
    many times as often both are found as they would be if neither said anything of the other. Six digits each.
    `product_a` is the lower number; names are those of the newest view or cart.
    """
    baskets = placements(orders).select(
        F.array_sort(F.array_distinct(F.transform("articles", lambda line: line["id_produit"]))).alias("products")
    )
    alone = baskets.select(F.explode("products").alias("product")).groupBy("product").agg(F.count("*").alias("orders"))
    pairs = _pairs(baskets).groupBy("product_a", "product_b").agg(F.count("*").alias("together"))
    known = names(views, adds)
    return (
        pairs.where(F.col("together") >= at_least)
        .join(_of(alone, "a"), "product_a")
        .join(_of(alone, "b"), "product_b")
        .join(F.broadcast(baskets.agg(F.count("*").alias("all_orders"))))
        .join(
            known.select(F.col("id_produit").alias("product_a"), F.col("nom_produit").alias("name_a")),
            "product_a",
            "left",
        )
        .join(
            known.select(F.col("id_produit").alias("product_b"), F.col("nom_produit").alias("name_b")),
            "product_b",
            "left",
        )
        .select(
            "product_a",
            "name_a",
            "product_b",
            "name_b",
            "together",
            "orders_a",
            "orders_b",
            _ratio(exact("together"), exact("all_orders")).alias("support_rate"),
            _ratio(exact("together"), exact("orders_a")).alias("confidence_a_to_b_rate"),
            _ratio(exact("together"), exact("orders_b")).alias("confidence_b_to_a_rate"),
            _ratio(exact("together") * exact("all_orders"), exact("orders_a") * exact("orders_b")).alias("lift"),
        )
        .orderBy(F.col("together").desc(), "product_a", "product_b")
    )


def _pairs(baskets: DataFrame) -> DataFrame:
    """Each pair of a basket once, the lower number first. Within the row: no join, no shuffle."""
    first = baskets.select("products", F.posexplode("products").alias("place", "product_a"))
    rest = F.slice("products", F.col("place") + 2, F.size("products"))
    return first.select("product_a", F.explode(rest).alias("product_b"))


def _of(alone: DataFrame, side: str) -> DataFrame:
    return alone.select(F.col("product").alias(f"product_{side}"), F.col("orders").alias(f"orders_{side}"))


def _ratio(part: Column, whole: Column) -> Column:
    return (part / whole).cast("decimal(28,6)")
