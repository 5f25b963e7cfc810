"""What goes over the wire: an event's topic, key and value; and what comes back. Pure."""

from operator import attrgetter
from typing import NamedTuple

import msgspec

from shopnow_streams.errors import EventRejected
from shopnow_streams.events import EVENT_TYPES, NOT_AN_EVENT, Event, Rejection, decoder, rejection
from shopnow_streams.topics import TRAITS


class Delivery(NamedTuple):
    """Where Kafka keeps an event: it is acknowledged, by all in-sync replicas."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int  # of the record: the producer's clock, or the broker's where the topic says LogAppendTime


Headers = list[tuple[str, str | bytes | None]]

Record = tuple[str, bytes, bytes]
"""Topic, key and value: a plain tuple, since one is made for every event."""

_encode = msgspec.json.Encoder().encode  # `events.encode`, without looking it up again for every event
_ADDRESSES = {
    event_type: (str(topic), attrgetter(TRAITS[topic].key_field), decoder(topic).decode)
    for topic, event_type in EVENT_TYPES.items()
}


def record_of(event: Event) -> Record:
    """The event as its topic wants it. Raises EventRejected where the tables would reject it later.

    Nothing checks an event when it is built, so a negative price or a time without a zone is caught here, in the
    caller's stack trace, rather than found in the reject topic. The key is text, whatever the field: 17 and "17"
    are the same order, so they must meet in the same partition.
    """
    topic, key_field, check = _ADDRESSES[type(event)]
    try:
        value = _encode(event)
        check(value)
        return topic, str(key_field(event)).encode(), value
    except (msgspec.MsgspecError, UnicodeError, OverflowError, TypeError) as error:
        raise EventRejected(rejection(b"", error)) from error


def unchecked_record_of(event: Event) -> Record:
    """`record_of` without the check, 0.7 µs less, for events that are known to be valid."""
    topic, key_field, _ = _ADDRESSES[type(event)]
    return topic, str(key_field(event)).encode(), _encode(event)


def record_of_raw(topic: str, value: bytes) -> Record:
    """An already encoded event, its value untouched, extra fields too. Raises EventRejected if it is not one."""
    try:
        event = decoder(topic).decode(value)
    except KeyError as error:
        raise EventRejected(Rejection("no-such-topic", f"no event goes to {topic!r}")) from error
    except NOT_AN_EVENT as error:
        raise EventRejected(rejection(value, error)) from error
    return topic, str(_ADDRESSES[type(event)][1](event)).encode(), value
