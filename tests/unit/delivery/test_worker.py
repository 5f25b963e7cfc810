"""A start fails with a sentence; a stop ends, whatever hangs; the log is not filled with single calls."""

import re
import subprocess
import sys

import pytest

ALL_LEVELS = ("DEBUG", "INFO", "WARNING")

HANGING = """
import asyncio, faust, sys
from shopnow_streams.delivery import worker
worker.STOP_DEADLINE_S = 0.3

class Hanging(faust.Worker):
    async def stop(self):
        await asyncio.sleep(60)

worker.Worker.__bases__ = (Hanging,)
app = faust.App("hanging", env={})
each = worker.Worker(app)
if sys.argv[1] == "crashed":
    each.crash_reason = RuntimeError("crashed")
asyncio.new_event_loop().run_until_complete(each.stop())
"""


@pytest.mark.parametrize(("how", "code"), [("stopped", 0), ("crashed", 1)])
def test_a_stop_that_hangs_ends_by_its_deadline_and_says_whether_it_crashed(how: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING, how], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, "ended without waiting" in ended.stderr) == (code, True), ended.stderr


FAILING = """
import faust, sys
from shopnow_streams import errors
from shopnow_streams.delivery.worker import Worker

class App(faust.App):
    async def on_first_start(self):
        raise {**vars(errors), **vars(__builtins__)}[sys.argv[1]]("what to do")

Worker(App("failing", env={}), loglevel="info").execute_from_commandline()
"""


@pytest.mark.parametrize(("error", "traced"), [("TopicMismatch", False), ("ValueError", True)])
def test_a_start_that_fails_for_a_reason_of_ours_says_it_without_a_traceback(error: str, traced: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FAILING, error], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, traced), ran.stderr
    assert f"{error}: what to do" in ran.stderr


LOGGING = """
import logging, sys
import faust, hdfs
from shopnow_streams.delivery.worker import Worker

Worker(faust.App("logging", env={}), loglevel=sys.argv[1])._setup_logging()
for name in ("hdfs.client", "shopnow_streams"):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(name).log(level, "%s-%s", name, logging.getLevelName(level))
"""


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("info", {"hdfs.client-WARNING", "shopnow_streams-INFO", "shopnow_streams-WARNING"}),
        ("debug", {f"{name}-{level}" for name in ("hdfs.client", "shopnow_streams") for level in ALL_LEVELS}),
        ("error", set()),
    ],
)
def test_hdfs_is_heard_of_when_something_is_wrong_or_everything_was_asked_for(level: str, logged: set[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", LOGGING, level], capture_output=True, text=True, timeout=60, check=True)
    assert set(re.findall(r"\S+-(?:DEBUG|INFO|WARNING)\b", ran.stdout + ran.stderr)) == logged, ran.stderr


OUTAGE = """
import logging, sys
import faust
from shopnow_streams.delivery.worker import Worker

Worker(faust.App("outage", env={}), loglevel=sys.argv[1])._setup_logging()
for _ in range(20):
    for name in ("aiokafka", "aiokafka.consumer.group_coordinator"):
        logging.getLogger(name).error("Unable connect to node with id %s", 1)
"""


@pytest.mark.parametrize(("level", "said"), [("info", 2), ("debug", 40)])
def test_an_outage_of_kafka_does_not_fill_the_log_unless_everything_was_asked_for(level: str, said: int) -> None:
    ran = subprocess.run([sys.executable, "-c", OUTAGE, level], capture_output=True, text=True, timeout=60, check=True)
    assert (ran.stdout + ran.stderr).count("Unable connect to node") == said, ran.stderr
