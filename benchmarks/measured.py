"""A process under measurement: its time, processor and memory, by its pid."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import psutil


@dataclass
class Measured:
    """Samples a process ten times a second while it runs. `with Measured(pid) as measured: ...`"""

    pid: int
    peak_rss_bytes: int = 0
    cpu_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Measured":
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _sample(self) -> None:
        process: Any = psutil.Process(self.pid)
        while not self._stop.wait(0.1):
            try:
                self.peak_rss_bytes = max(self.peak_rss_bytes, process.memory_info().rss)
                times = process.cpu_times()
                self.cpu_s = times.user + times.system
            except psutil.Error:
                return


@dataclass
class Latency:
    """How long a call takes, again and again until stopped. `with Latency(call) as latency: ...`"""

    call: Callable[[], object]
    every_s: float = 0.02
    taken_s: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Latency":
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def percentile_ms(self, percent: float) -> float:
        """That percentile of what was taken, in milliseconds; nan without a sample."""
        taken = sorted(self.taken_s)
        return 1000 * taken[min(len(taken) - 1, int(len(taken) * percent / 100))] if taken else float("nan")

    def _ask(self) -> None:
        while not self._stop.wait(self.every_s):
            started = time.perf_counter()
            if self.call() is not None:
                self.taken_s.append(time.perf_counter() - started)
