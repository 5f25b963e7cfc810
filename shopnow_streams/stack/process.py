"""One JVM of the stack: started so that it outlives us, found again by its pid file, stopped by its pid."""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from shopnow_streams.errors import ProcessDied, StackError

POLL_S = 0.05
LOG_TAIL = 20  # lines
KILLED_S = 10.0
# Two readings of one process's start differ by a clock tick at most; a reused pid is seconds younger.
SAME_START_S = 0.5

Command = tuple[str | Path, ...]
"""A command line."""


@dataclass(frozen=True, slots=True)
class PidFile:
    """What is written down about a running JVM."""

    pid: int
    started_s: float  # seconds from the machine's start to the process's: a clock that is set does not move it
    archive: str = ""  # where the JVM leaves the archive of its classes when it ends, if it does


class JvmProcess:
    """A JVM called `name`, with `<name>.pid` and `<name>.log` in `folder`.

    Several objects, in several Pythons, may stand for the same JVM: the pid file is the only state.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.pid_file = folder / f"{name}.pid"
        self.log = folder / f"{name}.log"

    def start(self, command: Sequence[str | Path], *, archive: Path | None = None) -> None:
        """Start `command` in its own session, its output in the log; nothing is done where it is already alive.

        `archive` is the file that the command line tells the JVM to write its class archive to at its end;
        `stop` then takes it into use. Does not block.
        Raises StackError where the executable does not start.
        """
        if self.alive():
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        words = [str(word) for word in command]
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # Not subprocess: a Popen warns when it is dropped while its process lives on, as ours are meant to.
            pid = os.posix_spawn(
                words[0],
                words,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,  # so that a Ctrl-C in our terminal does not reach it
            )
        except OSError as error:
            raise StackError(f"{self.name} could not be started with {words[0]}: {error.strerror}.") from error
        finally:
            os.close(output)
        self._write(PidFile(pid, _started_s(psutil.Process(pid)), str(archive or "")))

    def stop(self, timeout_s: float = 30.0) -> None:
        """End it with TERM, after `timeout_s` with KILL, and block until it is gone; nothing where it is not alive."""
        written = self._read()
        process = self._process()
        killed = False
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            if not _wait(process, timeout_s):
                killed = True
                self.kill()
        if written is not None and written.archive:
            _adopt(Path(written.archive), whole=not killed)
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it with KILL, as the machine would when memory runs out, and block until it is gone.

        Raises StackError where it is not gone after 10 s.
        """
        if (process := self._process()) is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            if not _wait(process, KILLED_S):
                raise StackError(f"{self.name} (pid {process.pid}) does not end, not even by SIGKILL; see `ps`.")
        self.pid_file.unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether the JVM that the pid file names still runs. Does not block."""
        return self._process() is not None

    @property
    def pid(self) -> int | None:
        """The pid, or None where it does not run."""
        process = self._process()
        return None if process is None else int(process.pid)

    @property
    def uptime_s(self) -> float | None:
        """Seconds since it was started, or None where it does not run."""
        process = self._process()
        return None if process is None else max(0.0, time.time() - process.create_time())

    def tail(self, lines: int = LOG_TAIL) -> str:
        """The end of the log."""
        try:
            with self.log.open(errors="replace") as log:
                return "".join(deque(log, maxlen=lines)).rstrip()
        except FileNotFoundError:
            return "(no log)"

    def _process(self) -> psutil.Process | None:
        """The live process that *we* started: a pid that the system gave to another since is not it."""
        written = self._read()
        if written is None:
            return None
        try:
            process = psutil.Process(written.pid)
            if abs(_started_s(process) - written.started_s) > SAME_START_S:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                _wait(process, 0)  # our own child, dead: reap it
                return None
        except psutil.Error:
            return None
        return process

    def _read(self) -> PidFile | None:
        try:
            return PidFile(**json.loads(self.pid_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StackError(
                f"The pid file {self.pid_file} cannot be read. Look for a running {self.name}, then remove the file."
            ) from error

    def _write(self, written: PidFile) -> None:
        part = self.pid_file.with_suffix(".pid.part")
        part.write_text(json.dumps(asdict(written)))
        part.replace(self.pid_file)


def wait_ready(
    processes: Sequence[JvmProcess],
    probe: Callable[[], bool],
    timeout_s: float,
    *,
    cancelled: threading.Event | None = None,
) -> None:
    """Block until `probe` is true; it is called every 50 ms and must neither raise nor block for long.

    Raises ProcessDied where one of `processes` ends first, StackError after `timeout_s` or once `cancelled` is set.
    """
    names = " and ".join(process.name for process in processes)
    deadline = time.monotonic() + timeout_s
    while not probe():
        if cancelled is not None and cancelled.is_set():
            raise StackError(f"{names}: the start was given up.")
        for process in processes:
            if not process.alive():
                raise ProcessDied(
                    f"{process.name} ended before it was ready. Its log, {process.log}, ends:\n{process.tail()}"
                )
        if time.monotonic() > deadline:
            logs = ", ".join(str(process.log) for process in processes)
            raise StackError(f"{names}: not ready within {timeout_s:.0f} s; see {logs}.")
        time.sleep(POLL_S)


def _adopt(written: Path, *, whole: bool) -> None:
    """Take a class archive into use, for the JVMs started from now on; one that was cut short is removed."""
    if not written.exists():
        return
    if whole:
        written.replace(written.with_suffix(""))
    else:
        written.unlink()


def _started_s(process: psutil.Process) -> float:
    return float(process.create_time() - psutil.boot_time())


def _wait(process: psutil.Process, timeout_s: float) -> bool:
    """Block until it is gone, and reap it where it is our child; False after `timeout_s`."""
    try:
        process.wait(timeout_s)
    except psutil.TimeoutExpired:
        return False
    except psutil.NoSuchProcess:
        pass
    return True
