"""The producer for threads: `send` does not wait, `PendingDelivery.result` does."""

import threading
import time
from functools import partial
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.events import Event
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer.client import DEFAULTS, Client, ProducerOptions
from shopnow_streams.producer.outbox import POLL_EVERY, Outbox
from shopnow_streams.producer.pending import Pending, delivery_failed
from shopnow_streams.producer.records import Delivery, Headers

BUSY = 1_000  # events in flight


class PendingDelivery(Pending):
    """An event on its way; any thread may wait for it."""

    __slots__ = ()

    def result(self, timeout_s: float = 30.0) -> Delivery:
        """Where the event is kept. Blocks until it is acknowledged, `timeout_s` at most.

        Raises DeliveryFailed if Kafka refused it, KafkaUnavailable if it is still on its way after `timeout_s` (it
        may arrive later: to send it again is to send it twice).
        """
        if not self.done():
            waiter = self._waiter
            if not isinstance(waiter, threading.Event):
                waiter = self._waiter = threading.Event()
            # The second look: the acknowledgement may have come before it could see the waiter.
            while not self.done():
                # In slices: of two threads that come here at once, one loses its waiter to the other's.
                if not waiter.wait(min(timeout_s, 0.1)) and (timeout_s := timeout_s - 0.1) <= 0:
                    raise KafkaUnavailable(
                        f"no acknowledgement for an event of {self.topic} (key {self.key!r}) in time; it may still come"
                    )
        return self.outcome()


class ShopProducer(Outbox[PendingDelivery]):
    """Sends events to Kafka, idempotent and acknowledged by all replicas. Safe to share between threads.

    Not to share over a fork: create it in the process that uses it (with gunicorn: in the worker).
    """

    def __init__(self, connection: KafkaConnection, options: ProducerOptions = DEFAULTS) -> None:
        """Connect, trying again and again. Blocks up to `options.connect_timeout_s`, then raises KafkaUnavailable."""
        super().__init__(options)
        self._open(Client(connection, options))
        self._polling = threading.Lock()  # so that delivery reports are handled one at a time, in Kafka's order
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="shopnow-producer", daemon=True)
        self._thread.start()

    def send(self, event: Event) -> PendingDelivery:
        """Send an event on its way; returns at once, unless the queue is full: then it waits for room.

        Raises EventRejected if it is not a valid event, KafkaUnavailable if there was no room within
        `delivery_timeout_s`, DeliveryFailed if librdkafka refuses it at once (too large, no such topic).
        """
        topic, key, value = self._record_of(event)
        # `send_raw` over again, without headers: to call it would cost an event a twentieth more.
        pending = PendingDelivery(self._failures, topic, key)
        try:
            self._produce(topic, value, key, -1, pending.settle)
        except BufferError:
            self._wait_for_room(pending, value, None)
        except KafkaException as error:
            raise delivery_failed(topic, key, error) from error
        self._sends = sends = self._sends + 1
        if sends >= POLL_EVERY:
            self._sends = 0
            self._poll(0)
        return pending

    def send_raw(
        self, topic: str, value: bytes | None, key: bytes | None = None, headers: Headers | None = None
    ) -> PendingDelivery:
        """Send bytes as they are: already encoded, foreign or wrong. Blocks and raises as `send` does."""
        pending = PendingDelivery(self._failures, topic, key)
        try:
            if headers is None:
                self._produce(topic, value, key, -1, pending.settle)
            else:
                self._produce(topic, value, key, -1, pending.settle, headers=headers)
        except BufferError:
            self._wait_for_room(pending, value, headers)
        except KafkaException as error:
            raise delivery_failed(topic, key, error) from error
        self._sends = sends = self._sends + 1
        if sends >= POLL_EVERY:
            self._sends = 0
            self._poll(0)
        return pending

    def send_and_wait(self, event: Event, timeout_s: float = 30.0) -> Delivery:
        """Send an event and wait for its acknowledgement. Raises as `send` and `PendingDelivery.result` do."""
        return self.send(event).result(timeout_s)

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until nothing is in flight. Blocks up to `timeout_s`, then raises KafkaUnavailable.

        Raises the first DeliveryFailed that nobody has seen through `result`.
        """
        deadline = time.monotonic() + timeout_s
        while waiting := len(self._client):
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._not_flushed(waiting, timeout_s)
            with self._polling:
                self._hear(partial(self._client.flush, min(left, 0.1)))  # unlike poll, it does not let batches linger
        self._failures.raise_first()

    def close(self, timeout_s: float = 30.0) -> None:
        """Flush, then let go of the connections; raises as `flush` does, closed nonetheless. Twice is once."""
        if self._closed:
            return
        try:
            self.flush(timeout_s)
        finally:
            self._closed = True
            self._thread.join()
            self._hear(self._client.purge)
            self._hear(self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait_for_room(self, pending: PendingDelivery, value: bytes | None, headers: Headers | None) -> None:
        deadline = time.monotonic() + self._options.delivery_timeout_s
        while time.monotonic() < deadline:
            self._poll(0.01)
            if self._offer(pending, value, headers):
                return
        raise self._no_room()

    def _poll(self, timeout_s: float) -> None:
        if self._polling.acquire(blocking=False):
            try:
                self._hear(partial(self._client.poll, timeout_s))
            finally:
                self._polling.release()
        elif timeout_s:
            time.sleep(timeout_s)  # another thread is handling the reports

    def _serve(self) -> None:
        """Handle delivery reports for senders that do not come back soon.

        With few events in flight it blocks in poll, so that a waiter wakes at once. With many, the senders poll as
        they go, and a thread blocked in poll would fight them for the interpreter: it looks now and then.
        """
        while not self._closed:
            if len(self._client) > BUSY:
                time.sleep(0.005)
                self._poll(0)
            else:
                self._poll(0.1)
