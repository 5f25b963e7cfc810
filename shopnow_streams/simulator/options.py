"""What a run is asked for, and how far it is."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shopnow_streams.errors import SettingsError
from shopnow_streams.simulator.ledger import Ledger
from shopnow_streams.simulator.shoppers import HABITS, Clock, Habits


@dataclass(frozen=True)
class SimulationOptions:
    """What to send. A run ends after `duration_s`, or `records`, or when it is told to."""

    rate: float | None = 100.0
    """Records a second; None: as fast as they go. Time lost to an outage is not made up for."""
    seed: int = 1
    duration_s: float | None = None
    records: int | None = None
    habits: Habits = HABITS
    start: datetime | None = None
    """When the first event happens; None: now."""
    speed: float = 1.0
    """Seconds of event time in a second."""
    malformed: float = 0.0
    """Share of records that are spoilt copies of an event, sent beside it."""
    null_keys: float = 0.0
    """Share of records without a key, as foreign producers send them."""
    ledger: Path | None = None

    def __post_init__(self) -> None:
        _check(self.rate is None or self.rate > 0, "the rate must be above 0")
        _check(self.duration_s is None or self.duration_s >= 0, "the duration must not be negative")
        _check(self.records is None or self.records >= 0, "the number of records must not be negative")
        _check(self.start is None or self.start.tzinfo is not None, "the start needs an offset from UTC")
        _check(self.speed > 0, "the speed must be above 0")
        _check(0 <= self.malformed < 1, "the share of malformed records must be from 0 to below 1")
        _check(0 <= self.null_keys <= 1, "the share of null keys must be from 0 to 1")

    def clock(self) -> Clock:
        """Event time, from now on."""
        if self.start is None and self.speed == 1.0:
            return lambda: datetime.now(UTC)
        start, began = self.start or datetime.now(UTC), time.monotonic()
        return lambda: start + timedelta(seconds=(time.monotonic() - began) * self.speed)


@dataclass(frozen=True)
class Progress:
    """How far a run is; the last one that `simulate` reports is its result."""

    sent: int = 0
    acknowledged: int = 0
    malformed: int = 0
    failed: int = 0
    elapsed_s: float = 0.0
    ledger: Ledger | None = field(default=None, repr=False)
    """The run's own object: read it after the run, not during it."""

    @property
    def in_flight(self) -> int:
        """Sent, and not answered yet."""
        return self.sent - self.acknowledged - self.failed

    @property
    def per_second(self) -> float:
        """Records acknowledged a second, on average."""
        return self.acknowledged / self.elapsed_s if self.elapsed_s else 0.0


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise SettingsError(what)
