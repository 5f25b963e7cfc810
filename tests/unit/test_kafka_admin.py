"""How long an answer of Kafka is waited for: where nothing listens, not as long as where it is only slow."""

import socket
import time
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.kafka_admin import KafkaAdmin, committed_of
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.ports import free_ports

TIMEOUT_S, REFUSED_S = 1.5, 0.3


def waited(bootstrap: str) -> tuple[float, str]:
    """Seconds, and what was said at their end."""
    admin = KafkaAdmin(KafkaConnection(bootstrap), TIMEOUT_S, refused_s=REFUSED_S)
    began = time.monotonic()
    with pytest.raises(KafkaUnavailable) as caught:
        admin.topics()
    return time.monotonic() - began, str(caught.value)


def test_where_nothing_listens_that_is_said_soon() -> None:
    one, other = free_ports(2)
    took_s, said = waited(f"127.0.0.1:{one},127.0.0.1:{other}")
    assert REFUSED_S <= took_s < TIMEOUT_S
    assert said.startswith(f"no Kafka broker listens at 127.0.0.1:{one},127.0.0.1:{other}: start it with `make up`")


def test_one_that_listens_has_all_the_time_though_others_refuse() -> None:
    (refusing,) = free_ports(1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        took_s, said = waited(f"127.0.0.1:{refusing},127.0.0.1:{silent.getsockname()[1]}")
    assert took_s >= TIMEOUT_S - 0.05
    assert "answered at" in said


class Coordinator:
    """A group's client, that is told these codes before it is answered."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def committed(self, asked: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert 0 < timeout <= TIMEOUT_S
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        return asked


def test_a_coordinator_that_is_not_settled_is_asked_again() -> None:
    asked = [TopicPartition("produit-consulte", 0)]
    client: Any = Coordinator(KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    assert committed_of(client, asked, TIMEOUT_S) == asked
    refused: Any = Coordinator(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        committed_of(refused, asked, TIMEOUT_S)
