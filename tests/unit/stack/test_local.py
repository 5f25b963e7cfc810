"""What the stack refuses, and what it undoes, with sleeping Pythons in the place of Kafka and HDFS."""

import shutil
import socket
import sys
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shopnow_streams.errors import PortBusy, ProcessDied, StackError
from shopnow_streams.stack import local
from shopnow_streams.stack.local import LocalStack, Ready
from shopnow_streams.stack.ports import StackPorts
from shopnow_streams.stack.process import JvmProcess

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
Disk = namedtuple("Disk", ["total", "used", "free"])


class Service:
    """Starts its processes, and then does what the test wants."""

    def __init__(self, processes: list[JvmProcess], then: Callable[[threading.Event], None]) -> None:
        self.processes = processes
        self.then = then

    def start(self, *, cancelled: threading.Event) -> None:
        for process in self.processes:
            process.start(SLEEP)
        self.then(cancelled)


class Stack(LocalStack):
    """A stack without Java and jars."""

    then: dict[str, Callable[[threading.Event], None]]

    def _service(self, name: str, java: Path) -> Service:  # type: ignore[override]
        return Service(self._processes(name), self.then.get(name, lambda cancelled: None))


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(local, "find_java", lambda cache: Path("java"))
    monkeypatch.setattr(local, "fetch", lambda jars, folder, progress: [])
    stack = Stack(tmp_path / "stack", StackPorts.free(), cache=tmp_path / "cache")
    stack.then = {}
    yield stack
    stack.stop()


def alive(stack: LocalStack) -> list[str]:
    return [row.process for row in stack.status() if row.pid is not None]


def test_both_are_started_and_stopped(stack: Stack) -> None:
    steps: list[object] = []
    stack.start(steps.append)
    assert sorted(step.service for step in steps if isinstance(step, Ready)) == ["hdfs", "kafka"]
    assert alive(stack) == ["kafka", "namenode", "datanode"]
    stack.stop()
    assert alive(stack) == []
    stack.stop()


def test_one_service_can_be_left_out(stack: Stack) -> None:
    stack.start(services=["kafka"])
    assert alive(stack) == ["kafka"]
    assert [row.state for row in stack.status()] == ["starting", "stopped", "stopped"]  # it does not listen


def test_where_one_fails_the_other_is_stopped_too(stack: Stack) -> None:
    def fails(cancelled: threading.Event) -> None:
        raise ProcessDied("hdfs ended")

    stack.then = {"hdfs": fails, "kafka": lambda cancelled: None}
    with pytest.raises(ProcessDied):
        stack.start()
    assert alive(stack) == []


def test_what_ran_before_is_left_running_where_the_rest_fails(stack: Stack) -> None:
    def fails(cancelled: threading.Event) -> None:
        raise ProcessDied("hdfs ended")

    stack.start(services=["kafka"])
    stack.then = {"hdfs": fails}
    with pytest.raises(ProcessDied):
        stack.start()
    assert alive(stack) == ["kafka"]


def test_ctrl_c_stops_what_is_being_started(stack: Stack) -> None:
    given_up: list[bool] = []

    def interrupted(step: object) -> None:
        raise KeyboardInterrupt

    stack.then = {"hdfs": lambda cancelled: given_up.append(cancelled.wait(20))}
    with pytest.raises(KeyboardInterrupt):
        stack.start(interrupted)
    assert given_up == [True]
    assert alive(stack) == []


def test_a_busy_port_is_found_before_anything_starts(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.ports.datanode)), pytest.raises(PortBusy, match="datanode"):
        stack.start()
    assert alive(stack) == []


def test_little_room_is_told_before_anything_starts(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(10 << 30, 10 << 30, 5 << 20))
    with pytest.raises(StackError, match="Only 5 MB are free"):
        stack.start()
    assert alive(stack) == []


def test_a_running_stack_is_not_moved(stack: Stack) -> None:
    stack.start()
    with pytest.raises(StackError, match="other ports"):
        Stack(stack.home, replace(stack.ports, kafka=1), cache=stack.cache).start()
    assert LocalStack(stack.home).ports == stack.ports  # found again without being told


def test_two_commands_do_not_start_it_at_once(stack: Stack) -> None:
    def beside(cancelled: threading.Event) -> None:
        with pytest.raises(StackError, match="Another command"):
            LocalStack(stack.home).stop()

    stack.then = {"kafka": beside}
    stack.start()


def test_a_dead_process_is_told_from_a_stopped_one(stack: Stack) -> None:
    stack.start()
    pid_file = stack.home / "kafka" / "kafka.pid"
    written = pid_file.read_text()
    JvmProcess("kafka", stack.home / "kafka").kill()
    pid_file.write_text(written)
    assert [row.state for row in stack.status()] == ["died", "starting", "starting"]


def test_only_a_stopped_stack_is_wiped(stack: Stack) -> None:
    stack.start()
    with pytest.raises(StackError, match="is running"):
        stack.wipe()
    stack.stop()
    stack.wipe()
    assert not stack.home.exists()


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="file/stack cannot be made"):
        LocalStack(tmp_path / "file" / "stack", cache=tmp_path).start()
