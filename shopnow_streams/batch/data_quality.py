"""What arrives, and in which state: the one job that is about the records which are no events."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import share, together
from shopnow_streams.topics import Topic

REASONS = ("no-value", "not-json", "not-valid")


def data_quality(
    views: DataFrame,
    adds: DataFrame,
    orders: DataFrame,
    payments: DataFrame,
    stock: DataFrame,
    *,
    late_after_s: int,
    ahead_by_s: int,
) -> DataFrame:
    """One row a topic and day, by topic and day. A day is one of `kafka_timestamp`, UTC: what is no event has no other.

    `rejected` are records that are no events, and `rejected_<reason>` which of them for what, `rejected_other` for a
    reason that this job does not know. `unkeyed` have no Kafka key. Of the events, `late` happened more than
    `late_after_s` before Kafka had them and `from_the_future` more than `ahead_by_s` after: a clock is wrong.
    `without_user` are events without a `user_id`, null for a topic that has none.
    """
    tables = zip(Topic, (views, adds, orders, payments, stock), strict=True)
    ahead_us = F.unix_micros("event_time") - F.unix_micros("kafka_timestamp")
    return (
        together(*(_records(topic, table) for topic, table in tables))
        .withColumn("ahead_us", ahead_us)
        .groupBy("topic", "day")
        .agg(
            F.count("*").alias("records"),
            F.count("rejected").alias("rejected"),
            *(_count(F.col("rejected") == reason).alias(f"rejected_{_word(reason)}") for reason in REASONS),
            _count(~F.col("rejected").isin(*REASONS)).alias("rejected_other"),
            _count(F.col("unkeyed")).alias("unkeyed"),
            _count(F.col("ahead_us") < -late_after_s * 1_000_000).alias("late"),
            _count(F.col("ahead_us") > ahead_by_s * 1_000_000).alias("from_the_future"),
            F.sum("without_user").alias("without_user"),
            share(F.count("rejected"), F.count("*")).alias("rejected_rate"),
        )
        .orderBy("topic", "day")
    )


def _records(topic: Topic, table: DataFrame) -> DataFrame:
    without_user = F.col("user_id").isNull() & F.col("rejected").isNull() if "user_id" in table.columns else F.lit(None)
    return table.select(
        F.lit(str(topic)).alias("topic"),
        F.to_date("kafka_timestamp").alias("day"),
        "rejected",
        "event_time",
        "kafka_timestamp",
        F.col("kafka_key").isNull().alias("unkeyed"),
        without_user.cast("bigint").alias("without_user"),
    )


def _count(holds: Column) -> Column:
    return F.count(F.when(holds, F.lit(1)))


def _word(reason: str) -> str:
    return reason.replace("-", "_")
