"""Fetching with librdkafka: one thread, one client in no group, one fetch ahead of the event loop."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

from shopnow_streams.delivery.batch import Batch, Record
from shopnow_streams.delivery.transient import passes
from shopnow_streams.errors import OffsetsLost
from shopnow_streams.logs.librdkafka import librdkafka_logger

FETCH_RECORDS = 4_000
IDLE_WAIT_S = 0.1


class Reader:
    """Reads assigned partitions in order from given offsets, as batches.

    Which partitions, and from where, is told by `assign`; a group's business (membership, commits) is not the
    reader's. While the loop works on one fetch the thread makes the next, so that both cores are busy.
    """

    def __init__(self, librdkafka: Mapping[str, str], queue_kib: int = 8_192) -> None:
        self._config: dict[str, str | int | float | bool] = {
            **librdkafka,
            "group.id": "unused: partitions are assigned, offsets are not committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,  # a marker at the end is seen only by where the end is
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "fetch.queue.backoff.ms": 2,
            "queued.max.messages.kbytes": queue_kib,
            # one answer of a broker is decompressed whole, and a message in the queue takes three times its bytes
            "fetch.message.max.bytes": 1 << 18,
            "fetch.max.bytes": 1 << 20,
            "queued.min.messages": 20_000,
        }
        self._client: confluent_kafka.Consumer | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._ahead: asyncio.Future[list[Batch]] | None = None
        self._stands: dict[tuple[str, int], int] = {}
        self.epoch = 0
        self._fetching_epoch = 0

    async def assign(self, offsets: Mapping[TP, int]) -> None:
        """Read these partitions from these offsets and no others. What was fetched before belongs to a past epoch."""
        await self._settle()
        self.epoch += 1
        await asyncio.get_running_loop().run_in_executor(self._thread, self._assign, dict(offsets), self.epoch)

    async def take(self) -> dict[TP, Batch]:
        """What the last fetch brought, waiting at most `IDLE_WAIT_S` for a first record.

        Raises OffsetsLost where Kafka no longer has the next offset, KafkaException where a partition can't be read.
        """
        if not self._stands:
            await asyncio.sleep(IDLE_WAIT_S)
            return {}
        loop = asyncio.get_running_loop()
        ahead, self._ahead = self._ahead, None
        batches = await (ahead or loop.run_in_executor(self._thread, self._fetch))
        if self._stands and self._ahead is None:
            self._ahead = loop.run_in_executor(self._thread, self._fetch)
        return {batch.tp: batch for batch in batches}

    def ends(self) -> dict[TP, int]:
        """The end of each assigned partition as of its last fetch. Does not block; unfetched ones are left out."""
        if self._client is None:
            return {}
        ends = {}
        for topic, partition in list(self._stands):
            at = confluent_kafka.TopicPartition(topic, partition)
            watermarks = self._client.get_watermark_offsets(at, cached=True)
            if watermarks is not None and watermarks[1] >= 0:
                ends[TP(topic, partition)] = watermarks[1]
        return ends

    async def close(self) -> None:
        """Leave the brokers. Blocks for the fetch under way."""
        await self._settle()
        if self._client is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._client.close)
        self._thread.shutdown()

    async def _settle(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await asyncio.wait([ahead])
            ahead.exception()  # of an epoch that is over: looked at so that asyncio does not report it

    def _assign(self, offsets: dict[TP, int], epoch: int) -> None:
        self._fetching_epoch = epoch  # on the fetching thread: what it fetched before is of the epoch before
        if self._client is None:
            self._client = confluent_kafka.Consumer(self._config, logger=librdkafka_logger(__name__))
        self._stands = {(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
        self._client.assign(
            [confluent_kafka.TopicPartition(tp.topic, tp.partition, offset) for tp, offset in offsets.items()]
        )

    def _fetch(self) -> list[Batch]:
        client = self._client
        if client is None:
            return []
        # consume() waits for all it was asked for: one record wakes us, then what else is there already
        messages = client.consume(1, IDLE_WAIT_S)
        if messages:
            messages += client.consume(FETCH_RECORDS - 1, 0)
        records, ends = _by_partition(messages)
        # librdkafka may still hand out what it had queued of a partition that was let go
        return [
            self._batch(at, records.get(at, []), ends.get(at, 0))
            for at in (records.keys() | ends.keys()) & self._stands.keys()
            if at in records or ends[at] > self._stands[at]
        ]

    def _batch(self, at: tuple[str, int], records: list[Record], end: int) -> Batch:
        next_offset = max(end, records[-1].offset() + 1 if records else 0)
        batch = Batch(TP(*at), records, self._stands[at], self._fetching_epoch, next_offset)
        self._stands[at] = next_offset
        return batch


def _by_partition(
    messages: Iterable[Any],
) -> tuple[dict[tuple[str, int], list[Record]], dict[tuple[str, int], int]]:
    """Records by partition, and the end of each partition that was reached."""
    batches: dict[tuple[str, int], list[Record]] = {}
    ends: dict[tuple[str, int], int] = {}
    topic, partition, records = "", -1, list[Record]()
    for message in messages:
        error = message.error()
        if error is None:
            # messages come in long runs of one partition; two comparisons cost less than a pair and its hash
            if message.partition() != partition or message.topic() != topic:
                topic, partition = message.topic(), message.partition()
                records = batches.setdefault((topic, partition), [])
            records.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ends[message.topic(), message.partition()] = message.offset()
        else:
            _raise_unless_passing(error, message)
    return batches, ends


def _raise_unless_passing(error: KafkaError, message: confluent_kafka.Message) -> None:
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        raise OffsetsLost(
            f"{message.topic()} partition {message.partition()}: Kafka no longer has the next offset "
            f"({error.str()}). The topic was recreated, or its retention passed the worker by.",
            message.topic() or "",
            message.partition() or 0,
        )
    if not passes(error):
        raise KafkaException(error)
