"""Medians, rates and the table, from numbers that are easy to check."""

from io import StringIO
from math import isnan

from rich.console import Console

from benchmarks.results import Result, late_rate, median, shown


def result(per_s: int) -> Result:
    return Result(events=per_s * 2, seconds=2.0, cpu_s=1.5, peak_mb=300)


def lines(rounds: dict[str, list[Result]], peers: dict[str, str], width: int = 200) -> list[str]:
    """What is printed, the title left out."""
    console = Console(file=StringIO(), width=width)
    console.print(shown(rounds, peers))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()[1:]


def rows(rounds: dict[str, list[Result]], peers: dict[str, str]) -> dict[str, list[str]]:
    """The cells that are printed, by what stands before them."""
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines(rounds, peers)[1:]]
    return {name: values for name, *values in cells}


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


def test_each_peer_has_a_line_that_the_ways_are_a_ratio_to() -> None:
    rounds = {"ours": [result(300)], "A": [result(100)], "B": [result(200)]}
    assert rows(rounds, {"x A": "A", "x B": "B"}) == {
        "events": ["600", "200", "400"],
        "seconds": ["2.00", "2.00", "2.00"],
        "events/s": ["300", "100", "200"],
        "2nd half/s": ["-", "-", "-"],  # what was not measured says so
        "x A": ["3.00", "1.00", "2.00"],
        "x B": ["1.50", "0.50", "1.00"],
        "CPU s": ["1.5", "1.5", "1.5"],
        "peak MB": ["300", "300", "300"],
        "read p99 ms": ["-", "-", "-"],
    }


def test_several_rounds_show_their_spread_and_ratios_are_of_medians() -> None:
    rounds = {"ours": [result(300), result(900), result(200)], "A": [result(100), result(150), result(10)]}
    shown_rows = rows(rounds, {"x A": "A"})
    assert shown_rows["events/s"] == ["300", "100"]
    assert shown_rows["slowest round"] == ["200", "10"]
    assert shown_rows["fastest round"] == ["900", "150"]
    assert shown_rows["x A"] == ["3.00", "1.00"]


def test_five_ways_of_millions_of_events_fit_a_terminal_of_80_characters_whole() -> None:
    rounds = {f"way number {n} of them": [result(1_234_567), result(1_234_568)] for n in range(5)}
    printed = lines(rounds, {"x Kafka Streams": "way number 0 of them", "x Faust": "way number 1 of them"}, width=80)
    assert not any("…" in line for line in printed)
    assert sum("1,234,567" in line for line in printed) == 2  # the median and the slowest
