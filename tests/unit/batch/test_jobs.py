"""Every job that is listed is there, and can be listed without Spark."""

import subprocess
import sys

import pytest

from shopnow_streams.batch.jobs import JOBS, Job
from shopnow_streams.topics import Topic


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_the_function_of_its_name(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    function = job.name.replace("-", "_")
    monkeypatch.setattr(f"shopnow_streams.batch.{function}.{function}", lambda *tables: ("result of", *tables))
    tables = {topic: f"table of {topic}" for topic in Topic}
    result: object = job.run(tables)  # type: ignore[arg-type]
    assert result == ("result of", *(tables[topic] for topic in job.topics))


def test_the_commands_are_there_before_spark_is() -> None:
    script = (
        "import sys; sys.modules['pyspark'] = None; import shopnow_streams.cli.batch as c; print(*c.batch.commands)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == [job.name for job in JOBS]
