"""A job's options, as a question."""

from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from shopnow_streams.batch.answer import Asked
from shopnow_streams.batch.command import Shown, job_command
from shopnow_streams.batch.days import ALL_DAYS, Days
from shopnow_streams.batch.jobs import JOBS, Job, Parameter
from shopnow_streams.batch.output import Output
from shopnow_streams.errors import OutputRefused

JOB = Job("bought-together", "Pairs.", (), parameters=(Parameter("at_least", 5, "So often.", least=1, most=9),))


def asked(*words: str, archive: str = "file:///a") -> tuple[Asked, Shown | Output, dict[str, Any]]:
    """What the command makes of `words`."""
    heard: list[tuple[Asked, Shown | Output, dict[str, Any]]] = []
    more = [click.option("--master", default="local[*]")]
    command = job_command(JOB, lambda question, where, **options: heard.append((question, where, options)), more)
    ran = CliRunner().invoke(command, ["--archive", archive, *words], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    (question,) = heard
    return question


def refused(*words: str) -> Result:
    command = job_command(JOB, lambda *_: None, [])
    ran = CliRunner().invoke(command, ["--archive", "file:///a", *words])
    assert ran.exit_code == 2
    return ran


def test_nothing_asked_for_is_the_defaults() -> None:
    assert asked() == (Asked(JOB, "file:///a", {"at_least": 5}, ALL_DAYS, None), Shown("table"), {"master": "local[*]"})


def test_everything_asked_for() -> None:
    words = "--at-least 7 --since 2025-11-27 --until 2025-11-28 --late-days 4 --limit 9 --json --master m"
    question, where, more = asked(*words.split())
    assert question == Asked(
        JOB, "file:///a", {"at_least": 7}, Days(date(2025, 11, 27), date(2025, 11, 28), 4), limit=9
    )
    assert (where, more) == (Shown("json"), {"master": "m"})


def test_a_file_by_its_ending_or_by_name() -> None:
    assert asked("--output", "a.html")[1] == Output("a.html", "html")
    assert asked("--output", "a", "--format", "csv", "--force")[1] == Output("a", "csv", force=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--output a.txt", "--format says what a.txt is to be: parquet, csv, html"),
        ("--format html", "--format and --force are about the file of --output"),
        ("--force", "--format and --force are about the file of --output"),
        ("--output a.csv --json", "--json is for what is shown"),
        ("--json --csv", "--json or --csv, not both"),
        ("--since 2025-11-28 --until 2025-11-27", "no day is from 2025-11-28 on and up to 2025-11-27"),
        ("--since yesterday", "does not match the format '%Y-%m-%d'"),
        ("--at-least 0", "not in the range 1<=x<=9"),
        ("--at-least 10", "not in the range 1<=x<=9"),
    ],
)
def test_what_can_not_be_asked_is_said(words: str, said: str) -> None:
    assert said in refused(*words.split()).output


def test_a_file_in_the_way_is_said_before_spark_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from shopnow_streams.cli import batch

    def started(*_: Any, **__: Any) -> None:
        pytest.fail("Spark was asked")

    monkeypatch.setattr(batch, "_ask", started)
    (tmp_path / "a.csv").touch()
    words = ["daily-sales", "--archive", "file:///a", "--output", str(tmp_path / "a.csv")]
    ran = CliRunner().invoke(batch.batch, words)
    assert isinstance(ran.exception, OutputRefused)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_jobs_help_names_its_parameters_and_says_which_days_are_meant(job: Job) -> None:
    said = CliRunner().invoke(job_command(job, lambda *_: None, []), ["--help"]).output
    assert all(f"--{parameter.name.replace('_', '-')}" in said for parameter in job.parameters)
    assert ("kafka_timestamp" in said) == (job.clock == "kafka_timestamp")
