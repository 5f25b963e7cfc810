"""A report is one file that needs nothing, runs nothing, and shows what it is given as it is."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from shopnow_streams.batch.extent import Extent
from shopnow_streams.batch.jobs import Chart
from shopnow_streams.batch.printing import Rows
from shopnow_streams.batch.report import Report, html

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'


def report(text: str = "Vase", more: bool = False) -> Report:
    rows = Rows(["nom_produit", "euros"], [False, True], [[text, Decimal("12.50")], [None, None]], more)
    return Report(
        title=f"Top {text}",
        summary=f"Of {text}.",
        made_at=datetime(2025, 11, 28, 12, 0, 1, tzinfo=UTC),
        archive=f"hdfs://127.0.0.1:8020/{text}",
        asked=[("days (UTC)", "all days"), ("at least", "5")],
        read=[Extent(text, 0, 10, 1_009, 1_000), Extent(text, 1, 0, 499, 500)],
        rows=rows,
        charts=[(Chart("bars", f"Chart of {text}", ("nom_produit",), ("euros",)), rows)],
    )


class Page(HTMLParser):
    """The elements and texts of a page; an element that does not close where it should is an error."""

    VOID = ("meta", "img", "line", "rect", "circle", "polyline")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)
        if tag in ("td", "dd", "h1"):
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("td", "dd", "h1"):
            self.cells[-1] += data


@pytest.mark.parametrize("text", ["Vase", "Écharpe d'Auvergne", EVIL])
def test_it_shows_what_it_is_given(text: str) -> None:
    page = Page(html(report(text)))
    assert page.cells == [
        f"Top {text}",
        "2025-11-28 12:00:01 UTC",
        f"hdfs://127.0.0.1:8020/{text}",
        "1,500 records",
        "all days",
        "5",
        text,
        "12.50",
        "-",
        "-",
        *[text, "0", "10", "1009", "1000"],
        *[text, "1", "0", "499", "500"],
    ]


def test_it_runs_nothing_and_needs_nothing() -> None:
    source = html(report(EVIL))
    page = Page(source)
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert not re.findall(r"url\(|@import", source)


def test_it_fits_phones_and_the_dark() -> None:
    source = html(report())
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in source
    assert "@media (prefers-color-scheme: dark)" in source


@pytest.mark.parametrize(("more", "said"), [(True, "the first 2 rows"), (False, "2 rows")])
def test_it_says_whether_that_is_all(more: bool, said: str) -> None:
    assert f'<p class="none">{said}</p>' in html(report(more=more))


def test_numbers_stand_to_the_right() -> None:
    page: Any = html(report())
    assert '<th>nom_produit</th><th class="n">euros</th>' in page
    assert '<td>Vase</td><td class="n">12.50</td>' in page
