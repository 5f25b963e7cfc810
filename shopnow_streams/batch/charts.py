"""Charts as SVG, to stand in an HTML page: no script, no style of their own, colours by the page's classes. Pure.

As wide as a phone, so that text can be read on one. Every number that a chart shows is in a tooltip or beside its bar.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

from shopnow_streams.batch.jobs import Chart
from shopnow_streams.batch.printing import Rows

WIDTH = 320
LEFT, RIGHT, TOP, PLOT = 44, 8, 10, 140
COLOURS = 6
BAR = 34
CELL = 24
MARKED = 40
"""Up to so many points a line has a mark at each."""

Line = tuple[str, dict[str, float]]
"""A name, and a value by label."""


def svg(chart: Chart, rows: Rows) -> str:
    """The chart of `rows`, which `points.points` took from the job's result for it."""
    if not rows.rows:
        return '<p class="none">nothing to show</p>'
    draw = {"lines": _lines, "bars": _bars, "counts": _bars, "grid": _grid}[chart.kind]
    return draw(chart, rows)


def _lines(chart: Chart, rows: Rows) -> str:
    labels, lines = _series(chart, rows)
    values = [value for _, line in lines for value in line.values()]
    ticks = _ticks(min(0.0, *values, 0.0), max(0.0, *values, 0.0))
    low, high = ticks[0], ticks[-1]

    def x(place: int) -> float:
        span = WIDTH - LEFT - RIGHT
        return LEFT + (span / 2 if len(labels) == 1 else span * place / (len(labels) - 1))

    def y(value: float) -> float:
        return TOP + PLOT * (high - value) / (high - low)

    parts = [_axis(ticks, y)]
    for number, (name, line) in enumerate(lines):
        places = [(x(place), y(line[label]), label) for place, label in enumerate(labels) if label in line]
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top, _ in places)
        parts.append(f'<polyline class="line c{number % COLOURS}" points="{path}"/>')
        if len(places) <= MARKED:
            parts += [
                f'<circle class="dot c{number % COLOURS}" cx="{left:.1f}" cy="{top:.1f}" r="3">'
                f"<title>{escape(f'{name}, {label}: {_number(line[label])}')}</title></circle>"
                for left, top, label in places
            ]
    shown = sorted({0, len(labels) // 2, len(labels) - 1}) if len(labels) > 2 else range(len(labels))
    for place in shown:
        anchor = "middle" if 0 < place < len(labels) - 1 or len(labels) == 1 else "end" if place else "start"
        parts.append(_text(x(place), TOP + PLOT + 18, labels[place], anchor))
    return _legend([name for name, _ in lines]) + _figure(chart.title, TOP + PLOT + 26, parts)


def _bars(chart: Chart, rows: Rows) -> str:
    """The name above its bar: names are long, and phones narrow. One below zero has another colour."""
    count = len(chart.label)
    named = [(" + ".join(_word(part) for part in row[:count]), row[count]) for row in rows.rows]
    most = max((abs(float(value)) for _, value in named if value is not None), default=0.0) or 1.0
    parts = []
    for number, (name, value) in enumerate(named):
        top = number * BAR
        shown = "-" if value is None else _number(value)
        length = 0.0 if value is None else (WIDTH - 4) * abs(float(value)) / most
        below = " below" if value is not None and value < 0 else ""
        parts += [
            _text(2, top + 13, _short(name, 48 - len(shown)), "start", name),
            _text(WIDTH - 2, top + 13, shown, "end"),
            f'<rect class="bar c0{below}" x="2" y="{top + 18}" width="{max(length, 1):.1f}" height="9" rx="2"/>',
        ]
    return _figure(chart.title, len(named) * BAR, parts)


def _grid(chart: Chart, rows: Rows) -> str:
    columns = rows.columns[1:]
    left = 52
    wide = min(60.0, (WIDTH - left) / max(len(columns), 1))
    most = max((float(value) for row in rows.rows for value in row[1:] if value is not None), default=0.0) or 1.0
    parts = [_text(left + wide * (place + 0.5), 12, f"+{place + 1}", "middle") for place in range(len(columns))]
    for number, row in enumerate(rows.rows):
        top = 20 + number * CELL
        parts.append(_text(0, top + 16, _word(row[0])[:7], "start"))
        for place, value in enumerate(row[1:]):
            if value is not None:
                at = left + wide * place
                shade = 0.08 + 0.72 * float(value) / most
                said = escape(f"{_word(row[0])[:7]}, {columns[place]}: {value}")
                parts.append(
                    f'<rect class="cell c0" x="{at + 1:.1f}" y="{top}" width="{wide - 2:.1f}" height="{CELL - 2}" '
                    f'rx="2" fill-opacity="{shade:.2f}"><title>{said}</title></rect>'
                )
                if wide >= 28:
                    parts.append(_text(at + wide / 2, top + 15, f"{100 * float(value):.0f} %", "middle"))
    return _figure(chart.title, 24 + len(rows.rows) * CELL, parts)


def _series(chart: Chart, rows: Rows) -> tuple[list[str], list[Line]]:
    """Labels in their order, and the lines: one a column, or one a value of the chart's `series`."""
    if chart.series is None:
        labels = list(dict.fromkeys(_word(row[0]) for row in rows.rows))
        return labels, [
            (name, {_word(row[0]): float(row[place]) for row in rows.rows if row[place] is not None})
            for place, name in enumerate(rows.columns[1:], 1)
        ]
    lines: dict[str, dict[str, float]] = {}
    for label, name, value in rows.rows:
        if value is not None:
            lines.setdefault(_word(name), {})[_word(label)] = float(value)
    return sorted({_word(row[0]) for row in rows.rows}), list(lines.items())


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below `low` to above `high`, three to six of them."""
    span = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(span / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _axis(ticks: Sequence[float], y: Any) -> str:
    return "".join(
        f'<line class="tick" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        + _text(LEFT - 6, y(tick) + 4, _brief(tick), "end")
        for tick in ticks
    )


def _legend(names: Sequence[str]) -> str:
    entries = (f'<li><i class="c{number % COLOURS}"></i>{escape(name)}</li>' for number, name in enumerate(names))
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _figure(title: str, height: float, parts: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height:.0f}">{"".join(parts)}</svg>'


def _text(x: float, y: float, words: str, anchor: str, whole: str | None = None) -> str:
    title = f"<title>{escape(whole)}</title>" if whole and whole != words else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}{title}</text>'


def _word(value: Any) -> str:
    return "-" if value is None else str(value)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _number(value: float | Decimal) -> str:
    """Digits in threes; a float as short as it can be."""
    exact = value if isinstance(value, int | Decimal) else Decimal(repr(value)).normalize()
    return f"{exact:,f}" if isinstance(exact, Decimal) else f"{exact:,}"


def _brief(value: float) -> str:
    """An axis has room for few digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6g}"
