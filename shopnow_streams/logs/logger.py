"""Loggers of ours: a sentence that is filled in with its fields, and the fields beside it."""

import logging
from collections.abc import MutableMapping
from string import Formatter
from typing import Any

_OF_LOGGING = ("exc_info", "stack_info", "stacklevel")
SAID = "said"
"""The record's attribute that names the fields which its sentence says already."""


class Logger(logging.LoggerAdapter[logging.Logger]):
    """`logger.warning("partition {partition}: {error}", partition=3, error=error, offset=7)`.

    Any handler gets the whole sentence, and the fields as attributes of the record: a backend that uses our producer
    need not know of either. Not by structlog, whose import takes a third of a second that commands would wait for.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:
        """Called by `logging`, only where the level is enabled."""
        of_logging = {name: kwargs.pop(name) for name in _OF_LOGGING if name in kwargs}
        if not kwargs:
            return msg, of_logging
        said = frozenset(name for _, name, _, _ in Formatter().parse(msg) if name)
        return msg.format_map(kwargs), {**of_logging, "extra": {**kwargs, SAID: said}}


def get_logger(name: str) -> Logger:
    """The logger of a module, by its `__name__`."""
    return Logger(logging.getLogger(name))
