"""The topics as they are on the brokers: list, create, describe, and refuse what the tables can't work with."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata
from confluent_kafka.cimpl import NewTopic

from shopnow_streams.errors import KafkaUnavailable, TopicMismatch
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.topics import ALERTS, ALERTS_KEPT_DAYS, REJECT_MAX_BYTES, REJECTS, Topic

_KEPT_MS = ALERTS_KEPT_DAYS * 86_400_000
_CONFIG = {
    REJECTS: {"max.message.bytes": str(REJECT_MAX_BYTES)},
    # whoever reads once a week sees each transition, and a deleted alert's last word is there as long
    ALERTS: {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(_KEPT_MS),
        "delete.retention.ms": str(_KEPT_MS),
    },
}
_PARTITIONS = {ALERTS: 1}
_UNSETTLED = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
OURS = (*(str(topic) for topic in Topic), REJECTS, ALERTS)
TIMEOUT_S = 10.0
REFUSED_S = 2.0
"""Waited for where nothing listens at any address: that is an answer, and mostly a Kafka that is not started."""


@dataclass(frozen=True)
class TopicState:
    """One topic on the brokers; `offsets` is its ends less its beginnings: records, and the markers of transactions."""

    name: str
    partitions: int
    replication_factor: int
    offsets: int


class KafkaAdmin:
    """Administration of our topics. Every method blocks, `timeout_s` at most, and raises KafkaUnavailable after it.

    Where all brokers refuse connections that is after `refused_s`.
    """

    def __init__(
        self, connection: KafkaConnection, timeout_s: float = TIMEOUT_S, *, refused_s: float = REFUSED_S
    ) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._refused_s = min(refused_s, timeout_s)
        self._admin = AdminClient(
            # a broker that is only just starting is found within a second, not ten
            {**connection.librdkafka(), "log_level": 0, "reconnect.backoff.max.ms": 1_000}
        )

    def topics(self, internal: bool = False) -> list[TopicState]:
        """All topics, or all but Kafka's own, by name."""
        found = self._metadata().topics
        names = sorted(name for name in found if internal or not name.startswith("__"))
        with _asking(self._connection) as client:
            return [
                TopicState(
                    name,
                    len(found[name].partitions),
                    len(next(iter(found[name].partitions.values())).replicas) if found[name].partitions else 0,
                    sum(self._offsets(client, name, number) for number in found[name].partitions),
                )
                for name in names
            ]

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        """First offset and end of each partition. Raises TopicMismatch where there is no such topic."""
        found = self._metadata(topic).topics[topic]
        if found.error is not None:
            raise TopicMismatch(f"there is no topic {topic}: `shopnow topics create` makes ours")
        with _asking(self._connection) as client:
            return {
                number: client.get_watermark_offsets(TopicPartition(topic, number), timeout=self._timeout_s)
                for number in sorted(found.partitions)
            }

    def create(self, partitions: int, replication_factor: int) -> list[str]:
        """Make those of our topics that are missing; their names. Raises TopicMismatch where one has other partitions.

        Safe to be called by several workers at once.
        """
        found = self._metadata().topics
        missing = [name for name in OURS if name not in found]
        made = (
            self._admin.create_topics(
                [
                    NewTopic(name, _PARTITIONS.get(name, partitions), replication_factor, config=_CONFIG.get(name, {}))
                    for name in missing
                ],
                operation_timeout=self._timeout_s,
            )
            if missing
            else {}
        )
        for name, result in made.items():
            try:
                result.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise TopicMismatch(f"topic {name} could not be created: {error.args[0].str()}") from error
        counts = {str(topic): len(found[topic].partitions) for topic in Topic if topic in found}
        wrong = {name: count for name, count in counts.items() if count != partitions}
        if wrong:
            raise TopicMismatch(
                "; ".join(f"topic {name} has {count} partitions" for name, count in wrong.items())
                + f", but the tables expect {partitions} of each of the five: set SHOPNOW_PARTITIONS to what they "
                "have (all five alike), or recreate the topics"
            )
        return missing

    def group_offsets(self, group: str) -> dict[tuple[str, int], int]:
        """What a consumer group committed of our five topics, by topic and partition.

        Asked by a client that names the group and does not join it. An admin client's question about a group that the
        broker does not know yet ends the process (https://github.com/confluentinc/librdkafka/issues/5040).
        """
        found = self._metadata().topics
        try:
            asked = [
                TopicPartition(str(topic), number)
                for topic in Topic
                if str(topic) in found
                for number in found[str(topic)].partitions
            ]
            with _asking(self._connection, group) as client:
                committed = committed_of(client, asked, self._timeout_s) if asked else []
        except KafkaException as error:
            raise self._unavailable() from error
        return {(at.topic, at.partition): at.offset for at in committed if at.offset >= 0}

    def _metadata(self, topic: str | None = None) -> ClusterMetadata:
        """What the brokers have. librdkafka tries again and again until an answer comes or the time is over."""
        deadline = time.monotonic() + self._timeout_s
        named = () if topic is None else (topic,)
        try:
            return self._admin.list_topics(*named, timeout=self._refused_s)
        except KafkaException as error:
            if all(map(_refuses, self._connection.brokers)):
                raise KafkaUnavailable(
                    f"no Kafka broker listens at {self._connection.bootstrap}: start it with `make up`, or set "
                    "SHOPNOW_KAFKA"
                ) from error
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise self._unavailable() from error
        try:
            return self._admin.list_topics(*named, timeout=left_s)
        except KafkaException as error:
            raise self._unavailable() from error

    def _unavailable(self) -> KafkaUnavailable:
        return KafkaUnavailable(
            f"no Kafka broker answered at {self._connection.bootstrap} within {self._timeout_s:.0f} s: "
            "start it with `make up`, or set SHOPNOW_KAFKA"
        )

    def _offsets(self, client: Consumer, topic: str, partition: int) -> int:
        low, high = client.get_watermark_offsets(TopicPartition(topic, partition), timeout=self._timeout_s)
        return int(high - low)


def committed_of(client: Consumer, asked: list[TopicPartition], timeout_s: float) -> list[TopicPartition]:
    """What the client's group committed there.

    Who coordinates groups is open for a while on a broker that has had none yet: it is asked again until it is settled.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return client.committed(asked, timeout=max(0.1, deadline - time.monotonic()))
        except KafkaException as error:
            if error.args[0].code() not in _UNSETTLED or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _refuses(broker: str) -> bool:
    """Whether the host of `host:port` says that nothing listens there. Blocks for a second at most."""
    host, _, port = broker.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def _asking(connection: KafkaConnection, group: str = "shopnow-look") -> Iterator[Consumer]:
    """A client that only asks for offsets."""
    client = Consumer({**connection.librdkafka(), "group.id": group, "enable.auto.commit": False, "log_level": 0})
    try:
        yield client
    finally:
        client.close()
