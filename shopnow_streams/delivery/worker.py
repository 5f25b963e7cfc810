"""Faust's worker, whose stop ends, and whose log holds what somebody reads."""

import logging
import os
import threading
from typing import Any

import faust

from shopnow_streams.errors import ShopNowError
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.logs.repeats import Repeats
from shopnow_streams.logs.uncaught import log_uncaught

logger = get_logger(__name__)

STOP_DEADLINE_S = 20.0
TALKATIVE = ("hdfs.client",)
"""Loggers that tell of each call at INFO."""

REPEATING = ("aiokafka", "aiokafka.consumer.group_coordinator")
"""Loggers that tell of each try to reach a broker: sixty lines a second while it is away."""


class Worker(faust.Worker):
    """Ends its process `STOP_DEADLINE_S` after it began to stop, whatever is still waited for.

    A rebalance that ends just while Faust stops leaves aiokafka's coordinator waiting for an answer that nobody gives
    any more, and the stop waiting for the coordinator, for ever (docs/decisions/0005). Nothing is lost by such an end:
    state is durable by cuts, and what came after the last one is folded again by the next owner.
    """

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Called by Faust once logging is set up at `level`; who asks for DEBUG gets everything."""
        super().on_setup_root_logger(logger, level)
        log_uncaught()
        if level > logging.DEBUG:
            for name in TALKATIVE:
                logging.getLogger(name).setLevel(max(level, logging.WARNING))
            for name in REPEATING:
                logging.getLogger(name).addFilter(Repeats())

    async def start(self) -> None:
        """Start everything, and return when it has stopped. Raises SystemExit for an error of ours: it says it all."""
        try:
            await super().start()
        except ShopNowError as error:
            logger.critical("{error_type}: {error}", error_type=type(error).__name__, error=error)
            raise SystemExit(1) from error

    async def stop(self) -> None:
        """Stop everything. Called once, by a signal or a crash."""
        deadline = threading.Timer(STOP_DEADLINE_S, self._end)
        deadline.daemon = True  # a process that ends in time takes it along
        deadline.start()
        await super().stop()

    def _end(self) -> None:
        crashed: Any = self.crash_reason
        logger.warning(
            "the stop took more than {deadline_s:.0f} s: ended without waiting any longer", deadline_s=STOP_DEADLINE_S
        )
        logging.shutdown()
        os._exit(1 if crashed else 0)


class JsonWorker(Worker):
    """All that its process prints is a record: no banner, no spinner, no traceback of Python's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "quiet": True})
        self.spinner = None
