"""The demo's live table: what a shop would watch, once a second."""

import time
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.topics import Topic

Offsets = dict[str, dict[str, int]]


def total(offsets: Offsets, topic: str) -> int:
    """Records of a topic below these offsets, all partitions together."""
    return sum(offsets.get(topic, {}).values())


@dataclass
class Rates:
    """Events a second of each topic, from one look to the next."""

    seen: dict[str, int] = field(default_factory=dict)
    at_s: float = 0.0
    per_s: dict[str, float] = field(default_factory=dict)

    def look(self, offsets: Offsets) -> None:
        """Take in the offsets of now."""
        now_s = time.monotonic()
        totals = {str(topic): total(offsets, topic) for topic in Topic}
        if self.seen and now_s > self.at_s:
            self.per_s = {topic: (totals[topic] - self.seen[topic]) / (now_s - self.at_s) for topic in totals}
        self.seen, self.at_s = totals, now_s


class Screen:
    """Draws one worker's numbers. `look` blocks for a few requests."""

    def __init__(self, api: WorkerApi, urls: dict[str, str]) -> None:
        self._api = api
        self._urls = urls
        self._rates = Rates()

    def look(self) -> RenderableType:
        """The screen as of now."""
        products = self._api.get("/api/products?sort=views&limit=8")
        stock = self._api.get("/api/stock?sort=units&limit=8")
        revenue = self._api.get("/api/revenue?by=day")
        archive = self._api.get("/api/archive") or {}
        ready = self._api.get("/health/ready")
        if not (products and stock and revenue and ready):
            return Panel(Text("the worker does not answer", "red"), title="ShopNow+")
        self._rates.look(products["offsets"])
        names = {item["id_produit"]: item["name"] for item in products["items"]}
        return Group(
            _topics(self._rates, products["offsets"], archive.get("offsets", {})),
            Columns([_products(products["items"]), _stock(stock["items"], names)], padding=(0, 3)),
            self._state(products, revenue["total"], ready, archive),
        )

    def _state(self, products: Any, money: Any, ready: Any, archive: Any) -> RenderableType:
        answered = products["partitions"]
        lines = Text()
        lines.append("ordered ", "dim").append(f"{money['placed_cents'] / 100:,.2f} €", "bold")
        lines.append("   paid ", "dim").append(f"{money['paid_cents'] / 100:,.2f} €", "bold")
        lines.append("   to fold ", "dim").append(f"{ready['lag']:,}")
        lines.append("   partitions ", "dim").append(f"{answered['answered']} of {answered['of']}\n")
        outage = archive.get("outage")
        lines.append("archive ", "dim").append(
            f"{archive.get('segments', 0):,} segments, {archive.get('held_bytes', 0) / 1e6:.1f} MB on its way"
        )
        lines.append(f"   {outage}\n" if outage else "\n", "red")
        for name, url in self._urls.items():
            lines.append(f"{name} ", "dim").append(f"{url}\n", f"link {url}")
        lines.append("Ctrl-C ends it, and compares what was sent, counted and archived", "dim")
        return lines


def _topics(rates: Rates, offsets: Offsets, archived: Offsets) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("topic", style="cyan", no_wrap=True)
    for name in ("events/s", "counted", "archived"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in Topic:
        table.add_row(
            topic,
            f"{rates.per_s.get(topic, 0):,.0f}",
            f"{total(offsets, topic):,}",
            f"{total(archived, topic):,}",
        )
    counted = sum(total(offsets, topic) for topic in Topic)
    in_archive = sum(total(archived, topic) for topic in Topic)
    table.add_section()
    table.add_row("all", f"{sum(rates.per_s.values()):,.0f}", f"{counted:,}", f"{in_archive:,}", style="bold")
    return table


def _products(items: list[Any]) -> Table:
    table = Table(title="most viewed", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("product", no_wrap=True, max_width=34)
    for name in ("views", "carts", "sold", "revenue €"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in items:
        table.add_row(
            Text(item["name"] or str(item["id_produit"])),
            f"{item['views']:,}",
            f"{item['adds']:,}",
            f"{item['units_sold']:,}",
            f"{item['revenue_cents'] / 100:,.2f}",
        )
    return table


def _stock(items: list[Any], names: dict[int, str]) -> Table:
    table = Table(title="lowest stock", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("product", no_wrap=True, max_width=24)
    table.add_column("units", justify="right", no_wrap=True)
    for item in items:
        units = Text(f"{item['units']:,}", "red" if item["units"] == 0 else "")
        table.add_row(Text(names.get(item["id_produit"]) or f"no. {item['id_produit']}"), units)
    return table
