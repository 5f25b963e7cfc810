"""A line of JSON for programs, an aligned line for people; both through Faust's own handlers."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import faust.worker  # noqa: F401  # it draws the tables
import pytest
from faust.types import TP

from shopnow_streams.logs.format import ConsoleFormatter, JsonFormatter
from shopnow_streams.logs.logger import get_logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(formatter: logging.Formatter, log: Any, name: str = "tests.printed") -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = get_logger(name)
    logger.logger.addHandler(handler)
    logger.logger.propagate = False
    logger.logger.setLevel(logging.DEBUG)
    try:
        log(logger)
    finally:
        logger.logger.removeHandler(handler)
    return stream.getvalue()


def lines(log: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(JsonFormatter(), log).splitlines()]


def failing(logger: Any) -> None:
    try:
        int("sasl.password=geheim")
    except ValueError:
        logger.exception("{path} failed", path="/api/stock")


class TestJson:
    def test_a_record_is_one_line_with_its_fields(self) -> None:
        (line,) = lines(lambda log: log.warning("partition {partition}:\n{topic}", partition=3, topic="a", offset=7))
        assert line.pop("time").endswith("Z")
        assert line == {
            "level": "warning",
            "logger": "tests.printed",
            "event": "partition 3:\na",
            "partition": 3,
            "topic": "a",
            "offset": 7,
        }

    def test_an_exception_is_a_field_with_its_traceback(self) -> None:
        (line,) = lines(failing)
        assert line["error"] == "ValueError: invalid literal for int() with base 10: 'sasl.password=[redacted]'"
        assert line["exception"].startswith("Traceback (most recent call last):\n")
        assert "geheim" not in line["exception"]

    def test_a_record_that_does_not_fit_its_arguments_is_still_a_line(self) -> None:
        record = logging.makeLogRecord({"msg": "%d of them", "args": ("three",)})
        line = json.loads(JsonFormatter().format(record))
        assert line["event"] == "%d of them"
        assert line["error"].startswith("TypeError")

    def test_no_secret(self) -> None:
        settings = {"sasl.password": "geheim"}
        (line,) = lines(lambda log: log.warning("x", authorization="Bearer geheim", settings=settings))
        assert "geheim" not in json.dumps(line)


class TestConsole:
    def test_time_level_and_sentence_stand_in_columns(self) -> None:
        said = printed(ConsoleFormatter(), lambda log: [log.info("one"), log.critical("two")])
        one, two = said.splitlines()
        assert one.index("one") == two.index("two")
        assert one[24:] == " [info     ] one (tests.printed)"

    def test_what_the_sentence_says_is_not_said_twice(self) -> None:
        said = printed(ConsoleFormatter(), lambda log: log.info("partition {partition}", partition=3, offset=7))
        assert said.endswith("partition 3 (tests.printed) offset=7\n")

    def test_colours_on_a_terminal_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert "\x1b[" in printed(ConsoleFormatter(stream=Terminal()), failing)
        assert "\x1b[" not in printed(ConsoleFormatter(stream=io.StringIO()), failing)
        assert "\x1b[" not in printed(ConsoleFormatter(), failing)
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[" not in printed(ConsoleFormatter(stream=Terminal()), failing)

    def test_a_traceback_is_as_python_prints_it_but_for_secrets(self) -> None:
        said = printed(ConsoleFormatter(), failing)
        assert "/api/stock failed (tests.printed)\nTraceback (most recent call last):\n" in said
        assert said.endswith("'sasl.password=[redacted]'\n")

    def test_faust_s_sets_of_partitions_are_its_tables(self) -> None:
        partitions = {TP("a", number) for number in range(40)}
        assert "{0-39}" in printed(ConsoleFormatter(), lambda log: log.logger.info("of %s", partitions))


WORKER = """
import logging, sys, threading, warnings
import faust
from shopnow_streams.delivery.worker import JsonWorker, Worker
from shopnow_streams.logs.format import logging_config
from shopnow_streams.logs.logger import get_logger

form, logfile = sys.argv[1:]
app = faust.App("shop", env={}, worker_redirect_stdouts=False, logging_config=logging_config(form))
worker = (JsonWorker if form == "json" else Worker)(app, loglevel="warning", logfile=logfile or None)
worker._setup_logging()
worker.say("banner")
worker.carp("-INT-")
get_logger("ours").warning("partition {partition}", partition=3)
logging.getLogger("aiokafka").warning("topic %s", "a")
logging.getLogger("aiokafka").info("not at this level")
warnings.warn("careful")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("uncaught")
"""
SAID = ["partition 3", "topic a", "careful", "ended thread", "ended the process"]


def ran(form: str, logfile: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORKER, form, logfile], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_worker_in_json_prints_nothing_else_and_leaves_nothing_out() -> None:
    ended = ran("json")
    assert (ended.returncode, ended.stdout) == (1, "")
    said = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [part in line["event"] for part, line in zip(SAID, said, strict=True)] == [True] * len(SAID), said
    assert (said[0]["partition"], said[1]["topic"]) == (3, "a")
    assert "ZeroDivisionError" in said[3]["exception"]


def test_a_worker_for_people_says_the_same() -> None:
    ended = ran("console")
    assert ended.stdout.startswith("banner\n")
    assert [part for part in SAID if part not in ended.stderr] == []
    assert "not at this level" not in ended.stderr


def test_a_log_file_gets_what_the_terminal_would(tmp_path: Path) -> None:
    ran("json", str(tmp_path / "worker.log"))
    assert len([json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines()]) == len(SAID)
