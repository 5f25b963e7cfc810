"""What Python would print by itself: warnings, and exceptions that nobody catches."""

import logging
import sys
import threading
from typing import Any

logger = logging.getLogger(__name__)


def log_uncaught() -> None:
    """From now on, for this process, as records."""
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: Any, error: Any, traceback: Any) -> None:
    logger.critical("an exception ended the process", exc_info=(kind, error, traceback))


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "unknown"
        logger.error("an exception ended thread %s", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    error = args.exc_value
    info = (type(error), error, args.exc_traceback) if error is not None else None
    logger.error("%s: %r", args.err_msg or "an exception could not be raised", args.object, exc_info=info)
