"""Event time a second time, in Spark: which events are late or ahead, and in which window those that are neither count.

The rule, of each partition of a topic and in the order of its offsets: an event dated after Kafka's own time of its
record, by more than the skew, is ahead. The watermark is the latest moment of all events before that were not ahead,
and `1970 + lateness` before the first. An event below it by more than the lateness is late.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shopnow_streams.audit.grouping import Archive
from shopnow_streams.audit.snapshot import EventTime

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US = (datetime(9998, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST_US = -1_000
"""Kafka's time of a record is taken to be no later and no earlier: it is the producer's word, and may be anything."""

_NOT_NEEDED = (
    "kafka_key", "value", "rejected", "date", "nom_produit", "prix", "montant_total", "montant", "moyen_paiement"
)  # fmt: skip


def timed(archive: Archive, rules: EventTime) -> Archive:
    """The events of each topic, from the first that is archived on, with `at_us`, `ahead` and `late`.

    What has seen only some of them may look at these: an event is decided by those before it.
    """
    return {topic: _timed(records, rules) for topic, records in archive.items()}


def _timed(records: DataFrame, rules: EventTime) -> DataFrame:
    lateness_us, skew_us = rules.lateness_ms * 1_000, rules.skew_ms * 1_000
    stamp_us = F.greatest(F.lit(_EARLIEST_US), F.least(F.unix_micros("kafka_timestamp"), F.lit(_LATEST_US)))
    before = Window.partitionBy("kafka_partition").orderBy("kafka_offset").rowsBetween(Window.unboundedPreceding, -1)
    latest = F.max(F.when(~F.col("ahead"), F.col("at_us"))).over(before)
    watermark = F.greatest(F.lit(lateness_us), latest)  # passes over a null: before the first there is none
    return (
        records.where("rejected IS NULL")
        .drop(*_NOT_NEEDED)
        .withColumn("at_us", F.unix_micros("event_time"))
        .withColumn("ahead", F.col("at_us") > stamp_us + skew_us)
        .withColumn("late", ~F.col("ahead") & (F.col("at_us") < watermark - lateness_us))
    )


def standing_at(records: DataFrame, stands: Mapping[int, datetime]) -> DataFrame:
    """With `stands_us`: the moment at which the windows of the record's partition stand."""
    moment: Any = F
    for partition, at in stands.items():
        moment = moment.when(F.col("kafka_partition") == partition, F.lit((at - _EPOCH) // _MICROSECOND))
    return records.withColumn("stands_us", moment)


@dataclass(frozen=True)
class Length:
    """Windows of one length: the first character of their keys, and how much of a moment's text follows."""

    mark: str
    lasts: timedelta
    digits: int

    def start(self, column: str) -> Column:
        """The beginning of the window of a moment, in microseconds since 1970, from 1970 on."""
        return F.col(column) - F.col(column) % F.lit(self.lasts // _MICROSECOND)


MINUTE = Length("m", timedelta(minutes=1), len("2025-11-28T10:31"))
HOUR = Length("h", timedelta(hours=1), len("2025-11-28T10"))
DAY = Length("d", timedelta(days=1), len("2025-11-28"))

Levels = tuple[tuple[Length, timedelta], ...]
"""Lengths, the shortest first, and for how long windows of each are kept after the one that the table stands in."""


def in_windows(events: DataFrame, levels: Levels) -> DataFrame:
    """Those that are neither late nor ahead, with `partition` and `window`: the shortest that is kept at `stands_us`.

    An event that is older than all that is kept is in none.
    """
    window = F.lit(None)
    for length, kept in reversed(levels):
        oldest = length.start("stands_us") - F.lit(kept // _MICROSECOND)
        start = length.start("at_us")
        found = F.struct(F.lit(length.mark).alias("mark"), start.alias("start_us"))
        window = F.when(start >= oldest, found).otherwise(window)
    on_time = events.where("NOT late AND NOT ahead").withColumn("partition", F.col("kafka_partition"))
    return on_time.withColumn("window", window).where("window IS NOT NULL")


def key(subject: str | None = None) -> Column:
    """Of `window`, and the column of the subject: `h2025-11-28T10+1597`."""
    moment = F.translate(F.timestamp_micros("window.start_us").cast("string"), " ", "T")
    digits = F.lit(0)
    for length in (MINUTE, HOUR, DAY):
        digits = F.when(F.col("window.mark") == length.mark, F.lit(length.digits)).otherwise(digits)
    window = F.concat("window.mark", F.substring(moment, F.lit(1), digits))
    whole = window if subject is None else F.concat(window, F.lit("+"), F.col(subject).cast("string"))
    return whole.alias("key")
