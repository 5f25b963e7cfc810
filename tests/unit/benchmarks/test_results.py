"""Medians, rates and the table, from numbers that are easy to check."""

from io import StringIO
from math import isnan

from rich.console import Console

from benchmarks.results import Result, late_rate, median, shown


def result(per_s: int) -> Result:
    return Result(events=per_s * 2, seconds=2.0, cpu_s=1.5, peak_mb=300)


def rows(rounds: dict[str, list[Result]], peers: dict[str, str]) -> list[list[str]]:
    """The cells that are printed, a list a line, the title left out."""
    console = Console(file=StringIO(), width=200)
    console.print(shown(rounds, peers))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()[1:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_the_median_of_three_rounds_is_the_middle_one_whatever_their_order() -> None:
    assert median([result(30), result(10), result(20)]) == result(20)


def test_the_median_of_an_even_number_of_rounds_is_a_round_that_happened() -> None:
    assert median([result(40), result(10), result(30), result(20)]) == result(20)


def test_the_late_rate_is_that_from_the_first_look_past_the_half() -> None:
    seen = [(0.0, 0), (5.0, 400), (6.0, 600), (7.0, 800), (8.0, 1_000), (9.0, 1_000)]
    assert late_rate(seen, 1_000) == 200


def test_there_is_no_late_rate_where_the_half_and_the_end_are_seen_at_once() -> None:
    assert isnan(late_rate([(0.0, 0), (1.0, 1_000)], 1_000))
    assert isnan(late_rate([(0.0, 0), (1.0, 700)], 1_000))


def test_each_peer_has_a_column_that_the_ways_are_a_ratio_to() -> None:
    rounds = {"ours": [result(300)], "A": [result(100)], "B": [result(200)]}
    head, *body = rows(rounds, {"x A": "A", "x B": "B"})
    assert [row[0] for row in body] == ["ours", "A", "B"]
    # the columns of what was not measured say so
    assert body[0] == ["ours", "600", "2.00", "300", "-", "3.00", "1.50", "1.5", "300", "-"]
    assert body[1] == ["A", "200", "2.00", "100", "-", "1.00", "0.50", "1.5", "300", "-"]
    assert head == [
        "way",
        "events",
        "seconds",
        "events/s",
        "2nd half/s",
        "x A",
        "x B",
        "CPU s",
        "peak MB",
        "read p99 ms",
    ]


def test_several_rounds_show_their_spread_and_ratios_are_of_medians() -> None:
    rounds = {"ours": [result(300), result(900), result(200)], "A": [result(100), result(150), result(10)]}
    head, ours, peer = rows(rounds, {"x A": "A"})
    assert head[3:5] == ["events/s", "of rounds"]
    assert ours[3:7] == ["300", "200-900", "-", "3.00"]
    assert peer[3:7] == ["100", "10-150", "-", "1.00"]
