"""What an audit says to people and to programs."""

import json

import pytest
from rich.console import Console

from shopnow_streams.audit.report import Compared, Difference, Report, TableReport
from shopnow_streams.audit.verdict import described, print_report

OFFSETS = {"produit-consulte": {0: (4_711, 4_711), 1: (12, 15)}}
RIGHT = TableReport("products", 2, 9_000, Compared(1_234, 0, 0, []))
WRONG = TableReport(
    "orders",
    2,
    300,
    Compared(
        50,
        2,
        3,
        [
            Difference("orders", 1, "[red]c-1[/]", "paid_cents", 1_250, 1_000),
            Difference("orders", 1, "c-2", "row", None, '{"placements":1}'),
        ],
    ),
)


def said(report: Report, limit: int = 20) -> list[str]:
    console = Console(width=60, record=True, quiet=False, highlight=False)
    with console.capture() as captured:
        print_report(console, report, limit)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_right_is_one_line_with_what_it_is_of() -> None:
    lines = said(Report([RIGHT], OFFSETS, 9_000, []))
    assert lines[0].split() == ["table", "rows", "compared", "partitions", "records", "read", "differences"]
    assert lines[1].split() == ["products", "1,234", "2", "9,000", "0", "right"]
    assert "produit-consulte 0: 4,711 1: 12-15" in [" ".join(line.split()) for line in lines]
    assert lines[-1] == "right: 1,234 rows, each as the 9,000 archived records below these offsets make it"


def test_each_difference_is_listed_as_it_is() -> None:
    lines = [" ".join(line.split()) for line in said(Report([RIGHT, WRONG], OFFSETS, 9_300, ["a note"]))]
    assert "orders 1 [red]c-1[/] paid_cents 1,250 1,000" in lines
    assert 'orders 1 c-2 row - {"placements":1}' in lines
    assert "the first 2 of 3 differences; --limit shows more" in lines
    assert lines[-2] == "a note"
    assert lines[-1] == (
        "wrong: of 1,284 rows, 2 of orders are not what the 9,300 archived records below these offsets make them"
    )


def test_a_difference_that_may_come_of_what_was_expired_is_no_verdict() -> None:
    report = Report([RIGHT, WRONG], OFFSETS, 9_300, [], expired="records of 2 partitions were expired")
    assert said(report)[-1] == "unknown: of 1,284 rows, 2 of orders differ, and records of 2 partitions were expired"
    assert described(report, 1)["verdict"] == "unknown"
    assert Report([RIGHT], OFFSETS, 9_000, [], expired="records were expired").verdict == "right"


def test_no_more_than_asked_for_are_listed() -> None:
    lines = said(Report([RIGHT, WRONG], OFFSETS, 9_300, []), limit=1)
    assert not [line for line in lines if "c-2" in line]
    assert "the first 1 of 3 differences; --limit shows more" in lines


@pytest.mark.parametrize(("tables", "verdict"), [([RIGHT], "right"), ([RIGHT, WRONG], "wrong")])
def test_programs_get_all_of_it(tables: list[TableReport], verdict: str) -> None:
    told = json.loads(json.dumps(described(Report(tables, OFFSETS, 9_300, []), 1)))
    assert told["verdict"] == verdict
    assert told["offsets"] == {"produit-consulte": {"0": [4_711, 4_711], "1": [12, 15]}}
    assert told["rows"] == sum(table["rows"] for table in told["tables"])
    assert told["differences"] == (3 if verdict == "wrong" else 0)
    assert len(told["shown"]) == (1 if verdict == "wrong" else 0)
