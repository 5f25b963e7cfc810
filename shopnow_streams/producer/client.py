"""A librdkafka producer that has a broker to talk to: its settings, and the patience to wait for one."""

import re
import time
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_exponential

from shopnow_streams.errors import KafkaUnavailable, SettingsError
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.logs.repeats import HOW_LONG

ATTEMPT_S = 2.0
QUIET_S = 30.0  # a complaint that is repeated is logged so often

_NOISE = re.compile(rf"^\S+/(bootstrap|\d+): |{HOW_LONG}")  # which broker object, and for how long

logger = get_logger(__name__)


@dataclass(frozen=True)
class ProducerOptions:
    """How patient a producer is, and how much it holds."""

    connect_timeout_s: float = 30.0
    """How long to try for a first answer at start."""
    delivery_timeout_s: float = 120.0
    """How long an event may wait for its acknowledgement, and a sender for room in a full queue."""
    linger_ms: float = 5.0
    """How long an event waits for others to share its batch."""
    queue_events: int = 200_000
    """Events held at most, unacknowledged; a sender waits beyond that."""
    queue_mib: int = 256
    validate: bool = True
    """Whether `send` checks an event as its consumers will: 0.7 µs each."""
    client_id: str = "shopnow"


DEFAULTS = ProducerOptions()


class Client:
    """A connected `confluent_kafka.Producer`, and the last thing that its connections complained of."""

    def __init__(self, connection: KafkaConnection, options: ProducerOptions) -> None:
        """Connect. Blocks up to `connect_timeout_s`, then raises KafkaUnavailable; SettingsError on bad settings."""
        self.last_error = ""
        self._logged_at = float("-inf")
        settings = connection.librdkafka() | {
            "client.id": options.client_id,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": options.linger_ms,
            "message.timeout.ms": round(options.delivery_timeout_s * 1_000),
            "queue.buffering.max.messages": options.queue_events,
            "queue.buffering.max.kbytes": options.queue_mib * 1_024,
            # As Java and aiokafka do, so that a key has one partition whoever sends it (librdkafka's own is CRC32).
            "partitioner": "murmur2_random",
            # Its default doubles up to 10 s: a broker that came back would go unnoticed that long.
            "reconnect.backoff.max.ms": 1_000,
            "error_cb": self._complain,
            "log_level": 2,  # what a connection has to say comes through error_cb, and less often
        }
        try:
            self.producer = Producer(settings, logger=logger.logger.getChild("librdkafka"))
        except KafkaException as error:
            raise SettingsError(f"librdkafka refuses the Kafka settings: {reason_of(error)}") from error
        self._await_answer(connection, options.connect_timeout_s)

    def _await_answer(self, connection: KafkaConnection, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        retrying = Retrying(
            retry=retry_if_exception_type(KafkaException),
            wait=wait_exponential(multiplier=0.1, max=2.0),
            stop=stop_before_delay(timeout_s),
            before_sleep=lambda state: self._log_attempt(connection, state),
            reraise=True,
        )
        try:
            retrying(self._ask, deadline)
        except KafkaException as error:
            raise KafkaUnavailable(
                f"no Kafka broker answered at {connection.bootstrap} within {timeout_s:g} s "
                f"({self.last_error or reason_of(error)}): start it with `make up`, or set SHOPNOW_KAFKA"
            ) from error

    def _ask(self, deadline: float) -> None:
        try:
            self.producer.list_topics(timeout=max(0.01, min(ATTEMPT_S, deadline - time.monotonic())))
        finally:
            self.producer.poll(0)  # hands over what the connections complained of

    def _log_attempt(self, connection: KafkaConnection, state: RetryCallState) -> None:
        logger.warning(
            "Kafka at {bootstrap} does not answer yet (try {attempt}: {error}); again in {wait_s:.1f} s",
            bootstrap=connection.bootstrap,
            attempt=state.attempt_number,
            error=self.last_error or "no answer",
            wait_s=state.upcoming_sleep,
        )

    def _complain(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            return  # a consequence; the cause was told before it
        said = _NOISE.sub("", error.str())
        if said != self.last_error or time.monotonic() - self._logged_at > QUIET_S:
            logger.warning("Kafka: {error}", error=said)
            self._logged_at = time.monotonic()
        self.last_error = said


def reason_of(error: KafkaException | KafkaError) -> str:
    """What librdkafka says, without its wrapping."""
    inner = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return f"{inner.str().strip()} ({inner.name()})" if isinstance(inner, KafkaError) else str(inner)
