"""The topic `alertes`, read from a place on: what is committed, in order."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import confluent_kafka
import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from shopnow_streams.alerts.register import Recorded
from shopnow_streams.alerts.transition import decode
from shopnow_streams.delivery.transient import passes
from shopnow_streams.logs.librdkafka import librdkafka_logger
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.topics import ALERTS

logger = get_logger(__name__)

PARTITION = 0
_FETCH_RECORDS = 1_000
_CALL_TIMEOUT_S = 10.0


class AlertRecords:
    """Every method blocks and is called from one thread at a time. `at_end` is whether the last `fetch` came to it.

    With a `group` its committed offset is where it begins, and `commit` moves that. It joins no group.
    """

    def __init__(self, librdkafka: Mapping[str, str], group: str | None = None) -> None:
        self.at_end = False
        self._client = confluent_kafka.Consumer(
            {
                **librdkafka,
                "group.id": group or f"alerts-{uuid4()}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 500,
                "queued.max.messages.kbytes": 4_096,
            },
            logger=librdkafka_logger(__name__),
        )

    def begin(self, offset: int = OFFSET_BEGINNING) -> None:
        """Read from there on."""
        self._client.assign([TopicPartition(ALERTS, PARTITION, offset)])

    def begin_where_committed(self) -> None:
        """Read on from the group's offset; where it has none, from the end, which is committed at once.

        Raises KafkaException where Kafka does not answer.
        """
        (at,) = self._client.committed([TopicPartition(ALERTS, PARTITION)], timeout=_CALL_TIMEOUT_S)
        if at.error is not None:
            raise KafkaException(at.error)
        offset: int = at.offset
        if offset < 0:
            offset = self._client.get_watermark_offsets(at, timeout=_CALL_TIMEOUT_S)[1]
            self.commit(offset)
        self.begin(offset)

    def commit(self, offset: int) -> None:
        """What lies below is done with. Raises KafkaException where Kafka does not take it."""
        for at in self._client.commit(offsets=[TopicPartition(ALERTS, PARTITION, offset)], asynchronous=False) or ():
            if at.error is not None:
                raise KafkaException(at.error)

    def fetch(self, wait_s: float) -> list[Recorded]:
        """What came, after `wait_s` at most for a first record. Raises KafkaException where it can't be read."""
        messages = self._client.consume(1, wait_s)
        if messages:
            messages += self._client.consume(_FETCH_RECORDS - 1, 0)
        found = []
        self.at_end = False
        for message in messages:
            error = message.error()
            self.at_end = error is not None and error.code() == KafkaError._PARTITION_EOF
            if error is None:
                recorded = _recorded(message)
                if recorded is not None:
                    found.append(recorded)
            elif not self.at_end and not passes(error):
                raise KafkaException(error)
        return found

    def close(self) -> None:
        """Read no more."""
        self._client.close()


def _recorded(message: Any) -> Recorded | None:
    """None for a record that somebody else wrote; the log has it."""
    key, value = message.key(), message.value()
    try:
        transition = None if value is None else decode(value)
        return Recorded(message.offset(), (key or b"").decode(), transition)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        logger.warning(
            "{topic} {offset} is no transition of an alert, and left out: {error}",
            topic=ALERTS,
            offset=message.offset(),
            error=error,
        )
        return None
