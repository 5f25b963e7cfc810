"""Sales day by day, of the whole archive. A day is one of `event_time`, UTC, as in the live tables."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import by_day, euros, exact, lines


def daily_sales(orders: DataFrame, payments: DataFrame) -> DataFrame:
    """One row a day with an order or a payment, in order of days.

    Amounts are sums of whole centimes, so they are exact; the columns in euros are decimals of the same. Every
    placed order counts, as it does live in the hours: one that a producer sent twice is two. `best_product` sold the
    most units; of two with as many, the one that made more, then the lower number. Records that are no events are
    left out.
    """
    orders = by_day(orders)
    days = (
        orders.groupBy("day")
        .agg(F.count("*").alias("orders"), F.sum("montant_total_cents").alias("ordered_cents"))
        .join(_units(orders), "day", "left")
        .join(_paid(payments), "day", "full_outer")
        .fillna(0, ["orders", "ordered_cents", "units", "payments", "paid_cents"])
    )
    return days.select(
        "day",
        "orders",
        "units",
        "ordered_cents",
        euros("ordered_cents").alias("ordered_euros"),
        # no orders, no average: the division gives null where Spark is told that it may
        euros(F.try_divide(exact("ordered_cents"), F.col("orders"))).alias("average_basket_euros"),
        "payments",
        "paid_cents",
        euros("paid_cents").alias("paid_euros"),
        "best_product",
        "best_product_units",
    ).orderBy("day")


def _paid(payments: DataFrame) -> DataFrame:
    return (
        by_day(payments).groupBy("day").agg(F.count("*").alias("payments"), F.sum("montant_cents").alias("paid_cents"))
    )


def _units(orders: DataFrame) -> DataFrame:
    products = (
        lines(orders.select("day", "articles"))
        .groupBy("day", "id_produit")
        .agg(F.sum("quantite").alias("units"), F.sum("line_cents").alias("cents"))
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
