"""`shopnow sql` and `shopnow batch`, up to where Spark begins."""

import importlib.util

import pytest
from click.testing import CliRunner

from shopnow_streams.cli.batch import batch, sql
from shopnow_streams.errors import SparkMissing


def test_spark_that_is_not_installed_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ran = CliRunner().invoke(sql, ["SELECT 1"])
    assert isinstance(ran.exception, SparkMissing)
    assert str(ran.exception) == "Spark is not installed: `make spark` installs it, or the package's extra [spark]"


def test_one_form_of_answer_at_a_time() -> None:
    ran = CliRunner().invoke(batch, ["daily-sales", "--json", "--csv"])
    assert ran.exit_code == 2
    assert "--json or --csv, not both" in ran.output


def test_without_an_archive_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPNOW_ARCHIVE", "")
    ran = CliRunner().invoke(sql, ["SELECT 1"])
    assert ran.exit_code == 2
    assert "--archive, or SHOPNOW_ARCHIVE" in ran.output


def test_the_help_names_the_tables_and_the_jobs() -> None:
    assert "commande_validee  order_placed" in CliRunner().invoke(sql, ["--help"]).output
    assert "daily-sales" in CliRunner().invoke(batch, ["--help"]).output
