"""What tables cost, and the table of it. No IO."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from statistics import median

from rich.table import Table


@dataclass(frozen=True)
class Cost:
    """One table in one pass over the mix: processor seconds of each part, and what its cuts held."""

    fold_s: float = 0.0
    cut_s: float = 0.0
    store_s: float = 0.0
    changelog_bytes: int = 0
    rows: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Pass:
    """All `tables` by name, of so many `events` and `cuts`; and processor seconds of what gave them the events."""

    events: int
    cuts: int
    reader_s: float
    decode_s: float
    tables: Mapping[str, Cost]


def typical(costs: Sequence[Cost]) -> Cost:
    """Number by number, the median."""
    fold_s, cut_s, store_s, changelog_bytes, rows = (median(each) for each in zip(*map(astuple, costs), strict=True))
    return Cost(fold_s, cut_s, store_s, round(changelog_bytes), round(rows))


def shown(passes: Sequence[Pass]) -> Table:
    """A line for each table, in their order, and a sum; times in microseconds an event of the whole mix."""
    first = passes[0]
    title = f"tables: µs an event, the median of {len(passes)} passes over {first.events:,} events"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in ("fold", "cut", "store", "all", "% of all", "bytes an event", "rows a cut"):
        table.add_column(name, justify="right")
    costs = {name: typical([each.tables[name] for each in passes]) for name in first.tables}
    before = {
        "reader": median([each.reader_s for each in passes]),
        "decode": median([each.decode_s for each in passes]),
    }
    total = sum(costs.values(), Cost())
    total_s = sum(before.values()) + _all_s(total)

    def us(seconds: float) -> str:
        return f"{1e6 * seconds / first.events:.2f}"

    def add(name: str, cost: Cost) -> None:
        table.add_row(
            name,
            *(us(part_s) for part_s in (cost.fold_s, cost.cut_s, cost.store_s, _all_s(cost))),
            f"{100 * _all_s(cost) / total_s:.1f}",
            f"{cost.changelog_bytes / first.events:.1f}",
            f"{cost.rows / first.cuts:,.0f}",
        )

    for name, taken_s in before.items():
        table.add_row(name, "", "", "", us(taken_s), f"{100 * taken_s / total_s:.1f}", "", "")
    for name, cost in costs.items():
        add(name, cost)
    add("all tables", total)
    table.add_row("all", "", "", "", us(total_s), "100.0", "", "")
    return table


def _all_s(cost: Cost) -> float:
    return cost.fold_s + cost.cut_s + cost.store_s
