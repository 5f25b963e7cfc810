"""A worker that ends or gets nowhere ends the benchmark, with what it said."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.worker import started, two_cores
from shopnow_streams.errors import ProcessDied, StackError

SLEEPS = "import time; time.sleep(60)"


def python(code: str) -> list[str | Path]:
    return [sys.executable, "-c", code]


def test_a_worker_that_dies_is_noticed_at_once_with_the_end_of_its_log(tmp_path: Path) -> None:
    dies = python("import sys; print('starting'); sys.exit('no such topic')")
    begun = time.monotonic()
    with started(dies, tmp_path / "log", {}) as worker, pytest.raises(ProcessDied) as raised:
        worker.until(lambda: False, give_up_s=60)
    assert time.monotonic() - begun < 30
    assert "exit code 1" in str(raised.value)
    assert "no such topic" in str(raised.value)


def test_a_worker_that_says_nothing_and_gets_nowhere_is_given_up(tmp_path: Path) -> None:
    given_up = pytest.raises(StackError, match=r"not done within 0 s\. It said nothing")
    with started(python(SLEEPS), tmp_path / "log", {}) as worker, given_up:
        worker.until(lambda: False, give_up_s=0.2)


def test_the_moment_is_that_at_which_it_holds(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with started(python(SLEEPS), tmp_path / "log", {}) as worker:
        before = time.monotonic()
        assert before <= worker.until(lambda: next(answers)) <= time.monotonic()


def test_it_gets_our_environment_and_its_own_and_ends_with_the_block(tmp_path: Path) -> None:
    says = python(f"import os; print(os.environ['PATH'], os.environ['BENCH'], flush=True); {SLEEPS}")
    log = tmp_path / "log"
    with started(says, log, {"BENCH": "own"}) as worker:
        worker.until(lambda: log.read_text().endswith("own\n"), give_up_s=30)
        assert psutil.pid_exists(worker.pid)
    assert not psutil.pid_exists(worker.pid)


def test_what_it_says_is_known_by_whole_lines(tmp_path: Path) -> None:
    with started(python(f"print('not ready'); print('durable', flush=True); {SLEEPS}"), tmp_path / "log", {}) as worker:
        worker.until(lambda: worker.says("durable"), give_up_s=30)
        assert not worker.says("ready")


def test_what_is_started_on_two_cores_has_two_at_most_and_we_have_ours_again(tmp_path: Path) -> None:
    ours = os.sched_getaffinity(0)
    with two_cores(), started(python(SLEEPS), tmp_path / "log", {}) as worker:
        its = os.sched_getaffinity(worker.pid)
    assert its <= ours
    assert len(its) == min(2, len(ours))
    assert os.sched_getaffinity(0) == ours
