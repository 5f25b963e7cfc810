"""`shopnow audit`, up to where Spark begins: what it can't find out is a sentence and exit code 2."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shopnow_streams.cli.audit import audit
from sinks.open import open_sink

NOWHERE = "http://127.0.0.1:1"


def run(*words: str) -> Result:
    return CliRunner().invoke(audit, words)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """An archive without a record."""
    url = (tmp_path / "archive").as_uri()
    open_sink(url).check()
    return url


def test_a_worker_that_is_away_is_said(archive: str) -> None:
    ran = run("--worker", NOWHERE, "--archive", archive)
    assert ran.exit_code == 2
    assert ran.stderr == (
        f"shopnow: could not audit: no worker answers at {NOWHERE} (Connection refused): "
        "start one, or name one with --worker\n"
    )


def test_an_archive_that_is_nowhere_is_said(tmp_path: Path) -> None:
    ran = run("--worker", NOWHERE, "--archive", (tmp_path / "nothing").as_uri())
    assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
    assert "there is no archive at file://" in ran.stderr


def test_an_archive_of_json_lines_is_said(tmp_path: Path) -> None:
    (tmp_path / "_format").write_text("jsonl\n")
    ran = run("--worker", NOWHERE, "--archive", tmp_path.as_uri())
    assert (ran.exit_code, ran.stderr.count("\n")) == (2, 1)
    assert "is one of jsonl files" in ran.stderr


def test_spark_that_is_not_installed_is_said_first(monkeypatch: pytest.MonkeyPatch, archive: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ran = run("--worker", NOWHERE, "--archive", archive)
    assert (ran.exit_code, ran.stderr) == (
        2,
        "shopnow: could not audit: Spark is not installed: `make spark` installs it, or the package's extra [spark]\n",
    )


def test_an_unknown_setting_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPNOW_KAFKAA", "x")
    assert run("--worker", NOWHERE).exit_code == 2


def test_without_an_archive_there_is_nothing_to_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPNOW_ARCHIVE", "")
    ran = run("--worker", NOWHERE)
    assert ran.exit_code == 2
    assert "--archive, or SHOPNOW_ARCHIVE" in ran.output


def test_the_help_does_not_wait_for_spark() -> None:
    script = (
        "import sys; sys.modules['pyspark'] = None; import shopnow_streams.cli.audit as c; "
        "import json; print(json.dumps([p.name for p in c.audit.params]))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert {"worker", "url", "master", "memory", "limit", "wait_s", "as_json"} <= set(json.loads(ran.stdout))
