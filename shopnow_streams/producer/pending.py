"""An event between `send` and its acknowledgement, and the failures that nobody has looked at yet."""

from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message

from shopnow_streams.errors import DeliveryFailed
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.producer.client import reason_of
from shopnow_streams.producer.records import Delivery

UNKNOWN_OFFSET = -1  # Kafka has the event, but no longer knew where when it was asked a second time
UNSEEN_KEPT = 1_000

logger = get_logger(__name__)


class Waiter(Protocol):
    """A `threading.Event`, or an `asyncio.Event`."""

    def set(self) -> None:
        """Wake who waits."""


class Pending:
    """An event on its way. Cheap: a hundred thousand of them in flight are the normal case."""

    # Plain slots, a Delivery only for who asks, a waiter only for who waits: these are half the cost of an event.
    __slots__ = ("_failure", "_failures", "_offset", "_partition", "_timestamp_ms", "_waiter", "key", "topic")

    def __init__(self, failures: "Failures", topic: str, key: bytes | None) -> None:
        self.topic = topic
        self.key = key
        self._failures = failures
        self._offset: int | None = None
        self._failure: DeliveryFailed | None = None
        self._waiter: Waiter | None = None

    def done(self) -> bool:
        """Whether Kafka acknowledged the event, or refused it."""
        return self._offset is not None or self._failure is not None

    def settle(self, error: KafkaError | None, message: Message) -> None:
        """librdkafka's delivery report, called once."""
        if error is None:
            self._partition: int = message.partition()  # type: ignore[assignment]  # None where it was never sent
            self._timestamp_ms = message.timestamp()[1]
            offset = message.offset()
            self._offset = UNKNOWN_OFFSET if offset is None else offset  # last: `done` looks at it
        else:
            self._failure = delivery_failed(self.topic, self.key, error)
            self._failures.note(self, self._failure)
        if self._waiter is not None:
            self._waiter.set()

    def outcome(self) -> Delivery:
        """Where the event is kept, once `done()`. Raises DeliveryFailed if Kafka refused it."""
        if self._failure is not None:
            self._failures.seen(self)
            raise self._failure
        if self._offset is None:
            raise RuntimeError("asked for the outcome of a delivery that is not done")
        return Delivery(self.topic, self._partition, self._offset, self._timestamp_ms)


class Failures:
    """Failed deliveries that no sender has been told of: the first thousand of them."""

    def __init__(self) -> None:
        self._unseen: dict[Pending, DeliveryFailed] = {}

    def note(self, pending: Pending, failure: DeliveryFailed) -> None:
        """A delivery failed. Logged once, not once an event: an outage fails thousands alike."""
        if not self._unseen:
            logger.error("{error}", error=failure, topic=pending.topic)
        if len(self._unseen) < UNSEEN_KEPT:
            self._unseen[pending] = failure

    def seen(self, pending: Pending) -> None:
        """Its sender knows."""
        self._unseen.pop(pending, None)

    def raise_first(self) -> None:
        """Raise the first unseen failure, if there is one, and forget the others."""
        unseen, self._unseen = self._unseen, {}
        for failure in unseen.values():
            raise failure


def delivery_failed(topic: str, key: bytes | None, error: KafkaException | KafkaError) -> DeliveryFailed:
    """Which event it was, and what became of it."""
    return DeliveryFailed(f"Kafka did not acknowledge an event of {topic} (key {key!r}): {reason_of(error)}")
