"""What catching up gave, round by round, and the table of it. No IO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

from rich.table import Table


@dataclass(frozen=True)
class Result:
    """One way in one round. `cpu_s` and `peak_mb` are of the worker's process alone; nan is what was not measured."""

    events: int
    seconds: float
    cpu_s: float
    peak_mb: float
    late_per_s: float = nan  # events a second in the second half
    read_p99_ms: float = nan

    @property
    def per_s(self) -> float:
        """Events a second."""
        return self.events / self.seconds


Rounds = Mapping[str, Sequence[Result]]
"""Each way's results, in the order of the rounds."""


def median(results: Sequence[Result]) -> Result:
    """The result with the median speed, the slower of the two in the middle: one that happened, all numbers its own."""
    return sorted(results, key=lambda result: result.per_s)[(len(results) - 1) // 2]


def late_rate(seen: Sequence[tuple[float, int]], events: int) -> float:
    """Events a second from the first look at which half were committed until all were; nan if that is one look.

    `seen` is of (moment in seconds, events committed), in order of time.
    """
    half = next(((at, done) for at, done in seen if 2 * done >= events), None)
    end = next((at for at, done in seen if done >= events), None)
    if half is None or end is None or end <= half[0]:
        return nan
    return (events - half[1]) / (end - half[0])


def shown(rounds: Rounds, peers: Mapping[str, str]) -> Table:
    """A row for each way, its median round. `peers` are the columns of ratios: what each is called, and its way."""
    count = max(len(results) for results in rounds.values())
    title = (
        "catching up" if count == 1 else f"catching up: the median of {count} rounds, and the slowest to the fastest"
    )
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("way")
    spread = ["of rounds"] if count > 1 else []
    columns = ("events", "seconds", "events/s", *spread, "2nd half/s", *peers, "CPU s", "peak MB", "read p99 ms")
    for name in columns:
        table.add_column(name, justify="right")
    for way, results in rounds.items():
        result = median(results)
        rates = [one.per_s for one in results]
        table.add_row(
            way,
            f"{result.events:,}",
            f"{result.seconds:.2f}",
            f"{result.per_s:,.0f}",
            *([f"{min(rates):,.0f}-{max(rates):,.0f}"] if spread else []),
            _number(result.late_per_s, ",.0f"),
            *(f"{result.per_s / median(rounds[peer]).per_s:.2f}" for peer in peers.values()),
            f"{result.cpu_s:.1f}",
            f"{result.peak_mb:.0f}",
            _number(result.read_p99_ms, ".1f"),
        )
    return table


def _number(value: float, form: str) -> str:
    return "-" if isnan(value) else format(value, form)
