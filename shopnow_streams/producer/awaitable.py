"""The producer for an event loop: the same as the one for threads, with `await` where that one blocks.

No thread collects the delivery reports: librdkafka hands them over one by one, and a second thread would take the
interpreter from the loop for each. A timer that runs while something is in flight takes them in batches.
"""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException

from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.events import Event
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer.client import DEFAULTS, Client, ProducerOptions
from shopnow_streams.producer.outbox import POLL_EVERY, Outbox
from shopnow_streams.producer.pending import Pending, delivery_failed
from shopnow_streams.producer.records import Delivery, Headers

POLL_S = 0.002


class AwaitableDelivery(Pending):
    """An event on its way: `await` it, or hand it to `asyncio.gather` or `wait_for`, for its Delivery.

    Awaiting raises DeliveryFailed if Kafka refused it. To await many one after another costs less than to gather
    them: those that are done by then do not suspend.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Delivery]:
        if not self.done():
            if not isinstance(self._waiter, asyncio.Event):
                self._waiter = asyncio.Event()
            yield from self._waiter.wait().__await__()
        return self.outcome()


class AsyncShopProducer(Outbox[Coroutine[Any, Any, AwaitableDelivery]]):
    """Sends events to Kafka, idempotent and acknowledged by all replicas. Belongs to the loop that started it.

    async with AsyncShopProducer(connection) as shop:
        on_its_way = await shop.product_viewed(id_produit=1597, nom_produit="T-shirt en coton bio", prix=29.99)
        delivery = await on_its_way
    """

    def __init__(self, connection: KafkaConnection, options: ProducerOptions = DEFAULTS) -> None:
        super().__init__(options)
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None
        self._closed = True

    async def start(self) -> None:
        """Connect, trying again and again, `options.connect_timeout_s` at most; then raises KafkaUnavailable."""
        self._open(await asyncio.to_thread(Client, self._connection, self._options))
        self._loop = asyncio.get_running_loop()
        self._closed = False

    async def send(self, event: Event) -> AwaitableDelivery:
        """Send an event on its way; suspends only for a full queue, and now and then to let others run.

        Raises EventRejected if it is not a valid event, KafkaUnavailable if there was no room within
        `delivery_timeout_s`, DeliveryFailed if librdkafka refuses it at once (too large, no such topic).
        """
        topic, key, value = self._record_of(event)
        # `send_raw` over again, without headers: to await it would cost an event a tenth more.
        pending = AwaitableDelivery(self._failures, topic, key)
        try:
            self._produce(topic, value, key, -1, pending.settle)
        except BufferError:
            await self._wait_for_room(pending, value, None)
        except KafkaException as error:
            raise delivery_failed(topic, key, error) from error
        if self._timer is None:
            self._timer = self._loop.call_later(POLL_S, self._collect)
        self._sends = sends = self._sends + 1
        if sends >= POLL_EVERY:
            self._sends = 0
            self._hear(partial(self._client.poll, 0))
            await asyncio.sleep(0)  # a loop over `send` would else keep everybody else waiting
        return pending

    async def send_raw(
        self, topic: str, value: bytes | None, key: bytes | None = None, headers: Headers | None = None
    ) -> AwaitableDelivery:
        """Send bytes as they are: already encoded, foreign or wrong. Suspends and raises as `send` does."""
        pending = AwaitableDelivery(self._failures, topic, key)
        try:
            if headers is None:
                self._produce(topic, value, key, -1, pending.settle)
            else:
                self._produce(topic, value, key, -1, pending.settle, headers=headers)
        except BufferError:
            await self._wait_for_room(pending, value, headers)
        except KafkaException as error:
            raise delivery_failed(topic, key, error) from error
        if self._timer is None:
            self._timer = self._loop.call_later(POLL_S, self._collect)
        self._sends = sends = self._sends + 1
        if sends >= POLL_EVERY:
            self._sends = 0
            self._hear(partial(self._client.poll, 0))
            await asyncio.sleep(0)
        return pending

    async def send_and_wait(self, event: Event, timeout_s: float = 30.0) -> Delivery:
        """Send an event and wait for its acknowledgement. Raises as `send` does; KafkaUnavailable after `timeout_s`."""
        pending = await self.send(event)
        try:
            return await asyncio.wait_for(pending, timeout_s)
        except TimeoutError as error:
            raise KafkaUnavailable(
                f"no acknowledgement for an event of {pending.topic} (key {pending.key!r}) within {timeout_s:g} s; "
                "it may still come"
            ) from error

    async def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until nothing is in flight, `timeout_s` at most: then KafkaUnavailable.

        Raises the first DeliveryFailed that nobody has seen by awaiting it.
        """
        deadline = self._loop.time() + timeout_s
        while waiting := len(self._client):
            if self._loop.time() >= deadline:
                raise self._not_flushed(waiting, timeout_s)
            await asyncio.sleep(POLL_S)
            self._hear(partial(self._client.flush, 0))
        self._failures.raise_first()

    async def close(self, timeout_s: float = 30.0) -> None:
        """Flush, then let go of the connections; raises as `flush` does, closed nonetheless. Twice is once."""
        if self._closed:
            return
        try:
            await self.flush(timeout_s)
        finally:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._hear(self._client.purge)
            await asyncio.to_thread(self._hear, self._client.close)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _wait_for_room(self, pending: AwaitableDelivery, value: bytes | None, headers: Headers | None) -> None:
        deadline = self._loop.time() + self._options.delivery_timeout_s
        while self._loop.time() < deadline:
            await asyncio.sleep(POLL_S)
            self._hear(partial(self._client.poll, 0))
            if self._offer(pending, value, headers):
                return
        raise self._no_room()

    def _collect(self) -> None:
        self._hear(partial(self._client.poll, 0))
        self._timer = self._loop.call_later(POLL_S, self._collect) if len(self._client) else None
