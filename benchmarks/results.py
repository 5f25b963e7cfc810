"""What catching up gave, round by round, and the table of it. No IO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isnan, nan
from typing import Protocol, TypeVar

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


class Rated(Protocol):
    """What has a speed."""

    @property
    def per_s(self) -> float:
        """Events a second."""


Way = TypeVar("Way", bound=Rated)

Rounds = Mapping[str, Sequence[Result]]
"""Each way's results, in the order of the rounds."""


def median(results: Sequence[Way]) -> Way:
    """The result with the median speed, the slower of the two in the middle: one that happened, all numbers its own."""
    return sorted(results, key=lambda result: result.per_s)[(len(results) - 1) // 2]


def percentile(taken: Sequence[float], percent: float) -> float:
    """The smallest of `taken` that so many per cent are not above; nan of none."""
    ordered = sorted(taken)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else nan


def late_rate(seen: Sequence[tuple[float, int]], events: int) -> float:
    """Events a second from the first look at which half were committed until all were; nan if that is one look.

    `seen` is of (moment in seconds, events committed), in order of time.
    """
    half = next(((at, done) for at, done in seen if 2 * done >= events), None)
    end = next((at for at, done in seen if done >= events), None)
    if half is None or end is None or end <= half[0]:
        return nan
    return (events - half[1]) / (end - half[0])


def headed(what: str, ways: Sequence[str], rounds: int) -> Table:
    """A table without rows yet: what was measured, in so many rounds, and a column for each way."""
    title = what if rounds == 1 else f"{what}: the median of {rounds} rounds"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for way in ways:
        table.add_column(way, justify="right")
    return table


def shown(rounds: Rounds, peers: Mapping[str, str], what: str = "catching up") -> Table:
    """A column for each way, its median round; 80 characters are enough for five of them.

    `peers` are the lines of ratios: what each is called, and its way.
    """
    count = max(len(results) for results in rounds.values())
    table = headed(what, list(rounds), count)
    medians = [median(results) for results in rounds.values()]
    rates = [[result.per_s for result in results] for results in rounds.values()]
    table.add_row("events", *(f"{one.events:,}" for one in medians))
    table.add_row("seconds", *(f"{one.seconds:.2f}" for one in medians))
    table.add_row("events/s", *(f"{one.per_s:,.0f}" for one in medians))
    if count > 1:
        table.add_row("slowest round", *(f"{min(each):,.0f}" for each in rates))
        table.add_row("fastest round", *(f"{max(each):,.0f}" for each in rates))
    table.add_row("2nd half/s", *(_number(one.late_per_s, ",.0f") for one in medians))
    for name, peer in peers.items():
        of_peer = median(rounds[peer]).per_s
        table.add_row(name, *(f"{one.per_s / of_peer:.2f}" for one in medians))
    table.add_row("CPU s", *(f"{one.cpu_s:.1f}" for one in medians))
    table.add_row("peak MB", *(f"{one.peak_mb:.0f}" for one in medians))
    table.add_row("read p99 ms", *(_number(one.read_p99_ms, ".1f") for one in medians))
    return table


def _number(value: float, form: str) -> str:
    return "-" if isnan(value) else format(value, form)
