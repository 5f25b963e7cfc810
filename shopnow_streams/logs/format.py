"""How a record is printed: a line of JSON for programs, or an aligned line for people."""

import json
import logging
import os
import sys
from typing import Any

from mode.utils.logging import ExtensionFormatter
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter, LogLevelColumnFormatter, plain_traceback
from structlog.processors import format_exc_info
from structlog.stdlib import ProcessorFormatter

from shopnow_streams.logs.logger import SAID
from shopnow_streams.logs.record import describe
from shopnow_streams.logs.redaction import redact
from shopnow_streams.logs.value import plain


def logging_config(form: str) -> dict[str, Any]:
    """Faust's `logging_config`: its handlers (stderr, or `--logfile`) as they are, with the formatters of `form`."""
    made = JsonFormatter if form == "json" else ConsoleFormatter
    return {"merge": True, "formatters": {"default": {"()": made}, "colored": {"()": made, "stream": sys.stderr}}}


class RecordFormatter(ProcessorFormatter):
    """Through the processors that both formats share; `last` is the format's own."""

    def __init__(self, *last: Any) -> None:
        super().__init__(processors=[describe, format_exc_info, plain, redact, *last], pass_foreign_args=True)

    def format(self, record: logging.LogRecord) -> str:
        """What is printed; of a record that does not fit its own arguments too: `logging` would print a traceback."""
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  # whatever a stranger's arguments do
            shown = logging.makeLogRecord({**record.__dict__, "msg": str(record.msg), "args": (), "error": error})
            return super().format(shown)


class JsonFormatter(RecordFormatter):
    """One JSON object a line."""

    def __init__(self, stream: Any = None) -> None:
        super().__init__(_dump)


class ConsoleFormatter(RecordFormatter):
    """Time, level, sentence, and the fields that the sentence does not say; in colours if `stream` is a terminal."""

    def __init__(self, stream: Any = None) -> None:
        colours = stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")
        super().__init__(_unsaid, _columns(colours))
        self._tables = ExtensionFormatter(stream=stream)

    def format(self, record: logging.LogRecord) -> str:
        """The line. Faust's arguments as it draws them: sets of partitions as tables."""
        shown = logging.makeLogRecord(record.__dict__)
        if isinstance(record.args, tuple):
            shown.args = tuple(self._tables.format_arg(arg, record) for arg in record.args)
        return super().format(shown)


def _dump(_logger: object, _method: str, event: Any) -> str:
    event.pop(SAID, None)
    return json.dumps(event)


def _unsaid(_logger: object, _method: str, event: Any) -> Any:
    said = event.pop(SAID, ())
    return {name: value for name, value in event.items() if name not in said}


def _columns(colours: bool) -> ConsoleRenderer:
    styles = ConsoleRenderer.get_default_column_styles(colours)
    levels = ConsoleRenderer.get_default_level_styles(colours)

    def column(key: str, value_style: str, key_style: str | None = None, **more: Any) -> Column:
        formatter = KeyValueColumnFormatter(key_style, value_style, styles.reset, value_repr=str, **more)
        return Column(key, formatter)

    return ConsoleRenderer(
        columns=[
            column("time", styles.timestamp),
            Column("level", LogLevelColumnFormatter(levels, styles.reset)),
            column("event", ""),
            column("logger", styles.logger_name, prefix="(", postfix=")"),
            column("", styles.kv_value, styles.kv_key),
        ],
        exception_formatter=plain_traceback,
    )
