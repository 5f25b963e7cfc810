"""Where the five topics end just now: what facts have to reach to be as of now."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from shopnow_streams.alerts.covered import Ends
from shopnow_streams.logs.librdkafka import librdkafka_logger
from shopnow_streams.topics import Topic

_TIMEOUT_S = 5.0


class TopicEnds:
    """Asked by one client. Blocks `_TIMEOUT_S` at most; raises KafkaException where Kafka does not answer."""

    def __init__(self, librdkafka: Mapping[str, str], partitions: int) -> None:
        self._admin = AdminClient(dict(librdkafka), logger=librdkafka_logger(__name__))
        latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        self._asked = {TopicPartition(str(topic), number): latest for topic in Topic for number in range(partitions)}

    def __call__(self) -> Ends:
        """The end of what is committed, by topic and partition."""
        futures = self._admin.list_offsets(
            dict(self._asked), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_TIMEOUT_S
        )
        ends: dict[str, dict[int, int]] = {}
        for at, future in futures.items():
            ends.setdefault(at.topic, {})[at.partition] = future.result(_TIMEOUT_S).offset
        return ends
