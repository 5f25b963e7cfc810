"""The days that a question is about."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from shopnow_streams.topics import Topic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from shopnow_streams.batch.views import Tables

EARLY_DAYS = 1
"""How far a producer's clock may be ahead of Kafka's: its events are filed under the day before theirs."""


@dataclass(frozen=True)
class Days:
    """From the day `since` up to and including the day `until`, both of event time, UTC; None: no bound.

    The archive files a record under the day of its *Kafka* timestamp, so an event that arrived late stands in the
    directory of a later day. Directories are read from one day before `since` up to `late_days` after `until`: what
    came later still is not found. Without `until` nothing is too late.
    """

    since: date | None = None
    until: date | None = None
    late_days: int = 1

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError(f"no day is from {self.since} on and up to {self.until}")
        if self.late_days < 0:
            raise ValueError("an event can't be filed fewer than 0 days late")

    def __str__(self) -> str:
        if self.since is None and self.until is None:
            return "all days"
        return " ".join(f"{word} {day}" for word, day in (("from", self.since), ("up to", self.until)) if day)

    @property
    def directories(self) -> tuple[date | None, date | None]:
        """The first and the last date directory to read."""
        first = None if self.since is None else _shifted(self.since, -EARLY_DAYS)
        last = None if self.until is None else _shifted(self.until, self.late_days)
        return first, last

    @property
    def moments(self) -> tuple[datetime | None, datetime | None]:
        """From the first moment on, and before the second."""
        first = None if self.since is None else datetime.combine(self.since, time(), UTC)
        if self.until is None or self.until == date.max:
            return first, None
        return first, datetime.combine(self.until + timedelta(days=1), time(), UTC)

    def of(self, tables: "Tables", clock: str) -> "Tables":
        """The records of these days by the column `clock`; a record that has none there is of no day."""
        return {topic: self._of(tables[topic], clock) for topic in Topic}

    def _of(self, records: "DataFrame", clock: str) -> "DataFrame":
        from pyspark.sql import functions as F

        (first_day, last_day), (first, after) = self.directories, self.moments
        if first_day is not None:
            records = records.where(F.col("date") >= F.lit(first_day))
        if last_day is not None:
            records = records.where(F.col("date") <= F.lit(last_day))
        if first is not None:
            records = records.where(F.col(clock) >= F.lit(first))
        if after is not None:
            records = records.where(F.col(clock) < F.lit(after))
        return records


ALL_DAYS = Days()


def _shifted(day: date, days: int) -> date:
    """As far as the calendar goes."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min
