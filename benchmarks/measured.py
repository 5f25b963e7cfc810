"""A process under measurement: its time, processor and memory, by its pid."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil

from benchmarks.results import percentile


class Beside:
    """Does `sample` every `every_s` on a thread of its own, from `with` until the end of the block."""

    every_s: float

    def sample(self) -> None:
        """One look."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self.every_s):
            self.sample()


@dataclass
class Measured(Beside):
    """What a process takes: its memory, and its processor time since the beginning of the block.

    `with Measured(pid) as measured: ...`
    """

    pid: int
    every_s: float = 0.1
    peak_rss_bytes: int = 0
    cpu_s: float = 0.0
    _before_s: float | None = None

    def __enter__(self) -> Self:
        self.sample()
        return super().__enter__()

    def sample(self) -> None:
        """Its memory and processor time as of now; nothing once it is gone."""
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            self.peak_rss_bytes = max(self.peak_rss_bytes, process.memory_info().rss)
            times = process.cpu_times()
            taken_s = times.user + times.system
            if self._before_s is None:
                self._before_s = taken_s
            self.cpu_s = taken_s - self._before_s


@dataclass
class Latency(Beside):
    """How long a call takes, again and again until stopped. `with Latency(call) as latency: ...`"""

    call: Callable[[], object]
    every_s: float = 0.02
    taken_s: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        """That percentile of what was taken, in milliseconds; nan without a sample."""
        return 1000 * percentile(self.taken_s, percent)

    def sample(self) -> None:
        """One call; one that was not answered is no sample."""
        started = time.perf_counter()
        if self.call() is not None:
            self.taken_s.append(time.perf_counter() - started)
