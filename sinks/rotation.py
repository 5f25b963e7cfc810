"""When the open segment of a partition closes. Pure; the caller brings the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

Reason = Literal["bytes", "rows", "age"]


@dataclass(frozen=True, slots=True)
class Rotation:
    """A segment closes at `max_bytes` or `max_rows`, or once its first record has waited for `max_age_s` seconds.

    Checked between record batches, so that a segment may pass its bounds by one batch.
    """

    max_bytes: int
    max_rows: int
    max_age_s: float

    def __post_init__(self) -> None:
        if not (self.max_bytes > 0 and self.max_rows > 0 and self.max_age_s > 0):
            raise ValueError(f"{self} would close segments before anything is in them")

    def due(self, size: int, rows: int, age_s: float) -> Reason | None:
        """Why a segment of `size` bytes and `rows` records, the first taken `age_s` seconds ago, closes; None if not.

        A segment without records never closes.
        """
        if rows == 0:
            return None
        if size >= self.max_bytes:
            return "bytes"
        if rows >= self.max_rows:
            return "rows"
        return "age" if age_s >= self.max_age_s else None


def joining(day: date, timestamps_ms: Sequence[int]) -> int:
    """How many of the next records go into an open segment of `day`: those before the first one of a *later* day.

    A record of an earlier day stays. Producers' clocks differ, and around midnight a segment would otherwise close
    at every other record; this way each day closes one.
    """
    end_ms = _end_ms(day)
    if max(timestamps_ms, default=0) < end_ms:
        return len(timestamps_ms)
    return next(index for index, timestamp in enumerate(timestamps_ms) if timestamp >= end_ms)


def _end_ms(day: date) -> int:
    """Where the day ends, in milliseconds since 1970 UTC; the last day, `date_of`'s bound, never does."""
    if day == date.max:
        return 2**63
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(midnight.timestamp()) * 1000
