"""A ledger that was not closed, made whole from what Kafka has.

After `kill -9`, or a delivery that failed in doubt, nobody but Kafka knows which of the last events it has. Every
record of a simulator carries its ledger's id, so they can be read back and counted.
"""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from shopnow_streams.errors import EventRejected, KafkaUnavailable, OffsetsLost
from shopnow_streams.events import decode
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.simulator.ledger import Ledger
from shopnow_streams.topics import Topic

HEADER = "shopnow-ledger"
SETTLE_S = 1.0
SILENCE_S = 30.0


def ends(connection: KafkaConnection) -> dict[str, dict[int, int]]:
    """Where each partition of the five topics ends now. Blocks; raises KafkaUnavailable, TopicMismatch."""
    admin = KafkaAdmin(connection)
    return {str(topic): {partition: end for partition, (_, end) in admin.watermarks(topic).items()} for topic in Topic}


def recount(connection: KafkaConnection, ledger: Ledger) -> int:
    """Count the ledger's records that Kafka has from `next_offsets` on; how many there were.

    The producer that sent them must be gone. Blocks while it reads. Raises KafkaUnavailable; OffsetsLost where Kafka
    no longer has everything since `next_offsets`.
    """
    found = _count_to(connection, ledger, ends(connection))
    # A request that the broker had received when its sender died may still be on its way into the log.
    time.sleep(SETTLE_S)
    return found + _count_to(connection, ledger, ends(connection))


def _count_to(connection: KafkaConnection, ledger: Ledger, until: dict[str, dict[int, int]]) -> int:
    admin = KafkaAdmin(connection)
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for topic, partitions in until.items():
        lows = {partition: low for partition, (low, _) in admin.watermarks(topic).items()}
        for partition, end in partitions.items():
            start = ledger.next_offsets.get(topic, {}).get(partition, 0)
            if start < lows[partition] or start > end:
                raise OffsetsLost(
                    f"the ledger counted {topic}/{partition} up to offset {start}, and Kafka has "
                    f"{lows[partition]} to {end}: the topic was recreated or trimmed, so begin a new ledger",
                    topic,
                    partition,
                )
            if start < end:
                spans[topic, partition] = (start, end)
    mark = ledger.id.encode()
    found = 0
    for message in _read(connection, spans):
        if (HEADER, mark) in (message.headers() or ()):
            found += 1
            topic = str(message.topic())
            try:
                ledger.take(topic, decode(topic, message.value()))
            except EventRejected:
                ledger.take_malformed(topic)
    for (topic, partition), (_, end) in spans.items():
        ledger.counted(topic, partition, end - 1)
    return found


def _read(connection: KafkaConnection, spans: dict[tuple[str, int], tuple[int, int]]) -> Iterator[Message]:
    """The records in each span of offsets."""
    consumer = Consumer(
        connection.librdkafka()
        | {
            "group.id": "shopnow-recount",  # librdkafka asks for one; nothing is committed
            "enable.auto.commit": "false",
            "enable.partition.eof": "true",
            "isolation.level": "read_uncommitted",  # ours are in no transaction, and one of others must not hide them
            "log_level": "0",
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, start) for (topic, partition), (start, _) in spans.items()])
        left = set(spans)
        heard_at = time.monotonic()
        while left:
            messages = consumer.consume(10_000, 0.5)
            if messages:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > SILENCE_S:
                raise KafkaUnavailable(f"Kafka sent nothing for {SILENCE_S:.0f} s while {sorted(left)} were to be read")
            for message in messages:
                at = (str(message.topic()), int(message.partition() or 0))
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        left.discard(at)
                    elif not error.retriable():
                        raise KafkaUnavailable(f"{at} could not be read: {error.str()}") from KafkaException(error)
                    continue
                _, end = spans[at]
                offset = int(message.offset() or 0)
                if offset < end:
                    yield message
                if offset >= end - 1:
                    left.discard(at)
    finally:
        consumer.close()
