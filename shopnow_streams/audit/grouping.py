"""What a recount is written with: parts of a table from several topics, and their sums by row."""

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F

from shopnow_streams.topics import Topic

Archive = Mapping[Topic, DataFrame]
"""The records of each topic, those that are no events among them."""


def together(*parts: DataFrame, by: Sequence[str] = ("partition", "key")) -> GroupedData:
    """By row; a part that lacks a column has nothing to say of it."""
    return reduce(lambda each, other: each.unionByName(other, allowMissingColumns=True), parts).groupBy(*by)


def one(name: str) -> Column:
    """What is counted."""
    return F.lit(1).alias(name)


def total(name: str) -> Column:
    """The sum; of nothing it is 0."""
    return F.coalesce(F.sum(exact(name)), F.lit(0)).alias(name)


def exact(name: str) -> Column:
    """Wide enough for a product that sells for ever."""
    return F.col(name).cast("decimal(20,0)")
