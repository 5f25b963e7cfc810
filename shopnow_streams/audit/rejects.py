"""The reject topic to a file: which records of which topics the workers set aside, and how often."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from shopnow_streams.audit.files import RowFile
from shopnow_streams.audit.rows import REJECTIONS, counts
from shopnow_streams.audit.snapshot import Snapshot, standing
from shopnow_streams.delivery.transient import passes
from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.topics import REJECTS

SCHEMA = pa.schema([("partition", pa.int32()), ("key", pa.string()), ("reason", pa.string())])
"""A row a record of the topic; the key is `topic offset` of what was rejected."""

STRANGERS = -1
"""The partition of what stands in the topic and says of no record that it was rejected."""

SENT_WITHIN_S = 30.0
"""An outage of Kafka aside, a rejected record is sent with the next flush."""

_PAUSE_S = 1.0
_IDLE_S = 30.0


@dataclass(frozen=True)
class Rejects:
    """`file` has `count` rows. Not `whole`: retention deleted older ones."""

    file: Path
    count: int
    whole: bool


def complete_rejects(
    connection: KafkaConnection, counted: Collection[Snapshot], file: Path, tell: Callable[[str], None]
) -> Rejects:
    """Read the topic until it has as many records as the workers `counted`, which they send within a second or so.

    What it lacks after that is for the comparison to name. Blocks; raises as `read_rejects`.
    """
    wanted = sum(_count(snapshot.file) for snapshot in counted)
    at = standing(counted, REJECTIONS.name)
    deadline = time.monotonic() + SENT_WITHIN_S
    while True:
        tell("reading the reject topic")
        found = read_rejects(connection, at, file)
        if found.count >= wanted or not found.whole or time.monotonic() > deadline:
            return found
        time.sleep(_PAUSE_S)


def _count(file: Path) -> int:
    """Of all topics and reasons in a file of `rejections`."""
    shown = pq.read_table(file, columns=["by_reason"])["by_reason"].to_pylist()
    return sum(sum(counts(text).values()) for text in shown)


def read_rejects(connection: KafkaConnection, standing: Mapping[int, Mapping[str, int]], file: Path) -> Rejects:
    """Read the topic, read-committed, up to its end of now: rejects of records below `standing` (by partition, topic).

    Blocks; raises KafkaUnavailable, and TopicMismatch where there is no such topic.
    """
    marks = KafkaAdmin(connection).watermarks(REJECTS)
    with RowFile(file, SCHEMA) as rows:
        for message in _records(connection, marks):
            row = _row(message, standing)
            if row is not None:
                rows.add(row)
    return Rejects(file, rows.count, whole=not any(first for first, _ in marks.values()))


def _row(message: Message, standing: Mapping[int, Mapping[str, int]]) -> tuple[int, str, str] | None:
    headers: Any = dict(message.headers() or [])
    try:
        topic, reason = headers["topic"].decode(), headers["reason"].decode()
        partition, offset = int(headers["partition"]), int(headers["offset"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return STRANGERS, f"{REJECTS} {message.partition()}:{message.offset()}", "no reject of ours"
    below = offset < standing.get(partition, {}).get(topic, 0)
    return (partition, f"{topic} {offset}", reason) if below else None


def _records(connection: KafkaConnection, marks: Mapping[int, tuple[int, int]]) -> Iterator[Message]:
    reading = {number for number, (first, end) in marks.items() if end > first}
    client = Consumer(
        {
            **connection.librdkafka(),
            "group.id": "unused: partitions are assigned, offsets are not committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": 8_192,
            "log_level": 0,
        }
    )
    try:
        client.assign([TopicPartition(REJECTS, number, marks[number][0]) for number in reading])
        last = time.monotonic()
        while reading:
            for message in client.consume(1_000, 0.2):
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    if not passes(error):
                        raise KafkaUnavailable(f"{REJECTS} can't be read: {error.str()}")
                    continue
                last = time.monotonic()
                if error is None:
                    yield message
                else:
                    reading.discard(message.partition() or 0)
            if time.monotonic() - last > _IDLE_S:
                raise KafkaUnavailable(f"Kafka at {connection.bootstrap} gives no more of {REJECTS}: try again")
    except KafkaException as error:
        raise KafkaUnavailable(f"{REJECTS} can't be read: {error.args[0].str()}") from error
    finally:
        client.close()
