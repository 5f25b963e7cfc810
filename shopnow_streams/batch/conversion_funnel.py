"""From a look to a payment, day by day: how many come to each stage, and how many are lost before the next."""

from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shopnow_streams.batch.measures import by_day, share, together

STAGES = ("views", "adds", "orders", "payments")
PEOPLE = ("viewers", "adders", "orderers", "payers")


def conversion_funnel(views: DataFrame, adds: DataFrame, orders: DataFrame, payments: DataFrame) -> DataFrame:
    """One row a day with an event, in order of days.

    `views` to `payments` count events, as the live funnel does: an order that was sent twice is two. `viewers` to
    `payers` are different users at each stage; a view without a `user_id` is nobody's, and `anonymous_views` says how
    many those are. `<stage>_lost_rate` is the share of a stage that is missing in the next, below zero where the next
    has more (a visitor who was anonymous puts something into a cart; an order of yesterday is paid today), null where
    the stage is empty.
    """
    stages = zip((views, adds, orders, payments), STAGES, PEOPLE, strict=True)
    anonymous = by_day(views).where("user_id IS NULL").groupBy("day").agg(F.count("*").alias("anonymous_views"))
    counts = [*STAGES, *PEOPLE, "anonymous_views"]
    days = together(*(_stage(*stage) for stage in stages), anonymous).groupBy("day")
    summed = days.agg(*(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in counts))
    return summed.select("day", *counts, *_losses(STAGES), *_losses(PEOPLE)).orderBy("day")


def _stage(records: DataFrame, name: str, people: str) -> DataFrame:
    users = F.count_distinct("user_id")
    return by_day(records).groupBy("day").agg(F.count("*").alias(name), users.alias(people))


def _losses(stages: tuple[str, ...]) -> list[Column]:
    return [
        share(F.col(stage) - F.col(after), F.col(stage)).alias(f"{stage}_lost_rate")
        for stage, after in pairwise(stages)
    ]
