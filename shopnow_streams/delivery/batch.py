"""A record batch: what one fetch brought of one partition, and where in the partition it stands."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import faust
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP


class Record(Protocol):
    """The parts of `confluent_kafka.Message` that we read; of what was fetched none is missing but key and value."""

    def offset(self) -> int:
        """Its offset in the partition."""

    def key(self) -> bytes | None:
        """Its key."""

    def value(self) -> bytes | None:
        """Its value; None is a tombstone."""

    def timestamp(self) -> tuple[int, int]:
        """Which clock (creation or append), and milliseconds since 1970."""


class Batch:
    """`records` of the partition `tp`, in order. Looks to Faust like one record of aiokafka, whose value it is.

    It may have no records, where only markers of transactions were left before the partition's end.

    `start` is where the reader stood before it and `next_offset` where it stands after it. A batch is the next one
    of its partition exactly when its `start` is where the partition stands: offsets between records may be missing
    (markers of transactions, compaction), batches may not.
    """

    __slots__ = ("epoch", "next_offset", "records", "start", "tp")

    key = checksum = None
    headers = ()
    serialized_key_size = serialized_value_size = 0
    timestamp = timestamp_type = None

    def __init__(
        self, tp: TP, records: Sequence[Record], start: int, epoch: int, next_offset: int | None = None
    ) -> None:
        self.tp = tp
        self.records = records
        self.start = start
        self.next_offset = records[-1].offset() + 1 if next_offset is None else next_offset
        self.epoch = epoch

    def slices(self, most: int) -> Iterator["Batch"]:
        """The batch as ones of at most `most` records, each the next of the one before."""
        start = self.start
        for first in range(0, len(self.records) or 1, most):
            is_last = first + most >= len(self.records)
            end = self.next_offset if is_last else None
            part = Batch(self.tp, self.records[first : first + most], start, self.epoch, end)
            start = part.next_offset
            yield part

    @property
    def topic(self) -> str:
        return self.tp.topic

    @property
    def partition(self) -> int:
        return self.tp.partition

    @property
    def offset(self) -> int:
        return self.next_offset - 1

    @property
    def value(self) -> "Batch":
        return self


class BatchSchema(faust.Schema):  # type: ignore[type-arg]
    """The schema of our own topics: hands the batch through; decoding is the fold's business."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """A batch has no key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:
        """The batch itself."""
        batch: Batch = message.value
        return batch


class BatchScheduler(DefaultSchedulingStrategy):
    """Faust's `ConsumerScheduler` setting: batches as they are, records of other topics one by one as ever."""

    def iterate(self, records: Any) -> Any:
        """Yield (partition, batch) for ours, then (partition, record) for the rest."""
        rest = {}
        for tp, fetched in records.items():
            if isinstance(fetched, Batch):
                yield tp, fetched
            else:
                rest[tp] = fetched
        yield from super().iterate(rest)
