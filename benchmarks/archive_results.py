"""What archiving gave, round by round, and the table of it. No IO."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.results import headed, median


@dataclass(frozen=True)
class Archived:
    """One way in one round: until it was ready to ask for the first record, and from then until the last was durable.

    `value_bytes` are of the raw values that were read; `file_bytes` and `files` what then stood on HDFS.
    """

    events: int
    value_bytes: int
    start_s: float
    seconds: float
    start_cpu_s: float
    cpu_s: float
    peak_mb: float
    file_bytes: int
    files: int

    @property
    def per_s(self) -> float:
        """Events a second, the start left out."""
        return self.events / self.seconds

    @property
    def per_s_with_start(self) -> float:
        """Events a second, from the start of the process."""
        return self.events / (self.start_s + self.seconds)

    @property
    def mb_per_s(self) -> float:
        """Megabytes of values a second, the start left out."""
        return self.value_bytes / 1e6 / self.seconds


LINES: Mapping[str, Callable[[Archived], str]] = {
    "events": lambda one: f"{one.events:,}",
    "s until ready": lambda one: f"{one.start_s:.2f}",
    "s from then until durable": lambda one: f"{one.seconds:.2f}",
    "events/s": lambda one: f"{one.per_s:,.0f}",
    "MB/s of values": lambda one: f"{one.mb_per_s:.1f}",
    "events/s, with the start": lambda one: f"{one.per_s_with_start:,.0f}",
    "CPU s until ready": lambda one: f"{one.start_cpu_s:.1f}",
    "CPU s from then on": lambda one: f"{one.cpu_s:.1f}",
    "peak MB": lambda one: f"{one.peak_mb:,.0f}",
    "MB on HDFS": lambda one: f"{one.file_bytes / 1e6:.1f}",
    "bytes an event": lambda one: f"{one.file_bytes / one.events:.1f}",
    "files": lambda one: f"{one.files:,}",
}


def shown(rounds: Mapping[str, Sequence[Archived]], peer: str) -> Table:
    """A column for each way, its median round by `per_s`; the last lines are ratios to the `peer`'s median round."""
    count = max(len(results) for results in rounds.values())
    table = headed("archiving", list(rounds), count)
    medians = {way: median(results) for way, results in rounds.items()}
    for name, said in LINES.items():
        table.add_row(name, *(said(one) for one in medians.values()))
    if count > 1:
        rates = [[result.per_s for result in results] for results in rounds.values()]
        table.add_row("slowest round, events/s", *(f"{min(each):,.0f}" for each in rates))
        table.add_row("fastest round, events/s", *(f"{max(each):,.0f}" for each in rates))
    for name, number in RATIOS.items():
        table.add_row(f"{name}, x {peer}", *(f"{number(one) / number(medians[peer]):.2f}" for one in medians.values()))
    return table


RATIOS: Mapping[str, Callable[[Archived], float]] = {
    "events/s": lambda one: one.per_s,
    "events/s with the start": lambda one: one.per_s_with_start,
    "CPU with the start": lambda one: one.start_cpu_s + one.cpu_s,
    "bytes": lambda one: one.file_bytes,
}
