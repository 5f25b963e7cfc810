"""Complaints that are the same, told once in a while. While a broker is away each client has some twenty a second."""

import logging
import re
import time
from collections.abc import Callable

QUIET_S = 30.0
REMEMBERED = 1_000

HOW_LONG = r" \(after (?:[^()]|\([^()]*\))*\)"
"""librdkafka's: `(after 1ms in state CONNECT, 30 identical error(s) suppressed)`."""

_NOISE = re.compile(rf"\[rdkafka#[^]]*\] |\[thrd:[^]]*\]: |{HOW_LONG}")
"""Which client, which of its threads, and for how long: what differs between two complaints of one thing."""


class Repeats(logging.Filter):
    """Lets the same complaint pass once in `QUIET_S`, with `left_out`: how many there were since.

    News, below a warning, passes always.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by `logging`."""
        if record.levelno < logging.WARNING:
            return True
        said, now = _NOISE.sub("", record.getMessage()), self._clock()
        if now - self._passed_at.get(said, float("-inf")) < QUIET_S:
            self._left_out[said] = self._left_out.get(said, 0) + 1
            return False
        if len(self._passed_at) >= REMEMBERED:
            self._passed_at.clear()
            self._left_out.clear()
        self._passed_at[said] = now
        left_out = self._left_out.pop(said, 0)
        if left_out:
            record.left_out = left_out
        return True
