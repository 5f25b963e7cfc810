"""Sales day by day, of the whole archive. A day is one of `event_time`, UTC, as in the live tables."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def daily_sales(orders: DataFrame, payments: DataFrame) -> DataFrame:
    """One row a day with an order or a payment, in order of days.

    Amounts are sums of whole centimes, so they are exact; the columns in euros are decimals of the same. Every
    placed order counts, as it does live in the hours: one that a producer sent twice is two. `best_product` sold the
    most units; of two with as many, the one that made more, then the lower number. Records that are no events are
    left out.
    """
    orders = _of_days(orders)
    lines = orders.select("day", F.explode("articles").alias("line")).select("day", "line.*")
    days = (
        orders.groupBy("day")
        .agg(F.count("*").alias("orders"), F.sum("montant_total_cents").alias("ordered_cents"))
        .join(_units(lines), "day", "left")
        .join(_paid(payments), "day", "full_outer")
        .fillna(0, ["orders", "ordered_cents", "units", "payments", "paid_cents"])
    )
    return days.select(
        "day",
        "orders",
        "units",
        "ordered_cents",
        _euros(F.col("ordered_cents")).alias("ordered_euros"),
        # no orders, no average: the division gives null where Spark is told that it may
        _euros(F.try_divide(F.col("ordered_cents").cast("decimal(20,0)"), F.col("orders"))).alias(
            "average_basket_euros"
        ),
        "payments",
        "paid_cents",
        _euros(F.col("paid_cents")).alias("paid_euros"),
        "best_product",
        "best_product_units",
    ).orderBy("day")


def _of_days(events: DataFrame) -> DataFrame:
    return events.where("rejected IS NULL").withColumn("day", F.to_date("event_time"))


def _paid(payments: DataFrame) -> DataFrame:
    return (
        _of_days(payments)
        .groupBy("day")
        .agg(F.count("*").alias("payments"), F.sum("montant_cents").alias("paid_cents"))
    )


def _units(lines: DataFrame) -> DataFrame:
    products = lines.groupBy("day", "id_produit").agg(
        F.sum("quantite").alias("units"),
        # a product's own sum may pass 2^63: a million units at ten million euros, often enough
        F.sum(F.col("quantite").cast("decimal(38,0)") * F.col("prix_cents")).alias("cents"),
    )
    best = F.max_by(F.struct("id_produit", "units"), F.struct("units", "cents", -F.col("id_produit")))
    return (
        products.groupBy("day")
        .agg(F.sum("units").alias("units"), best.alias("best"))
        .select(
            "day",
            "units",
            F.col("best.id_produit").alias("best_product"),
            F.col("best.units").alias("best_product_units"),
        )
    )


def _euros(cents: Column) -> Column:
    return (cents.cast("decimal(24,4)") / 100).cast("decimal(20,2)")
