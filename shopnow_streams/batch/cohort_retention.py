"""Do customers come back? By the month of their first order."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import placements, share


def cohort_retention(orders: DataFrame, *, months: int) -> DataFrame:
    """One row a month in which customers ordered for the first time, in order of months.

    `month_1_rate` is the share of those `customers` that ordered in the next month, `month_2_rate` in the one after,
    up to `months`; null where no order of that month or a later one is in the archive, so that what is not known yet
    is not a zero. The last month of the archive is seldom whole. Months are those of event time, UTC; each order
    counts in the month of its newest placement. Asked for some days only, a first order is the first of those days.
    """
    ordered = placements(orders).select("user_id", F.trunc("placed_at", "month").alias("month")).distinct()
    first = F.min("month").over(Window.partitionBy("user_id"))
    cohorts = ordered.withColumn("cohort", first).withColumn("after", _number("month") - _number("cohort"))
    last = F.broadcast(ordered.agg(F.max(_number("month")).alias("last_month")))
    customers = [_customers(number).alias(f"month_{number}") for number in range(1, months + 1)]
    return (
        cohorts.groupBy("cohort")
        .agg(_customers(0).alias("customers"), *customers)
        .join(last)
        .select("cohort", "customers", *(_rate(number) for number in range(1, months + 1)))
        .withColumnRenamed("cohort", "cohort_month")
        .orderBy("cohort_month")
    )


def _number(month: str) -> Column:
    return F.year(month) * 12 + F.month(month)


def _customers(after: int) -> Column:
    """A customer has one row a month."""
    return F.count(F.when(F.col("after") == after, F.lit(1)))


def _rate(number: int) -> Column:
    known = _number("cohort") + number <= F.col("last_month")
    return F.when(known, share(F.col(f"month_{number}"), F.col("customers"))).alias(f"month_{number}_rate")
