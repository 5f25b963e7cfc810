"""A result's file, on this machine: no Spark is asked. `tests/integration/test_jobs.py` does the same on both."""

from pathlib import Path
from typing import Any

import pytest

from shopnow_streams.batch.output import Output, format_of
from shopnow_streams.errors import OutputRefused

NO_SPARK: Any = None


@pytest.mark.parametrize(
    ("place", "asked", "found"),
    [
        ("a.csv", None, "csv"),
        ("A.HTML", None, "html"),
        ("hdfs://h/x.parquet", None, "parquet"),
        ("a.csv", "html", "html"),
        ("a.txt", None, None),
    ],
)
def test_the_format_is_that_of_the_names_ending_where_nobody_says(
    place: str, asked: str | None, found: str | None
) -> None:
    assert format_of(place, asked) == found


def test_what_is_in_the_way_is_said_before_the_work(tmp_path: Path) -> None:
    place = tmp_path / "sales.csv"
    Output(str(place), "csv").require_free()
    place.touch()
    with pytest.raises(OutputRefused, match=r"sales\.csv is there already: name another file, or replace it with --fo"):
        Output(str(place), "csv").require_free()
    Output(str(place), "csv", force=True).require_free()
    with pytest.raises(OutputRefused, match="is a directory"):
        Output(str(tmp_path), "csv", force=True).require_free()
    with pytest.raises(OutputRefused, match="there is no directory"):
        Output(str(tmp_path / "no" / "sales.csv"), "csv").require_free()


def test_one_of_two_that_write_at_the_same_time_wins(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "sales.csv"), "csv")
    with pytest.raises(OutputRefused, match="is there already"), output.written(NO_SPARK) as late:
        late.write_text("late")
        with output.written(NO_SPARK) as early:
            assert early != late
            early.write_text("early")
    assert (tmp_path / "sales.csv").read_text() == "early"
    assert [each.name for each in tmp_path.iterdir()] == ["sales.csv"]


def test_nothing_has_the_name_until_all_of_it_is_written(tmp_path: Path) -> None:
    place = tmp_path / "sales.csv"
    place.write_text("before")
    with Output(str(place), "csv", force=True).written(NO_SPARK) as path:
        path.write_text("af")
        assert place.read_text() == "before"
        path.write_text("after")
    assert place.read_text() == "after"


def test_a_file_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    output = Output(str(tmp_path / "no" / "sales.csv"), "csv")
    with pytest.raises(OutputRefused, match="can't be written: No such file"), output.written(NO_SPARK) as path:
        path.write_text("x")
