"""librdkafka's complaints as records. While a broker is away each client says so twenty times a second."""

import logging
import re
import time
from collections.abc import Callable

QUIET_S = 30.0
REMEMBERED = 1_000

_NOISE = re.compile(r"\[rdkafka#[^]]*\] |\[thrd:[^]]*\]: | \(after [^)]*\)")
"""Which client, which of its threads, and for how long: what differs between two complaints of one thing."""


class Repeats(logging.Filter):
    """Lets the same complaint pass once in `QUIET_S`, with `left_out`: how many there were since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by `logging`."""
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


def librdkafka_logger(name: str) -> logging.Logger:
    """What a client of the module `name` is to log to."""
    logger = logging.getLogger(f"{name}.librdkafka")
    if not logger.filters:
        logger.addFilter(Repeats())
    return logger
