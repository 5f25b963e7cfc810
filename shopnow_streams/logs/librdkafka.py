"""librdkafka's complaints as records."""

import logging

from shopnow_streams.logs.repeats import Repeats


def librdkafka_logger(name: str) -> logging.Logger:
    """What a client of the module `name` is to log to."""
    logger = logging.getLogger(f"{name}.librdkafka")
    if not logger.filters:
        logger.addFilter(Repeats())
    return logger
