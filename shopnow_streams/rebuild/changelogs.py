"""The changelogs that a rebuild writes: made anew, and only while no worker is at them."""

import time
from collections.abc import Collection

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shopnow_streams.errors import KafkaUnavailable, RebuildRefused
from shopnow_streams.kafka_config import KafkaConnection

TIMEOUT_S = 15.0
GONE_WITHIN_S = 30.0


class Changelogs:
    """The changelog topics of the application `application_id`. Every method blocks and raises KafkaUnavailable."""

    def __init__(self, connection: KafkaConnection, application_id: str, topics: Collection[str]) -> None:
        self._bootstrap = connection.bootstrap
        self._application_id = application_id
        self._topics = sorted(topics)
        self._admin = AdminClient({**connection.librdkafka(), "log_level": 0})

    def refuse_workers(self) -> None:
        """Raises RebuildRefused where the application's group has members."""
        try:
            group = self._admin.describe_consumer_groups([self._application_id], request_timeout=TIMEOUT_S)
            described = group[self._application_id].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            raise self._unavailable(error) from error
        if described.state != ConsumerGroupState.EMPTY and described.members:
            raise RebuildRefused(
                f"the application {self._application_id} still has workers ({len(described.members)}): stop them, "
                "or rebuild under another SHOPNOW_APPLICATION_ID"
            )

    def existing(self) -> list[str]:
        """Those that are there."""
        try:
            found = self._admin.list_topics(timeout=TIMEOUT_S).topics
        except KafkaException as error:
            raise self._unavailable(error) from error
        return [topic for topic in self._topics if topic in found]

    def remove(self) -> None:
        """Delete those that are there, and wait until they are gone. Local stores notice: a topic has an id."""
        existing = self.existing()
        for topic, result in (
            self._admin.delete_topics(existing, operation_timeout=TIMEOUT_S) if existing else {}
        ).items():
            try:
                result.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise RebuildRefused(f"{topic} could not be deleted: {error.args[0].str()}") from error
        deadline = time.monotonic() + GONE_WITHIN_S
        while self.existing():
            if time.monotonic() > deadline:
                raise RebuildRefused(f"{', '.join(self.existing())} were deleted, but are still there: try again")
            time.sleep(0.1)

    def create(self, partitions: int, replication_factor: int) -> None:
        """Make them all, as Faust makes changelogs: compacted."""
        config = {"cleanup.policy": "compact"}
        topics = [NewTopic(topic, partitions, replication_factor, config=config) for topic in self._topics]
        for topic, result in self._admin.create_topics(topics, operation_timeout=TIMEOUT_S).items():
            try:
                result.result()
            except KafkaException as error:
                raise RebuildRefused(f"{topic} could not be created: {error.args[0].str()}") from error

    def _unavailable(self, error: KafkaException) -> KafkaUnavailable:
        return KafkaUnavailable(f"Kafka at {self._bootstrap} does not answer: {error.args[0].str()}")
