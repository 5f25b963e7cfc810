"""Stand-ins for Kafka at its edges: records, librdkafka's consumer, a partition's writer."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.events import Event, encode
from tables.cut import Cut
from tables.partition import Partition
from tables.store import prefix

FAR_MS = 4_102_444_800_000
"""The year 2100: no event of a test is ahead of it, but those that mean to be."""


class Record:
    """A record as `confluent_kafka.Message` shows it. `failure` makes it one of librdkafka's error messages."""

    def __init__(
        self,
        offset: int = 0,
        value: bytes | None = b"",
        key: bytes | None = None,
        at: tuple[str, int] = ("", 0),
        failure: KafkaError | None = None,
        stamp_ms: int = FAR_MS,
    ) -> None:
        self._offset, self._value, self._key, self._failure = offset, value, key, failure
        self._stamp_ms = stamp_ms
        self.at = at

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return confluent_kafka.TIMESTAMP_CREATE_TIME, self._stamp_ms

    def topic(self) -> str:
        return self.at[0]

    def partition(self) -> int:
        return self.at[1]

    def error(self) -> KafkaError | None:
        return self._failure


def batch_of(
    topic: str,
    partition: int,
    values: Sequence[Event | bytes | None],
    start: int = 0,
    epoch: int = 1,
    stamp_ms: Callable[[int], int] = lambda _offset: FAR_MS,
) -> Batch:
    """A batch with no holes, `values` from `start` on; an event is encoded. `stamp_ms` gives Kafka's time by offset."""
    records = [
        Record(
            offset,
            encode(value) if isinstance(value, Event) else value,
            b"key-%d" % offset,
            stamp_ms=stamp_ms(offset),
        )
        for offset, value in enumerate(values, start)
    ]
    return Batch(TP(str(topic), partition), records, start, epoch)


class FakeClient:
    """librdkafka's consumer over partitions held in a dict. With `let_go` cleared, `consume` waits for it.

    `failures` are met by the next calls; those in `failing_at` where a partition stands there. Each is met once.
    """

    def __init__(self, log: Mapping[tuple[str, int], list[Record]]) -> None:
        self.log = log
        self.config: dict[str, Any] = {}
        self.failures: deque[Record] = deque()
        self.failing_at: dict[tuple[tuple[str, int], int], Record] = {}
        self.stands: dict[tuple[str, int], int] = {}
        self.closed = False
        self.consuming = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()

    def __call__(self, config: Mapping[str, Any], logger: Any = None) -> "FakeClient":
        """Stand in for the class: `confluent_kafka.Consumer(config, logger=…)`."""
        self.config = dict(config)
        return self

    def assign(self, partitions: Iterable[confluent_kafka.TopicPartition]) -> None:
        self.stands = {(at.topic, at.partition): at.offset for at in partitions}

    def consume(self, count: int, _timeout: float) -> list[Record]:
        self.consuming.set()
        self.let_go.wait(10)
        if self.failures:
            return [self.failures.popleft()]
        taken: list[Record] = []
        for at, offset in self.stands.items():
            if (at, offset) not in self.failing_at:
                records = [record for record in self.log.get(at, []) if record.offset() >= offset]
                taken += records[: count - len(taken)]
                self.stands[at] = taken[-1].offset() + 1 if taken and taken[-1].at == at else offset
            if len(taken) < count and (failing := self.failing_at.pop((at, self.stands[at]), None)):
                taken.append(failing)
        return taken

    def get_watermark_offsets(self, at: confluent_kafka.TopicPartition, cached: bool) -> tuple[int, int]:
        assert cached, "a reader that asks the broker would block the loop"
        records = self.log.get((at.topic, at.partition), [])
        return (0, records[-1].offset() + 1) if records else (-1001, -1001)

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeWriter:
    """A partition's writer. It keeps the cuts; `hold()` makes the next commit wait for `let_go` or `give_up`."""

    partition: int = 0
    transactional_id: str = ""
    cuts: list[Cut] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failure: Exception | None = None
    committing: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.let_go.set()

    def hold(self) -> None:
        self.let_go.clear()

    def open(self) -> None:
        self.calls.append("open")

    def commit(self, cut: Cut) -> dict[str, int]:
        self.committing.set()
        self.let_go.wait(10)
        if self.failure is not None:
            raise self.failure
        if self.given_up.is_set():
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "given up"))
        self.cuts.append(cut)
        return {table: len(self.cuts) for table in cut.rows}

    def give_up(self) -> None:
        self.calls.append("give_up")
        self.given_up.set()

    def close(self) -> None:
        self.calls.append("close")


def apply(partition: Partition, batch: Batch) -> None:
    """Fold a batch as the first of its topic if it is, as the next one else."""
    partition.begin(batch.topic, batch.start)
    partition.apply(batch)


def settle(partition: Partition, keep_rows: int = 0) -> Cut | None:
    """One flush without Kafka: cut, write to the store, settle."""
    cut = partition.cut()
    if cut is not None:
        partition.store.write({prefix(table): rows for table, rows in cut.rows.items()}, {})
        partition.settle(keep_rows)
    return cut
