"""What Kafka's log answers about offsets, and what the one in memory answers that stands for it in tests."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shopnow_streams.archive.log import NEAR, KafkaLog, Log
from shopnow_streams.errors import KafkaUnavailable, OffsetsLost
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import free_ports
from sinks.chain import Range
from tests.unit.archive.shelf import TOPIC, MemoryLog, make_records

RECORDS = [0, 1, 2, 3, 4, 6, 7, 8, 12, 13, 14, 15]
"""5, 9 and 16 are markers of commits; 10 was of a transaction that was aborted, 11 is its marker; 17 is the end."""


class Filled:
    """A log with `RECORDS` and `MARKERS` in partition 0 of `topic`."""

    def __init__(self, log: Log, topic: str, let_go: Callable[[int], None]) -> None:
        self.log, self.topic, self.let_go = log, topic, let_go

    def holding(self, *ranges: tuple[int, int]) -> list[Range]:
        return self.log.holding(self.topic, 0, [Range(*each) for each in ranges])

    def offsets(self, first: int, after: int) -> list[int]:
        return [offset for some in self.log.records(self.topic, 0, Range(first, after)) for offset in some.offsets]


@pytest.fixture(params=["memory", "kafka"])
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    if request.param == "memory":
        log = MemoryLog(TOPIC, {0: make_records(RECORDS)})
        log.go_on(0, 17)
        yield Filled(log, TOPIC, lambda below: log.let_go(0, below))
        return
    broker: KafkaBroker = request.getfixturevalue("kafka")
    topic = f"log-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    fill(broker.bootstrap, topic)

    def let_go(below: int) -> None:
        at = TopicPartition(topic, 0, below)
        admin.delete_records([at])[at].result(30)

    with KafkaLog(KafkaConnection(broker.bootstrap)) as real:
        yield Filled(real, topic, let_go)


def fill(bootstrap: str, topic: str) -> None:
    records = make_records(range(20))
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(30)

    def transaction(count: int, start: int, *, commit: bool) -> None:
        producer.begin_transaction()
        for number in range(start, start + count):
            at, key, value = records.timestamps_ms[number], records.keys[number], records.values[number]
            producer.produce(topic, value, key, 0, timestamp=at)
        producer.flush(30)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)

    transaction(5, 0, commit=True)
    transaction(3, 6, commit=True)
    transaction(1, 10, commit=False)
    transaction(4, 12, commit=True)


def test_the_bounds_are_those_of_the_log(filled: Filled) -> None:
    assert dict(filled.log.bounds(filled.topic)) == {0: Range(0, 17)}
    filled.let_go(8)
    assert filled.log.bounds(filled.topic)[0] == Range(8, 17)
    assert not filled.log.bounds("no-such-topic")


def test_ranges_that_hold_a_committed_record_are_told_from_those_that_do_not(filled: Filled) -> None:
    assert filled.holding((0, 1), (4, 6), (5, 6), (5, 7), (9, 12), (9, 13), (15, 17), (16, 17)) == [
        Range(0, 1),
        Range(4, 6),
        Range(5, 7),
        Range(9, 13),
        Range(15, 17),
    ]
    assert filled.holding() == []
    assert filled.holding((16, 17), (17, 40)) == []
    assert filled.holding((3, 4)) == [Range(3, 4)], "going back after the end was seen"


def test_the_records_of_a_range_are_all_that_were_committed_in_it(filled: Filled) -> None:
    assert filled.offsets(0, 17) == RECORDS
    assert filled.offsets(4, 8) == [4, 6, 7]
    assert filled.offsets(9, 12) == []
    assert filled.offsets(16, 17) == []
    assert filled.offsets(7, 8) == [7]


def test_records_come_with_their_bytes_and_moments(filled: Filled) -> None:
    (some,) = filled.log.records(filled.topic, 0, Range(6, 8))
    assert some == make_records([6, 7])


def test_what_retention_took_is_said_and_not_passed_over(filled: Filled) -> None:
    filled.let_go(8)
    with pytest.raises(OffsetsLost):
        filled.offsets(6, 12)
    with pytest.raises(OffsetsLost):
        filled.holding((6, 12))
    assert filled.offsets(8, 13) == [8, 12]


def test_ranges_far_apart_are_jumped_between(kafka: KafkaBroker) -> None:
    topic = f"log-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    count = 5 * NEAR
    for number in range(count):
        producer.produce(topic, b"%d" % number, None, 0)
    assert producer.flush(30) == 0
    with KafkaLog(KafkaConnection(kafka.bootstrap)) as log:
        wanted = [Range(first, first + 1) for first in (0, 10, NEAR, 4 * NEAR, count - 1)]
        assert log.holding(topic, 0, [*wanted, Range(count, count + 5)]) == wanted
        batches = list(log.records(topic, 0, Range(1, count)))
        assert len(batches) > 1
        assert [offset for some in batches for offset in some.offsets] == list(range(1, count))
        assert batches[-1].values[-1] == b"%d" % (count - 1)


def test_a_broker_that_is_not_there_is_an_error_in_time() -> None:
    (port,) = free_ports(1)
    with KafkaLog(KafkaConnection(f"127.0.0.1:{port}"), timeout_s=1) as log, pytest.raises(KafkaUnavailable):
        list(log.records(TOPIC, 0, Range(0, 1)))
