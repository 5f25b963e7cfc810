"""Fields' values as JSON has them: a number that is none, or a key that is no text, would spoil the line."""

import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 6
"""Levels of a field that are kept apart; what lies below is text."""


def plain(_logger: object, _method: str, event: Any) -> Any:
    """A processor: every field, of whatever type."""
    return {name: of_json(value) for name, value in event.items()}


def of_json(value: Any, depth: int = 0) -> Any:
    """`value`, or what says the same in JSON; text where nothing does."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    try:
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        if depth < DEEPEST and isinstance(value, Mapping):
            return {str(key): of_json(each, depth + 1) for key, each in value.items()}
        if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [of_json(each, depth + 1) for each in value]
        return str(value)
    except Exception as error:  # noqa: BLE001  # a stranger's __str__; the rest of the line is still worth having
        return f"<{type(value).__name__}, which can't be shown: {type(error).__name__}>"
