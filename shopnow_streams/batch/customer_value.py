"""Who the customers are worth keeping: recency, frequency and amount, a score of each, and a segment."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import DAY_US, end_of, euros, exact, micros, placements

QUINTILES = 5


def customer_value(
    views: DataFrame, adds: DataFrame, orders: DataFrame, payments: DataFrame, stock: DataFrame
) -> DataFrame:
    """One row a customer who ordered; the greatest amount first, of the same the lower number.

    `recency_days` are whole days from the last order to the last event of the archive, whatever event that is;
    `orders` and `amount_cents` are placed orders, each once, as placed last, paid or not. A score is the fifth of all
    customers that one is in, 5 the best: 1 + floor(5 x customers who are worse / customers), by the moment of the last
    order, by orders, and by amount. Who are alike have the same score, so that fifths are uneven where many are; of
    customers who all ordered once none has more than 1.

    Segments, the first that fits: champions (recency and frequency 4 and up), loyal (both 3 and up), new (recency 4
    and up), cannot lose (recency up to 2, frequency and amount 4 and up), at risk (recency up to 2, frequency or
    amount 3 and up), lost (recency up to 2), wavering (all others).
    """
    customers = (
        placements(orders)
        .groupBy("user_id")
        .agg(
            F.max("placed_at").alias("last_order_at"),
            F.count("*").alias("orders"),
            F.sum(exact("placed_cents")).alias("amount_cents"),
        )
        .join(end_of(views, adds, orders, payments, stock))
        .withColumn("recency_days", _days_since("last_order_at"))
    )
    all_of_them = F.broadcast(customers.agg(F.count("*").alias("customers")))
    scored = (
        customers.join(all_of_them)
        .withColumn("recency_score", _score(F.col("last_order_at").asc()))
        .withColumn("frequency_score", _score(F.col("orders").asc()))
        .withColumn("amount_score", _score(F.col("amount_cents").asc()))
    )
    return scored.select(
        "user_id",
        "recency_days",
        "orders",
        "amount_cents",
        euros("amount_cents").alias("amount_euros"),
        "recency_score",
        "frequency_score",
        "amount_score",
        _segment().alias("segment"),
    ).orderBy(F.col("amount_cents").desc(), "user_id")


def _days_since(moment: str) -> Column:
    ago_us = F.greatest(F.col("end_us") - micros(moment), F.lit(0))
    return F.floor(ago_us.cast("decimal(20,0)") / F.lit(DAY_US)).cast("bigint")


def _score(worst_first: Column) -> Column:
    worse = F.rank().over(Window.orderBy(worst_first)) - 1
    return (F.floor(exact(worse * QUINTILES) / exact("customers")) + 1).cast("int")


def _segment() -> Column:
    recency, frequency, amount = (F.col(f"{name}_score") for name in ("recency", "frequency", "amount"))
    return (
        F.when((recency >= 4) & (frequency >= 4), "champions")
        .when((recency >= 3) & (frequency >= 3), "loyal")
        .when(recency >= 4, "new")
        .when((recency <= 2) & (frequency >= 4) & (amount >= 4), "cannot lose")
        .when((recency <= 2) & ((frequency >= 3) | (amount >= 3)), "at risk")
        .when(recency <= 2, "lost")
        .otherwise("wavering")
    )
