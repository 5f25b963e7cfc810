"""Charts are well-formed SVG that shows what is in the rows."""

import xml.etree.ElementTree as ET  # our own output
from decimal import Decimal
from typing import Any

import pytest

from shopnow_streams.batch.charts import svg
from shopnow_streams.batch.jobs import Chart
from shopnow_streams.batch.printing import Rows

LINES = Chart("lines", "Orders & payments", ("day",), ("orders", "payments"))
BARS = Chart("bars", "Lift", ("a", "b"), ("lift",))
GRID = Chart("grid", "Came back", ("month",))


def rows(columns: list[str], *values: list[Any]) -> Rows:
    return Rows(columns, [False] * len(columns), values, more=False)


def drawn(chart: Chart, data: Rows) -> ET.Element:
    root = ET.fromstring(f"<div>{svg(chart, data)}</div>")  # noqa: S314
    assert root.find("svg") is not None
    return root


def texts(root: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in root.iter("text")]


def test_a_line_a_column_with_a_mark_for_each_value() -> None:
    data = rows(["day", "orders", "payments"], ["27", 10, 4], ["28", 0, None], ["29", 40, 20])
    root = drawn(LINES, data)
    lines = [[tuple(map(float, p.split(","))) for p in e.attrib["points"].split()] for e in root.iter("polyline")]
    assert [len(line) for line in lines] == [3, 2]  # what is null has no point
    (_, ten), (_, none), (_, forty) = lines[0]
    assert forty < ten < none  # up is more
    assert ten == pytest.approx(none - (none - forty) / 4, abs=0.1)
    assert [each.text for each in root.iter("title")][:2] == ["orders, 27: 10", "orders, 28: 0"]
    assert [each.text or each[0].tail for each in root.iter("li")] == ["orders", "payments"]
    assert {"27", "28", "29", "0", "40"} <= set(texts(root))


def test_a_line_a_value_of_the_series() -> None:
    chart = Chart("lines", "Records", ("day",), ("records",), series="topic")
    data = rows(["day", "topic", "records"], ["27", "a", 1], ["28", "a", 2], ["26", "b", 3])
    root = drawn(chart, data)
    points = [len(each.attrib["points"].split()) for each in root.iter("polyline")]
    assert points == [2, 1]
    assert [text for text in texts(root) if text in ("26", "27", "28")] == ["26", "27", "28"]


@pytest.mark.parametrize("value", [0, 1, -5, 0.0003, 123_456_789_012, Decimal("0.25")])
def test_one_value_is_a_chart_too(value: Any) -> None:
    root = drawn(LINES, rows(["day", "orders", "payments"], ["27", value, value]))
    (y,) = {float(each.attrib["cy"]) for each in root.iter("circle")}
    assert 0 <= y <= 160


def test_many_points_have_no_marks() -> None:
    root = drawn(LINES, rows(["day", "orders", "payments"], *([f"{day}", day, day] for day in range(100))))
    assert list(root.iter("circle")) == []
    assert len(texts(root)) < 12


def test_bars_are_as_long_as_their_values_and_below_zero_is_marked() -> None:
    data = rows(
        ["a", "b", "lift"], ["Vase", "Bol", Decimal("4.00")], ["Vase", None, Decimal("-1.00")], ["x", "y", None]
    )
    root = drawn(BARS, data)
    bars = list(root.iter("rect"))
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[0] == pytest.approx(4 * widths[1])
    assert ["below" in bar.attrib["class"] for bar in bars] == [False, True, False]
    assert texts(root) == ["Vase + Bol", "4.00", "Vase + -", "-1.00", "x + y", "-"]


def test_a_long_name_is_cut_and_whole_in_its_tooltip() -> None:
    root = drawn(BARS, rows(["a", "b", "lift"], ["n" * 60, "m", 1]))
    (text, _) = root.iter("text")
    assert text.text is not None
    assert text.text.endswith("…")
    assert [each.text for each in text.iter("title")] == ["n" * 60 + " + m"]


def test_a_grid_has_a_shade_for_what_is_known() -> None:
    data = rows(["month", "month_1_rate", "month_2_rate"], ["2025-11-01", Decimal("0.5"), None])
    root = drawn(GRID, data)
    (cell,) = root.iter("rect")
    assert 0 < float(cell.attrib["fill-opacity"]) <= 1
    assert texts(root) == ["+1", "+2", "2025-11", "50 %"]


@pytest.mark.parametrize("chart", [LINES, BARS, GRID], ids=lambda chart: chart.kind)
def test_nothing_is_said_and_names_are_escaped(chart: Chart) -> None:
    nothing = rows(["x", "y", "z"])
    assert svg(chart, nothing) == '<p class="none">nothing to show</p>'
    evil = '<script>alert("1")</script>&'
    values = [evil, evil, 1] if chart is BARS else [evil, 1, 2]
    page = svg(chart, rows([evil, evil, evil], values))
    ET.fromstring(f"<div>{page}</div>")  # noqa: S314
    assert "<script" not in page
