"""Every job that is listed is there, and can be listed without Spark."""

import importlib
import inspect
import subprocess
import sys

import pytest

from shopnow_streams.batch.jobs import JOBS, Job
from shopnow_streams.topics import Topic


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_the_function_of_its_name(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    function = job.name.replace("-", "_")
    monkeypatch.setattr(f"shopnow_streams.batch.{function}.{function}", lambda *tables, **asked: (*tables, asked))
    tables = {topic: f"table of {topic}" for topic in Topic}
    defaults = {parameter.name: parameter.default for parameter in job.parameters}
    result: object = job.run(tables)  # type: ignore[arg-type]
    assert result == (*(tables[topic] for topic in job.topics), defaults)
    asked = dict.fromkeys(defaults, 7)
    another: object = job.run(tables, asked)  # type: ignore[arg-type]
    assert another == (*(tables[topic] for topic in job.topics), asked)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_given_what_its_function_takes(job: Job) -> None:
    function = job.name.replace("-", "_")
    taken = inspect.signature(
        getattr(importlib.import_module(f"shopnow_streams.batch.{function}"), function)
    ).parameters
    assert len([each for each in taken.values() if each.kind is each.POSITIONAL_OR_KEYWORD]) == len(job.topics)
    assert [name for name, each in taken.items() if each.kind is each.KEYWORD_ONLY] == [
        parameter.name for parameter in job.parameters
    ]


def test_the_commands_are_there_before_spark_is() -> None:
    script = (
        "import sys; sys.modules['pyspark'] = None; import shopnow_streams.cli.batch as c; print(*c.batch.commands)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == [job.name for job in JOBS]
