"""What is compared with what."""

from io import StringIO

from rich.console import Console

from benchmarks.catch_up import WAYS, compared
from benchmarks.results import Result


def test_each_way_is_beside_those_that_do_the_same_work_and_fits_80_characters() -> None:
    tables = compared({way: [Result(1_234_567, 12.3, 9.8, 345, 98_765.4, 12.3)] for way in WAYS})
    ways = [[str(column.header) for column in table.columns[1:]] for table in tables]
    assert sorted(way for each in ways for way in each) == sorted(WAYS)
    assert [{"all tables" in way for way in each} for each in ways] == [{False}, {True}]
    console = Console(file=StringIO(), width=80)
    console.print(*tables)
    assert isinstance(console.file, StringIO)
    assert "…" not in console.file.getvalue()
    assert console.file.getvalue().count("x Kafka Streams") == 2
