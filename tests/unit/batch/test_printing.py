"""What a question's answer looks like to people and to programs."""

import csv
import io
import json
from decimal import Decimal

import pytest

from shopnow_streams.batch.printing import Rows, print_csv, print_json, print_table

ROWS = Rows(
    columns=["day", "orders", "euros", "articles"],
    numeric=[False, True, True, False],
    rows=[
        ["2025-11-28", 7, Decimal("1234.50"), [{"id_produit": 1}]],
        ["2025-11-29", 12, None, [{"id_produit": 2, "nom": "été [bold]"}] * 20],
    ],
    more=False,
)
EMPTY = Rows(["day"], [False], [], more=False)
Captured = pytest.CaptureFixture[str]


def test_json_is_an_object_a_line_with_exact_numbers(capsys: Captured) -> None:
    print_json(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == '{"day":"2025-11-28","orders":7,"euros":1234.50,"articles":[{"id_produit":1}]}'
    assert json.loads(lines[1])["euros"] is None


def test_csv_is_read_back_as_it_was(capsys: Captured) -> None:
    print_csv(ROWS)
    names, first, second = csv.reader(io.StringIO(capsys.readouterr().out))
    assert names == ROWS.columns
    assert first == ["2025-11-28", "7", "1234.50", '[{"id_produit":1}]']
    assert second[:3] == ["2025-11-29", "12", ""]
    assert json.loads(second[3]) == ROWS.rows[1][3]


def test_a_table_is_aligned_and_cuts_nothing_off_for_other_programs(capsys: Captured) -> None:
    print_table(ROWS)
    header, first, second = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert header.split() == ["day", "orders", "euros", "articles"]
    assert header.index("orders") + len("orders") == first.index(" 7 ") + 2 == second.index("12 ") + 2
    assert second.split()[2] == "-"
    assert "…" not in second
    assert second.count("été [bold]") == 20


def test_where_the_terminal_is_too_narrow_a_row_is_a_block(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")
    print_table(ROWS)
    out = capsys.readouterr().out
    assert "row 1" in out
    assert "…" not in out
    assert "1234.50" in out


def test_no_rows_are_said(capsys: Captured) -> None:
    print_table(EMPTY)
    captured = capsys.readouterr()
    assert captured.out.split() == ["day"]
    assert captured.err == "no rows\n"
