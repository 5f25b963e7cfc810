"""The topic as a worker reads it: all of it first, then what comes, and on from there after an error."""

import queue
from collections.abc import AsyncIterator
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.alerting import tail as tail_module
from shopnow_streams.alerting.records import AlertRecords
from shopnow_streams.alerting.tail import Tail
from shopnow_streams.alerts.register import Recorded
from shopnow_streams.alerts.transition import encode
from shopnow_streams.topics import ALERTS
from tests.fakes import Record
from tests.unit.alerting.conftest import until
from tests.unit.alerts.facts import transition

LOW = transition("low-stock", "1597", "raised")
HIGH = transition("low-stock", "1597", "resolved")
EOF = Record(9, failure=KafkaError(KafkaError._PARTITION_EOF), at=(ALERTS, 0))


class Client:
    """librdkafka's consumer; the records that it has for one `consume` after the other."""

    def __init__(self) -> None:
        self.coming: queue.Queue[list[Record]] = queue.Queue()
        self.assigned: list[int] = []
        self.closed = 0

    def __call__(self, *_: Any, **__: Any) -> "Client":
        return self

    def assign(self, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self.assigned += [at.offset for at in partitions]

    def consume(self, count: int, timeout_s: float) -> list[Record]:
        if count > 1:
            return []
        try:
            return self.coming.get(timeout=min(timeout_s, 0.01))
        except queue.Empty:
            return []

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    monkeypatch.setattr(confluent_kafka, "Consumer", client)
    monkeypatch.setattr(tail_module, "_AGAIN_S", 0.01)
    return client


@pytest.fixture
async def tail(client: Client) -> AsyncIterator[Tail]:
    tail = Tail({})
    await tail.start()
    yield tail
    await tail.stop()


def record(offset: int, value: bytes | None, key: bytes = b"low-stock:1597") -> Record:
    return Record(offset, value, key, (ALERTS, 0))


async def test_what_was_there_before_is_known_and_what_comes_is_told(client: Client, tail: Tail) -> None:
    told: list[Recorded] = []
    tail.on_records = told.extend
    client.coming.put([record(3, encode(LOW))])
    await until(lambda: tail.register.open)
    assert not tail.whole
    client.coming.put([EOF])
    await until(lambda: tail.whole)
    assert told == []
    client.coming.put([record(5, encode(HIGH)), record(6, None, b"low-stock:2")])
    await until(lambda: told)
    assert told == [Recorded(5, "low-stock:1597", HIGH), Recorded(6, "low-stock:2", None)]
    assert (tail.register.open, list(tail.register.resolved)) == ({}, ["low-stock:1597"])


async def test_after_an_error_it_reads_on_from_where_it_was(client: Client, tail: Tail) -> None:
    client.coming.put([record(3, encode(LOW)), EOF])
    await until(lambda: tail.whole)
    client.coming.put([Record(0, failure=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed"))])
    await until(lambda: len(client.assigned) == 2)
    assert client.assigned[1] == 4
    client.coming.put([record(5, encode(HIGH))])
    await until(lambda: not tail.register.open)
    await until(lambda: client.closed == 1)


async def test_stopped_it_closes_its_client(client: Client) -> None:
    tail = Tail({})
    await tail.start()
    await until(lambda: client.assigned)
    await tail.stop()
    await until(lambda: client.closed)


@pytest.mark.parametrize("value", [b"", b"{", b'{"id": "low-stock:1597"}', b"[]"])
def test_what_somebody_else_wrote_is_left_out_and_logged(
    client: Client, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client.coming.put([record(3, value), record(4, encode(LOW), b"\xff"), record(5, encode(LOW))])
    assert AlertRecords({}).fetch(1) == [Recorded(5, "low-stock:1597", LOW)]
    assert "alertes 3 is no transition" in caplog.text
    assert "alertes 4 is no transition" in caplog.text


def test_the_end_is_only_where_nothing_comes_after_it(client: Client) -> None:
    records = AlertRecords({})
    client.coming.put([EOF, record(9, encode(LOW))])
    records.fetch(1)
    assert not records.at_end
    client.coming.put([record(10, encode(LOW)), EOF])
    records.fetch(1)
    assert records.at_end


def test_an_outage_passes_and_a_refusal_is_raised(client: Client) -> None:
    records = AlertRecords({})
    client.coming.put([Record(0, failure=KafkaError(KafkaError._TRANSPORT, "away"))])
    assert records.fetch(1) == []
    client.coming.put([Record(0, failure=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed"))])
    with pytest.raises(KafkaException, match="not allowed"):
        records.fetch(1)
