"""Values that are no events, of the kinds that a shop's other programs send. Pure."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from shopnow_streams.events import EVENT_TYPES
from shopnow_streams.topics import Topic

_AMOUNTS = ("prix", "montant_total", "montant", "stock")
_REQUIRED = {
    str(topic): tuple(field.encode_name for field in msgspec.structs.fields(event_type) if field.required)
    for topic, event_type in EVENT_TYPES.items()
}

Spoiler = Callable[[random.Random, str, bytes], bytes | None]


def not_json(chance: random.Random, _topic: str, value: bytes) -> bytes:
    """Cut off somewhere, as by a full disk."""
    return value[: chance.randrange(1, len(value))]


def missing_field(chance: random.Random, topic: str, value: bytes) -> bytes:
    """Without one of the fields that the event must have."""
    fields = _fields(value)
    del fields[chance.choice(_REQUIRED[topic])]
    return msgspec.json.encode(fields)


def negative_amount(_chance: random.Random, _topic: str, value: bytes) -> bytes:
    """A price, a total or a stock below zero."""
    fields = _fields(value)
    name = next(name for name in _AMOUNTS if name in fields)
    return msgspec.json.encode(fields | {name: -1 - fields[name]})


def naive_timestamp(_chance: random.Random, _topic: str, value: bytes) -> bytes:
    """A moment without its offset: nobody knows which one it is."""
    fields = _fields(value)
    return msgspec.json.encode(fields | {"timestamp": fields["timestamp"][: len("2025-11-28T10:30:00")]})


def empty(_chance: random.Random, _topic: str, _value: bytes) -> bytes:
    """Nothing, in zero bytes."""
    return b""


def tombstone(_chance: random.Random, _topic: str, _value: bytes) -> None:
    """No value at all."""


KINDS: tuple[Spoiler, ...] = (not_json, missing_field, negative_amount, naive_timestamp, empty, tombstone)


def spoil(chance: random.Random, topic: Topic | str, value: bytes) -> bytes | None:
    """A copy of an encoded event of `topic` that is no event any more, in one of the ways of KINDS."""
    return chance.choice(KINDS)(chance, str(topic), value)


def _fields(value: bytes) -> dict[str, Any]:
    return msgspec.json.decode(value, type=dict[str, Any])
