"""A process that outlives us, found again by its pid file: with small Python scripts in the place of JVMs."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shopnow_streams.errors import ProcessDied, StackError
from shopnow_streams.stack.process import JvmProcess, wait_ready

SLEEP = "import time; time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[JvmProcess]:
    process = JvmProcess("broker", tmp_path)
    yield process
    process.kill()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_starts_and_stops(process: JvmProcess) -> None:
    assert not process.alive()
    assert process.pid is process.uptime_s is None
    process.start(python(SLEEP))
    pid = process.pid
    assert process.alive()
    assert process.uptime_s is not None
    assert process.uptime_s < 20
    process.start(python(SLEEP))
    assert process.pid == pid  # what runs is kept
    process.stop()
    assert not psutil.pid_exists(pid)
    assert not process.pid_file.exists()


def test_it_outlives_the_python_that_started_it(process: JvmProcess, tmp_path: Path) -> None:
    code = f"""
        from pathlib import Path
        from shopnow_streams.stack.process import JvmProcess
        JvmProcess("broker", Path({str(tmp_path)!r})).start([{sys.executable!r}, "-c", {SLEEP!r}])
    """
    subprocess.run(python(code), check=True)
    pid = process.pid
    assert pid is not None
    assert psutil.Process(pid).ppid() != psutil.Process().pid
    process.stop()
    assert not process.alive()


def test_a_pid_that_belongs_to_another_process_now_is_left_alone(process: JvmProcess) -> None:
    with subprocess.Popen(python(SLEEP)) as stranger:
        try:
            process.pid_file.write_text(json.dumps({"pid": stranger.pid, "started_s": 12.5, "archive": ""}))
            assert not process.alive()
            process.stop()
            process.kill()
            assert stranger.poll() is None
            assert not process.pid_file.exists()
        finally:
            stranger.kill()


def test_one_that_ignores_term_is_killed(process: JvmProcess) -> None:
    process.start(
        python("""
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("deaf", flush=True)
            time.sleep(60)
        """)
    )
    until(lambda: "deaf" in process.tail())
    process.stop(timeout_s=0.2)
    assert not process.alive()


def test_wait_ready_waits_for_the_probe(process: JvmProcess) -> None:
    process.start(python('print("up", flush=True); ' + SLEEP))
    wait_ready([process], lambda: process.tail() == "up", 20)


def test_one_that_dies_before_it_is_ready_is_told_with_the_end_of_its_log(process: JvmProcess) -> None:
    process.start(python('print("no such topic"); raise SystemExit(3)'))
    with pytest.raises(ProcessDied, match=r"broker ended.*\nno such topic$"):
        wait_ready([process], lambda: False, 20)


def test_wait_ready_ends(process: JvmProcess) -> None:
    process.start(python(SLEEP))
    with pytest.raises(StackError, match=r"not ready within 0 s; see .*broker\.log"):
        wait_ready([process], lambda: False, 0.1)
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(StackError, match="given up"):
        wait_ready([process], lambda: False, 20, cancelled=cancelled)


def test_the_log_of_the_run_before_is_kept(process: JvmProcess, tmp_path: Path) -> None:
    for run in ("first", "second"):
        process.start(python(f'print("{run}", flush=True); ' + SLEEP))
        until(lambda run=run: process.tail() == run)  # type: ignore[misc]
        process.stop()
    assert (tmp_path / "broker.previous.log").read_text() == "first\n"


def test_an_archive_is_taken_into_use_after_an_orderly_end(process: JvmProcess, tmp_path: Path) -> None:
    written = tmp_path / "broker.jsa.1"
    process.start(python(SLEEP), archive=written)
    written.write_text("whole")
    process.stop()
    assert (tmp_path / "broker.jsa").read_text() == "whole"
    assert not written.exists()


def test_an_archive_that_was_cut_short_is_removed(process: JvmProcess, tmp_path: Path) -> None:
    written = tmp_path / "broker.jsa.1"
    deaf = 'import signal, time; signal.signal(15, signal.SIG_IGN); print("deaf", flush=True); time.sleep(60)'
    process.start(python(deaf), archive=written)
    until(lambda: process.tail() == "deaf")
    written.write_text("ha")
    process.stop(timeout_s=0.2)
    assert not written.exists()
    assert not (tmp_path / "broker.jsa").exists()


def test_an_executable_that_is_not_there_is_named(process: JvmProcess) -> None:
    with pytest.raises(StackError, match="/nowhere/java"):
        process.start(["/nowhere/java"])


def test_a_pid_file_that_does_not_parse_is_named(process: JvmProcess) -> None:
    process.pid_file.write_text("?")
    with pytest.raises(StackError, match=r"broker\.pid"):
        process.alive()
    process.pid_file.unlink()
