"""Event time: how far the events of one partition of a topic have come, and which of them come too late.

The *watermark* is the latest moment that any event had so far. An event more than the allowed lateness below it is
late. An event dated later than Kafka's own time of its record, by more than the allowed skew, is ahead: its clock is
wrong, and it moves no watermark. Both are decided by the log alone, record by record in the order of offsets, so that
whoever reads the same records decides the same: another worker, the archive, Spark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shopnow_streams.folds.windows import EPOCH

_MILLISECOND = timedelta(milliseconds=1)
_LATEST_MS = int(datetime(9998, 1, 1, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True)
class EventTime:
    """The rules. `lateness` and `skew` are whole milliseconds."""

    lateness: timedelta = timedelta(hours=1)
    skew: timedelta = timedelta(minutes=1)

    @classmethod
    def of_seconds(cls, lateness_s: float, skew_s: float) -> "EventTime":
        """The rules of these settings, to the millisecond."""
        return cls(*(timedelta(milliseconds=round(seconds * 1000)) for seconds in (lateness_s, skew_s)))

    @property
    def beginning(self) -> datetime:
        """The watermark before the first event: what says to be of before 1970 is late."""
        return EPOCH + self.lateness

    @property
    def versions(self) -> dict[str, int]:
        """Rows that were folded by other rules can't be gone on with: to be compared as the tables' versions are."""
        return {"lateness_ms": self.lateness // _MILLISECOND, "skew_ms": self.skew // _MILLISECOND}


STANDARD = EventTime()
"""Those of the settings' defaults."""


class Misdated(NamedTuple):
    """An event that is in no window: its place in the batch, and why."""

    place: int
    ahead: bool
    """Else it is late."""


def progress(
    rules: EventTime, watermark: datetime, moments: Sequence[datetime], stamps_ms: Sequence[int]
) -> tuple[datetime, list[Misdated]]:
    """The watermark after the events of a batch, and those that are late or ahead.

    `moments` are the events' own, `stamps_ms` Kafka's of the same records, in the order of their offsets.
    """
    if not moments:
        return watermark, []
    latest = max(watermark, max(moments))
    if latest <= _ceiling(rules, min(stamps_ms)) and min(moments) >= latest - rules.lateness:
        return latest, []  # as nearly all batches are: nothing to be looked at one by one
    misdated = []
    for place, (moment, stamp_ms) in enumerate(zip(moments, stamps_ms, strict=True)):
        if moment > _ceiling(rules, stamp_ms):
            misdated.append(Misdated(place, ahead=True))
        elif moment < watermark - rules.lateness:
            misdated.append(Misdated(place, ahead=False))
        elif moment > watermark:
            watermark = moment
    return watermark, misdated


def _ceiling(rules: EventTime, stamp_ms: int) -> datetime:
    """The latest moment that an event of a record of that time may have."""
    return EPOCH + timedelta(milliseconds=max(-1, min(stamp_ms, _LATEST_MS))) + rules.skew
