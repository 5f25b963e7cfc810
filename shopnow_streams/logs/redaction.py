"""Nothing secret in a log: fields that are named like secrets, and what looks like one in any text."""

import re
from typing import Any

REDACTED = "[redacted]"

_WORDS = r"password|passwd|passphrase|secret|token|authorization|cookie|credentials?|api[_-]?key|private[_-]?key"
_NAME = re.compile(rf"(?:^|[^a-z])(?:{_WORDS})s?$", re.IGNORECASE)
"""`sasl.password`, `access_token`, `Set-Cookie`; but no `password_file`, which says where and not what."""

_IN_TEXT = re.compile(
    rf"""
      (?P<scheme> \bbearer\s+ ) (?P<credentials> [\w.~+/=-]{{8,}} )
    | (?P<named> \b[\w.-]*(?:{_WORDS})["']?\s*[:=]\s*(?:(?:bearer|basic|digest)\s+)?["']? )
      (?P<value> (?<=["'])[^"']+ | [^\s"',;&)\]}}]+ )
    | (?P<before> ://[^\s/:@]*: ) (?P<password> [^\s/@]+ ) (?=@)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def redact(_logger: object, _method: str, event: Any) -> Any:
    """A processor: all fields, however deep, and all texts, the sentence and the traceback among them."""
    return {name: redacted(name, value) for name, value in event.items()}


def redacted(name: object, value: Any) -> Any:
    """`value`, of the field `name`, as it may be logged."""
    if isinstance(name, str) and _NAME.search(name) and value not in (None, "", False):
        return REDACTED
    if isinstance(value, str):
        return _IN_TEXT.sub(_without, value)
    if isinstance(value, dict):
        return {each: redacted(each, inner) for each, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redacted("", inner) for inner in value]
    return value


def _without(found: re.Match[str]) -> str:
    return (found["scheme"] or found["named"] or found["before"]) + REDACTED
