"""Rates, ratios and the table of archiving, from numbers that are easy to check."""

from io import StringIO

from rich.console import Console

from benchmarks.archive_results import Archived, shown


def archived(seconds: float, cpu_s: float = 3.0, file_bytes: int = 4_000_000, start_s: float = 1.0) -> Archived:
    return Archived(
        events=100_000,
        value_bytes=14_000_000,
        start_s=start_s,
        seconds=seconds,
        start_cpu_s=1.0,
        cpu_s=cpu_s,
        peak_mb=1_234.4,
        file_bytes=file_bytes,
        files=20,
    )


def rows(rounds: dict[str, list[Archived]], width: int = 80) -> dict[str, list[str]]:
    """The cells that are printed, by what stands before them."""
    console = Console(file=StringIO(), width=width)
    console.print(shown(rounds, "Spark"))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()[2:]
    assert not any("…" in line for line in lines)
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    return {name: values for name, *values in cells}


def test_the_start_is_in_one_rate_and_not_in_the_other() -> None:
    one = archived(seconds=4.0, start_s=6.0)
    assert (one.per_s, one.per_s_with_start, one.mb_per_s) == (25_000, 10_000, 3.5)


def test_each_way_is_a_column_and_a_ratio_to_the_peer() -> None:
    ours, spark = archived(2.0), archived(5.0, cpu_s=7.0, file_bytes=2_000_000, start_s=5.0)
    assert rows({"ours": [ours], "Spark": [spark]}) == {
        "events": ["100,000", "100,000"],
        "s until ready": ["1.00", "5.00"],
        "s from then until durable": ["2.00", "5.00"],
        "events/s": ["50,000", "20,000"],
        "MB/s of values": ["7.0", "2.8"],
        "events/s, with the start": ["33,333", "10,000"],
        "CPU s until ready": ["1.0", "1.0"],
        "CPU s from then on": ["3.0", "7.0"],
        "peak MB": ["1,234", "1,234"],
        "MB on HDFS": ["4.0", "2.0"],
        "bytes an event": ["40.0", "20.0"],
        "files": ["20", "20"],
        "events/s, x Spark": ["2.50", "1.00"],
        "events/s with the start, x Spark": ["3.33", "1.00"],
        "CPU with the start, x Spark": ["0.50", "1.00"],
        "bytes, x Spark": ["2.00", "1.00"],
    }


def test_of_several_rounds_the_median_one_is_shown_with_the_spread() -> None:
    shown_rows = rows({"ours": [archived(4.0), archived(1.0), archived(2.0)], "Spark": [archived(10.0)] * 3})
    assert shown_rows["events/s"] == ["50,000", "10,000"]
    assert shown_rows["slowest round, events/s"] == ["25,000", "10,000"]
    assert shown_rows["fastest round, events/s"] == ["100,000", "10,000"]
    assert shown_rows["events/s, x Spark"] == ["5.00", "1.00"]
