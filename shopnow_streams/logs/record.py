"""From a `logging` record, whoever made it, to fields.

Faust, mode and aiokafka say in words what they are about: `Revoking previously assigned partitions %s for group %s`.
What stands in a placeholder becomes a field where its type says which, or the word before it.
"""

import logging
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from structlog.stdlib import ExtraAdder

from shopnow_streams.errors import ShopNowError
from shopnow_streams.logs.logger import SAID

_WORDS = {"topic": str, "partition": int, "offset": int, "group": str, "generation": int, "path": str}
_PLACEHOLDER = re.compile(r"(?:(?P<word>\w+)[\s:='\"]*)?%(?P<kind>%|[-#0 +]*\d*(?:\.\d+)?[a-zA-Z])")
_SERVICE = re.compile(r"\[\^-*(?P<service>\w.*?)\]: *")
_LEFT = ("_record", "extra", "message", "asctime")
"""What is no field: other formatters leave their texts on the record."""
_add_extra = ExtraAdder()


def describe(_logger: object, _method: str, event: Any) -> Any:
    """ProcessorFormatter's first processor: time, level, logger and event, then what else is known."""
    record: logging.LogRecord = event["_record"]
    text = event["event"]
    others: dict[str, Any] = {}
    service = _SERVICE.match(text)  # mode's, of who says it
    if service is not None:
        text = text[service.end() :]
        others["service"] = service["service"]
    others |= _fields(record, event)
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    described = {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": text,
    }
    return described | {name: value for name, value in others.items() if name not in (*described, *_LEFT)}


def _fields(record: logging.LogRecord, event: Any) -> dict[str, Any]:
    """What the record is about, and which of it its text says."""
    words = dict(_from_words(record.msg, event["positional_args"]))
    extra = dict(_add_extra(logging.root, "", {"_record": record}))
    said = {*words, *extra.pop(SAID, ())}
    fields = words | extra
    fields |= fields.pop("data", None) or {}  # mode's way to give fields
    if event.get("stack_info"):
        fields["stack"] = event["stack_info"]
    if event.get("exc_info"):
        fields["exc_info"] = event["exc_info"]
        error = event["exc_info"][1]
        if error is not None and "error" not in fields:
            fields["error"] = error
            said.add("error")  # by its traceback
    if isinstance(fields.get("error"), ShopNowError):
        about = fields["error"].about
        said |= about.keys()  # by its message
        fields = about | fields
    return {**fields, SAID: said}


def _from_words(text: object, args: object) -> Iterator[tuple[str, Any]]:
    if isinstance(args, Mapping) and "%(" not in str(text):
        args = (args,)  # as `logging` unpacked it
    if not isinstance(text, str) or not isinstance(args, tuple):
        return
    placeholders = [found for found in _PLACEHOLDER.finditer(text) if found["kind"] != "%"]
    for found, value in zip(placeholders, args, strict=False):
        word = (found["word"] or "").lower()
        if isinstance(value, BaseException):
            yield "error", value
        elif isinstance(value, _WORDS.get(word, ())) and not isinstance(value, bool):
            yield word, value
        elif _is_partition(value):
            yield "topic", value.topic
            yield "partition", value.partition
        elif isinstance(value, Collection) and value and all(map(_is_partition, value)):
            yield from _of_many(value)


def _is_partition(value: Any) -> bool:
    """Whether it is Faust's TP or aiokafka's TopicPartition."""
    return isinstance(value, tuple) and isinstance(getattr(value, "partition", None), int)


def _of_many(value: Any) -> Iterator[tuple[str, Any]]:
    partitions: dict[str, list[int]] = {}
    offsets: dict[str, dict[int, int]] = {}
    for tp in sorted(value):
        partitions.setdefault(tp.topic, []).append(tp.partition)
        if isinstance(value, Mapping) and isinstance(value[tp], int):
            offsets.setdefault(tp.topic, {})[tp.partition] = value[tp]
    yield "partitions", partitions
    if offsets:
        yield "offsets", offsets
