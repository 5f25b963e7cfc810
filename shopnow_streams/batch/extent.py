"""What a job read: how many records of each partition, and between which offsets."""

from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from shopnow_streams.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shopnow_streams.batch.views import Tables


class Extent(NamedTuple):
    """The records of a partition that were read; others may lie between, where only some days were asked for."""

    topic: str
    partition: int
    first: int
    last: int
    records: int


def extents(tables: "Tables", topics: "Iterable[Topic]") -> list[Extent]:
    """Of the tables of `topics`, by topic and partition. Blocks while Spark reads their offsets, and nothing else."""
    offset = F.col("kafka_offset")
    return [
        Extent(str(topic), *row)
        for topic in topics
        for row in tables[topic]
        .groupBy("kafka_partition")
        .agg(F.min(offset), F.max(offset), F.count("*"))
        .orderBy("kafka_partition")
        .collect()
    ]
