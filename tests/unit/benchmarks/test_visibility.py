"""The table of how soon events are visible, from numbers that are easy to check."""

from io import StringIO
from math import isnan

from rich.console import Console

from benchmarks.results import percentile
from benchmarks.visibility_results import Visibility, shown


def test_a_percentile_is_one_of_the_numbers_and_so_many_are_not_above_it() -> None:
    hundred = [number / 10 for number in range(100, 0, -1)]
    assert [percentile(hundred, percent) for percent in (50, 95, 99, 100)] == [5.0, 9.5, 9.9, 10.0]
    assert [percentile([3, 1, 2], percent) for percent in (0, 50, 99)] == [1, 2, 3]
    assert isnan(percentile([], 50))


def test_a_line_for_each_moment_in_milliseconds_and_what_kafka_really_got() -> None:
    console = Console(file=StringIO(), width=80)
    console.print(shown(Visibility(9_876.4, 0.512, {"known": [0.001, 0.003, 0.002], "never": []})))
    assert isinstance(console.file, StringIO)
    title, _, known, never = (line.split() for line in console.file.getvalue().splitlines())
    assert title == ["visible:", "9,876", "events/s,", "0.51", "cores", "of", "the", "worker"]
    assert known == ["known", "3", "2", "3", "3", "3"]
    assert never == ["never", "0", "nan", "nan", "nan", "nan"]
