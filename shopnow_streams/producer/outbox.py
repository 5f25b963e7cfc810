"""What both producers are before one of them blocks and the other awaits: a checked event, and a client to take it."""

from collections.abc import Callable

from confluent_kafka import KafkaException

from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.events import Event
from shopnow_streams.kafka_callbacks import calling_back
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.producer.actions import Sent, ShopActions
from shopnow_streams.producer.client import Client, ProducerOptions, reason_of
from shopnow_streams.producer.pending import Failures, Pending, delivery_failed
from shopnow_streams.producer.records import Headers, Record, record_of, unchecked_record_of

POLL_EVERY = 256  # sends

logger = get_logger(__name__)


class Outbox(ShopActions[Sent]):
    """Events on their way out. Never waits; it is open once it has a client."""

    def __init__(self, options: ProducerOptions) -> None:
        self._options = options
        self._record_of: Callable[[Event], Record] = record_of if options.validate else unchecked_record_of
        self._failures = Failures()
        self._sends = 0

    def _open(self, client: Client) -> None:
        self._client = client.producer
        self._produce = self._client.produce

    def in_flight(self) -> int:
        """Events sent and not acknowledged yet, about."""
        return len(self._client)

    def _hear(self, call: Callable[[], object]) -> None:
        """Have the client hand over its delivery reports, by `call`.

        An error that ends the client is logged and no more: what is in flight fails by its own reports, and what is
        sent from then on is refused, so that each sender is told, and nobody who only happened to call.
        """
        try:
            with calling_back():
                call()
        except KafkaException as error:
            if not error.args[0].fatal():
                raise
            logger.error("this producer is of no more use, make another: {error}", error=reason_of(error))  # noqa: TRY400

    def _offer(self, pending: Pending, value: bytes | None, headers: Headers | None) -> bool:
        """Hand a record to the client; False where its queue is full. Raises DeliveryFailed where it is refused."""
        try:
            self._produce(pending.topic, value, pending.key, -1, pending.settle, headers=headers or [])
        except BufferError:
            return False
        except KafkaException as error:
            raise delivery_failed(pending.topic, pending.key, error) from error
        return True

    def _no_room(self) -> KafkaUnavailable:
        return KafkaUnavailable(
            f"no room for another event within {self._options.delivery_timeout_s:g} s: "
            f"{len(self._client)} wait for Kafka to acknowledge them"
        )

    def _not_flushed(self, waiting: int, timeout_s: float) -> KafkaUnavailable:
        return KafkaUnavailable(f"{waiting} events still wait for an acknowledgement after {timeout_s:g} s")
