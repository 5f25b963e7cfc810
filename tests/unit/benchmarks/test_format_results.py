"""Medians, ratios and the table of asking both formats."""

from io import StringIO

from rich.console import Console

from benchmarks.format_results import Asked, Kept, Pair, median, shown, times


def asked(*ms_and_kb: tuple[int, int]) -> list[Asked]:
    return [Asked(ms / 1000, kb * 1000) for ms, kb in ms_and_kb]


def rows(rounds: dict[str, Pair]) -> dict[str, list[str]]:
    """The cells that are printed, by what stands before them."""
    console = Console(file=StringIO(), width=80)
    console.print(shown(rounds, Kept(20, 2_500_000), Kept(80, 30_000_000)))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()
    assert "…" not in printed
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in printed.splitlines()]
    return {name: values for name, *values in cells[1:]}


def test_the_median_is_by_time_and_brings_its_own_bytes() -> None:
    assert median(asked((300, 1), (100, 2), (200, 3))) == Asked(0.2, 3000)
    assert median(asked((400, 1), (100, 2), (200, 3), (300, 4))) == Asked(0.3, 4000)


def test_nothing_read_is_no_division_by_zero() -> None:
    assert times(6.0, 4.0) == "1.5"
    assert times(6.0, 0) == "inf"


def test_a_question_is_a_line_with_both_formats_and_how_many_times_json_lines_take() -> None:
    pair = Pair(asked((100, 50), (200, 50), (900, 50)), asked((5_000, 30_000), (6_000, 30_000), (100, 30_000)))
    shown_rows = rows({"products by views, first 10": pair})
    assert shown_rows["products by views, first 10"] == ["200", "5,000", "25.0", "0.05", "30.00", "600.0"]
    assert shown_rows["MB on HDFS"] == ["2.50", "30.00", "12.0"]
    assert shown_rows["files"] == ["20", "80"]
