"""The writer's transaction: whole, tried again while that can help, and given up or refused where it can't."""

from collections.abc import Callable
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.errors import WriterFenced
from shopnow_streams.topics import REJECT_MAX_BYTES, REJECTS
from tables import transactions
from tables.cut import Cut, Reject
from tables.writer import PartitionWriter

CHANGELOGS = {"stock": "shop-stock-changelog", "positions": "shop-positions-changelog"}
CUT = Cut(
    2,
    {"stock": [(b"1", b"one"), (b"2", b"two")], "positions": [(b"stock-mis-a-jour", b"9")]},
    {"stock-mis-a-jour": 9},
    [Reject("stock-mis-a-jour", 8, b"key", b"{", "not-json", "truncated")],
)

AWAY = KafkaException(KafkaError(KafkaError._TIMED_OUT, "away", retriable=True))
ABORT = KafkaException(KafkaError(KafkaError._PURGE_QUEUE, "a message timed out", txn_requires_abort=True))
FOR_GOOD = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed"))
FENCED = KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))


class FakeProducer:
    """librdkafka's transactional producer. `troubles` are raised by the calls they are named after, in turn."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.troubles: list[tuple[str, Exception]] = []
        self.calls: list[str] = []
        self.sent: list[tuple[str, bytes | None, bytes | None, int, dict[str, bytes]]] = []
        self.committed: list[tuple[str, bytes | None, bytes | None, int, dict[str, bytes]]] = []
        self.waiting: list[tuple[Callable[..., None], Any, str]] = []
        self.offset = 100
        self.on_trouble: Callable[[], None] = lambda: None

    def __call__(self, config: dict[str, Any], **_: Any) -> "FakeProducer":
        self.config = config
        return self

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.troubles and self.troubles[0][0] == name:
            self.on_trouble()
            raise self.troubles.pop(0)[1]

    def init_transactions(self, _timeout: float) -> None:
        self._call("init")

    def begin_transaction(self) -> None:
        self._call("begin")
        self.sent = []

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = -1,
        headers: dict[str, bytes] | None = None,
        on_delivery: Callable[..., None] | None = None,
    ) -> None:
        if self.troubles and self.troubles[0][0] == f"produce {topic}":
            raise self.troubles.pop(0)[1]
        size = len(value or b"") + len(key or b"") + sum(len(header) for header in (headers or {}).values())
        if size > self.config["message.max.bytes"]:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "Unable to produce message"))
        self.sent.append((topic, key, value, partition, headers or {}))
        self.offset += 1
        if on_delivery is not None:
            self.waiting.append((on_delivery, confluent_kafka.Message(topic=topic, offset=self.offset), topic))

    def poll(self, _timeout: float) -> int:
        return 0

    def flush(self, _timeout: float) -> int:
        if self.troubles and self.troubles[0][0] == "flush":
            self.troubles.pop(0)
            self.on_trouble()
            return 1
        for delivered, message, _ in self.waiting:
            delivered(None, message)
        self.waiting = []
        return 0

    def commit_transaction(self, _timeout: float) -> None:
        self._call("commit")
        self.committed += self.sent

    def abort_transaction(self, _timeout: float) -> None:
        self._call("abort")
        self.sent, self.waiting = [], []

    def purge(self) -> None:
        self._call("purge")


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    fake = FakeProducer()
    monkeypatch.setattr(confluent_kafka, "Producer", fake)
    monkeypatch.setattr(transactions, "_RETRY_PAUSE_S", 0)
    return fake


@pytest.fixture
def writer(producer: FakeProducer) -> PartitionWriter:
    return PartitionWriter({"bootstrap.servers": "nowhere:1"}, "shop-tables-2", 2, CHANGELOGS)


def committed_values(producer: FakeProducer) -> list[tuple[str, bytes | None]]:
    return [(topic, value) for topic, _, value, _, _ in producer.committed]


WHOLE = [
    ("shop-stock-changelog", b"one"),
    ("shop-stock-changelog", b"two"),
    ("shop-positions-changelog", b"9"),
    (REJECTS, b"{"),
]


def test_a_cut_is_one_transaction(writer: PartitionWriter, producer: FakeProducer) -> None:
    ends = writer.commit(CUT)
    assert producer.calls == ["begin", "commit"]
    assert committed_values(producer) == WHOLE
    assert {partition for topic, _, _, partition, _ in producer.committed if topic != REJECTS} == {2}
    assert ends == {"shop-stock-changelog": 102, "shop-positions-changelog": 103}


def test_a_reject_goes_with_its_key_and_where_it_is_from(writer: PartitionWriter, producer: FakeProducer) -> None:
    writer.commit(CUT)
    topic, key, value, _, headers = producer.committed[-1]
    assert (topic, key, value) == (REJECTS, b"key", b"{")
    assert headers == {
        "reason": b"not-json",
        "detail": b"truncated",
        "topic": b"stock-mis-a-jour",
        "partition": b"2",
        "offset": b"8",
    }


def test_the_writer_is_fenced_by_its_transactional_id(writer: PartitionWriter, producer: FakeProducer) -> None:
    writer.open()
    assert producer.config["transactional.id"] == "shop-tables-2"
    assert producer.calls == ["init"]


@pytest.mark.parametrize("call", ["begin", "commit"])
def test_an_outage_is_waited_for(writer: PartitionWriter, producer: FakeProducer, call: str) -> None:
    producer.troubles = [(call, AWAY)] * 3
    writer.commit(CUT)
    assert committed_values(producer) == WHOLE
    assert producer.calls.count(call) == 4
    assert "abort" not in producer.calls


def test_opening_waits_for_an_outage_too(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.troubles = [("init", AWAY)] * 3
    writer.open()
    assert producer.calls == ["init"] * 4


def test_messages_on_their_way_are_waited_for(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.troubles = [("flush", AWAY)] * 2
    assert writer.commit(CUT)["shop-stock-changelog"] == 102


def test_an_aborted_transaction_is_written_again_whole_and_only_its_last_offsets_count(
    writer: PartitionWriter, producer: FakeProducer
) -> None:
    producer.troubles = [("commit", ABORT), ("abort", AWAY)]
    ends = writer.commit(CUT)
    assert producer.calls == ["begin", "commit", "abort", "abort", "begin", "commit"]
    assert committed_values(producer) == WHOLE
    assert ends == {"shop-stock-changelog": 106, "shop-positions-changelog": 107}


@pytest.mark.parametrize("call", ["begin", "commit", "abort"])
def test_a_fenced_writer_says_so(writer: PartitionWriter, producer: FakeProducer, call: str) -> None:
    producer.troubles = [("commit", ABORT), ("abort", FENCED)] if call == "abort" else [(call, FENCED)]
    with pytest.raises(WriterFenced, match=r"partition 2.*shop-tables-2"):
        writer.commit(CUT)
    assert producer.committed == []


def test_a_writer_fenced_at_its_opening_says_so(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.troubles = [("init", KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "old")))]
    with pytest.raises(WriterFenced):
        writer.open()


@pytest.mark.parametrize("call", ["begin", "commit", f"produce {CHANGELOGS['stock']}"])
def test_a_refusal_for_good_is_raised(writer: PartitionWriter, producer: FakeProducer, call: str) -> None:
    producer.troubles = [(call, FOR_GOOD)]
    with pytest.raises(KafkaException, match="not allowed"):
        writer.commit(CUT)
    assert producer.committed == []


@pytest.mark.parametrize("call", ["begin", "commit", "flush", "init"])
def test_given_up_it_waits_no_longer(writer: PartitionWriter, producer: FakeProducer, call: str) -> None:
    producer.troubles = [(call, AWAY)] * 1_000
    producer.on_trouble = writer.give_up
    with pytest.raises(KafkaException):
        writer.open() if call == "init" else writer.commit(CUT)
    assert producer.committed == []


def test_a_full_queue_is_waited_for(writer: PartitionWriter, producer: FakeProducer) -> None:
    for topic in (CHANGELOGS["stock"], CHANGELOGS["stock"], REJECTS):
        producer.troubles.append((f"produce {topic}", BufferError()))
    writer.commit(CUT)
    assert committed_values(producer) == WHOLE


def test_a_queue_that_stays_full_is_waited_for_however_long(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.troubles = [(f"produce {CHANGELOGS['stock']}", BufferError())] * 2_000
    writer.commit(CUT)
    assert committed_values(producer) == WHOLE


def large(value: bytes) -> Cut:
    return Cut(2, CUT.rows, CUT.positions, [Reject("stock-mis-a-jour", 8, b"key", value, "not-json", "truncated")])


def test_a_reject_that_the_broker_finds_too_large_goes_without_its_value(
    writer: PartitionWriter, producer: FakeProducer
) -> None:
    def told_by_the_broker() -> None:
        for delivered, _, topic in producer.waiting:
            if topic == REJECTS:
                delivered(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large"), None)
        producer.waiting = []

    producer.troubles = [("flush", AWAY), ("commit", ABORT)]
    producer.on_trouble = told_by_the_broker
    writer.commit(large(b"x" * 99))
    topic, key, value, _, headers = producer.committed[-1]
    assert (topic, key, value) == (REJECTS, b"key", None)
    assert b"99 bytes" in headers["value-left-out"]
    assert committed_values(producer)[:3] == WHOLE[:3]


def test_a_reject_that_librdkafka_finds_too_large_goes_without_its_value(
    writer: PartitionWriter, producer: FakeProducer
) -> None:
    writer.commit(large(b"x" * (REJECT_MAX_BYTES + 1)))
    topic, _, value, _, headers = producer.committed[-1]
    assert (topic, value) == (REJECTS, None)
    assert "value-left-out" in headers


def test_a_reject_whose_key_is_too_large_goes_without_it(writer: PartitionWriter, producer: FakeProducer) -> None:
    reject = Reject("stock-mis-a-jour", 8, b"k" * (REJECT_MAX_BYTES + 1), b"{", "not-json", "truncated")
    writer.commit(Cut(2, CUT.rows, CUT.positions, [reject]))
    assert committed_values(producer)[:3] == WHOLE[:3]
    assert producer.committed[-1][0] == REJECTS


def test_closed_it_drops_what_is_not_committed(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.begin_transaction()
    writer.close()
    assert "purge" in producer.calls
    assert producer.committed == []


def among_callbacks(cause: Exception | None) -> SystemError:
    """What the client raises where a callback ran on top of an error."""
    error = SystemError("<class 'logging.LogRecord'> returned a result with an exception set")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("call", ["begin", "commit"])
def test_fenced_among_callbacks_is_fenced(writer: PartitionWriter, producer: FakeProducer, call: str) -> None:
    producer.troubles = [(call, among_callbacks(FENCED))]
    with pytest.raises(WriterFenced, match="partition 2"):
        writer.commit(CUT)


def test_an_error_that_is_not_kafkas_is_not_taken_for_one(writer: PartitionWriter, producer: FakeProducer) -> None:
    producer.troubles = [("commit", among_callbacks(None))]
    with pytest.raises(SystemError):
        writer.commit(CUT)


@pytest.mark.parametrize("trouble", [FENCED, among_callbacks(FENCED)])
def test_a_fenced_writer_closes(writer: PartitionWriter, producer: FakeProducer, trouble: Exception) -> None:
    producer.troubles = [("purge", trouble)]
    writer.close()
    assert producer.calls == ["purge"]
