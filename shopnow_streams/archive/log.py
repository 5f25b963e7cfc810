"""Kafka's own log, as far as it still goes back: what an archive is compared with, and mended from."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from shopnow_streams.delivery.transient import passes
from shopnow_streams.errors import KafkaUnavailable, OffsetsLost, TopicMismatch
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from sinks.chain import Range
from sinks.segments import Records

NEAR = 2_000
"""Offsets that are rather read over than jumped: a jump empties the client's queue."""

FETCH_RECORDS = 2_000
TIMEOUT_S = 30.0


class Log(Protocol):
    """Committed records of Kafka. Every method blocks and may raise KafkaUnavailable."""

    def bounds(self, topic: str) -> Mapping[int, Range]:
        """First offset and end of each partition; empty where there is no such topic."""

    def holding(self, topic: str, partition: int, ranges: Sequence[Range]) -> list[Range]:
        """Those of `ranges`, which are in order and not below the first offset, in which there is a record.

        OffsetsLost where retention overtakes the reading.
        """

    def records(self, topic: str, partition: int, wanted: Range) -> Iterator[Records]:
        """The records in that range, some at a time. OffsetsLost as above."""


class KafkaLog:
    """`Log` of real brokers, read as the archive reads it: what was committed. Not for two threads at once."""

    def __init__(self, connection: KafkaConnection, *, timeout_s: float = TIMEOUT_S) -> None:
        self._admin = KafkaAdmin(connection)
        self._bootstrap = connection.bootstrap
        self._timeout_s = timeout_s
        self._client = confluent_kafka.Consumer(
            {
                **connection.librdkafka(),
                "group.id": "unused: partitions are assigned, offsets are not committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 8_192,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )

    def __enter__(self) -> "KafkaLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def bounds(self, topic: str) -> dict[int, Range]:
        """See `Log`."""
        try:
            return {number: Range(*marks) for number, marks in self._admin.watermarks(topic).items()}
        except TopicMismatch:
            return {}
        except KafkaException as error:
            raise self._unavailable(error.args[0]) from error

    def holding(self, topic: str, partition: int, ranges: Sequence[Range]) -> list[Range]:
        """See `Log`."""
        found: list[Range] = []
        messages: Iterator[Message] = iter(())
        at: int | None = None  # the offset of the first record at or above the range before
        for each in ranges:
            if at is None or (at < each.first and each.first - at > NEAR):
                messages = self._from(topic, partition, each.first)
                at = _offset(next(messages, None))
            while at < each.first:
                at = _offset(next(messages, None))
            if at < each.next:
                found.append(each)
        return found

    def records(self, topic: str, partition: int, wanted: Range) -> Iterator[Records]:
        """See `Log`."""
        taken = Records([], [], [], [])
        for message in self._from(topic, partition, wanted.first):
            offset = _offset(message)
            if offset >= wanted.next:
                break
            taken.offsets.append(offset)
            taken.timestamps_ms.append(message.timestamp()[1])
            taken.keys.append(message.key())
            taken.values.append(message.value())
            if len(taken) >= FETCH_RECORDS:
                yield taken
                taken = Records([], [], [], [])
        if len(taken):
            yield taken

    def _from(self, topic: str, partition: int, offset: int) -> Iterator[Message]:
        """Records from `offset` to the log's end as it is when it is reached."""
        self._client.assign([TopicPartition(topic, partition, offset)])
        waiting: deque[Message] = deque()
        deadline = time.monotonic() + self._timeout_s
        while True:
            if not waiting:
                waiting.extend(self._client.consume(1, 0.5) or self._still(deadline))
                waiting.extend(self._client.consume(FETCH_RECORDS, 0))
                continue
            message = waiting.popleft()
            error = message.error()
            if error is None:
                deadline = time.monotonic() + self._timeout_s
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise OffsetsLost(
                    f"{topic} partition {partition}: Kafka let go of offset {offset} while it was read: verify again",
                    topic,
                    partition,
                )
            elif not passes(error):
                raise self._unavailable(error)

    def _still(self, deadline: float) -> list[Message]:
        if time.monotonic() > deadline:
            raise self._unavailable(None)
        return []

    def _unavailable(self, error: KafkaError | None) -> KafkaUnavailable:
        said = error.str() if error is not None else f"nothing came within {self._timeout_s:.0f} s"
        return KafkaUnavailable(f"Kafka at {self._bootstrap} can't be read: {said}")


def _offset(message: Message | None) -> int:
    """Of a record; beyond all offsets where there is none any more."""
    return 2**63 if message is None else message.offset() or 0
