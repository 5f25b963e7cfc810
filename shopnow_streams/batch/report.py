"""A job's result as one HTML file: it needs nothing beside it, and runs nothing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from shopnow_streams.batch.charts import svg
from shopnow_streams.batch.extent import Extent
from shopnow_streams.batch.jobs import Chart
from shopnow_streams.batch.printing import Rows, text


@dataclass(frozen=True)
class Report:
    """What the page says. `asked`: the job's parameters and days, as words and values."""

    title: str
    summary: str
    made_at: datetime
    archive: str
    asked: Sequence[tuple[str, str]]
    read: Sequence[Extent]
    rows: Rows
    charts: Sequence[tuple[Chart, Rows]]


def html(report: Report) -> str:
    """The page. What it is given is escaped, whatever that holds."""
    title = escape(report.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{escape(report.summary)}</p>
{_facts(report)}
</header>
<main>
{_charts(report)}
{_table(report.rows)}
{_read(report.read)}
</main>
</body>
</html>
"""


def _facts(report: Report) -> str:
    records = sum(extent.records for extent in report.read)
    facts = [
        ("made", report.made_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("archive", report.archive),
        ("read", f"{records:,} records"),
        *report.asked,
    ]
    entries = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="facts">{"".join(entries)}</dl>'


def _charts(report: Report) -> str:
    figures = (
        f"<figure><figcaption>{escape(chart.title)}</figcaption>{svg(chart, rows)}</figure>"
        for chart, rows in report.charts
    )
    return f'<div class="charts">{"".join(figures)}</div>' if report.charts else ""


def _table(rows: Rows) -> str:
    kinds = [' class="n"' if numeric else "" for numeric in rows.numeric]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(rows.columns, kinds, strict=True))
    lines = (
        "".join(f"<td{kind}>{escape(text(value, '-'))}</td>" for value, kind in zip(row, kinds, strict=True))
        for row in rows.rows
    )
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    said = f"the first {len(rows.rows)} rows" if rows.more else f"{len(rows.rows)} rows" if rows.rows else "no rows"
    return (
        f'<h2>Result</h2><p class="none">{said}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'
    )


def _read(read: Sequence[Extent]) -> str:
    head = "".join(f'<th class="n">{name}</th>' for name in ("partition", "first offset", "last offset", "records"))
    lines = (
        f"<td>{escape(extent.topic)}</td>" + "".join(f'<td class="n">{number}</td>' for number in extent[1:])
        for extent in read
    )
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return (
        '<details><summary>What was read</summary><div class="wide">'
        f"<table><thead><tr><th>topic</th>{head}</tr></thead><tbody>\n{body}</tbody></table></div></details>"
    )


STYLE = """
:root { --ground: #fff; --raised: #f5f6f8; --ink: #1b1f24; --soft: #59626d; --rule: #d9dde2;
  --c0: #2563c9; --c1: #b8560f; --c2: #0b7d69; --c3: #7a45c4; --c4: #b5306f; --c5: #6b7280; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --raised: #1d2126; --ink: #e6e9ed; --soft: #a0a9b4; --rule: #343a42;
    --c0: #6ea3f7; --c1: #eb9a5b; --c2: #45c7ae; --c3: #b594f2; --c4: #ee82b2; --c5: #9aa3af; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2rem 0 0; font-size: 1.15rem; }
header p { margin: .25rem 0 1rem; color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .5rem 1.5rem; margin: 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem;
  margin-top: 1.5rem; align-items: start; }
figure { margin: 0; padding: 1rem; background: var(--raised); border-radius: 8px; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
svg { display: block; width: 100%; max-width: 30rem; height: auto; }
svg text { font-size: 11px; fill: var(--ink); }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.dot, .bar, .cell { fill: var(--c); }
.below { fill: var(--c1); }
.tick { stroke: var(--rule); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0 0 .5rem; padding: 0; list-style: none;
  font-size: .85rem; }
.legend i { display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem; border-radius: 2px;
  background: var(--c); }
.none { margin: 0 0 .5rem; color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--rule); text-align: left; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
.n { text-align: right; }
details { margin-top: 2rem; }
summary { cursor: pointer; color: var(--soft); }
@media print { details { display: none; } }
"""
