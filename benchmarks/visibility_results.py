"""How soon events were visible, and the table of it. No IO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.results import percentile

PERCENTS = (50, 95, 99, 100)


@dataclass(frozen=True)
class Visibility:
    """One steady load. `taken_s` has the seconds from `produce()` on, by what they were until;
    `cores` is the worker's processor time a second."""

    acked_per_s: float
    cores: float
    taken_s: Mapping[str, Sequence[float]]


def shown(result: Visibility) -> Table:
    """A line for each moment that was waited for, in milliseconds."""
    title = f"visible: {result.acked_per_s:,.0f} events/s, {result.cores:.2f} cores of the worker"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("ms from produce() until it is", no_wrap=True)
    for name in ("probes", *(f"p{percent}" for percent in PERCENTS[:-1]), "max"):
        table.add_column(name, justify="right")
    for until, taken in result.taken_s.items():
        table.add_row(until, f"{len(taken):,}", *(f"{1000 * percentile(taken, each):,.0f}" for each in PERCENTS))
    return table
