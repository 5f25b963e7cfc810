"""The one writer of a partition: a transactional producer that fences whoever wrote there before.

A worker that was stopped past its session (SIGSTOP, a long pause) still holds rows when it wakes, and sends them
before it learns that it lost the partition. The log's order would let those old rows win. So opening the writer
bumps the epoch of its transactional id (KIP-98), *before* the new owner restores: what the former owner sends after
that is refused by the broker.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.errors import WriterFenced
from shopnow_streams.kafka_callbacks import calling_back
from shopnow_streams.logs.librdkafka import librdkafka_logger
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.topics import REJECT_MAX_BYTES, REJECTS
from tables.cut import Change, Cut, Reject

logger = get_logger(__name__)

TRANSACTION_TIMEOUT_MS = 60_000
MAX_KEY_BYTES = 64 << 10
"""Of a reject whose value is left out for its size; a longer key is left out too."""

_CALL_TIMEOUT_S = 10.0
_RETRY_PAUSE_S = 0.5
_FENCED = {KafkaError._FENCED, KafkaError._FATAL, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}


class PartitionWriter:
    """Writes cuts of one partition. Every method blocks and is called from one thread at a time.

    An outage is waited for, however long it lasts; `give_up` ends the waiting.
    """

    def __init__(
        self, librdkafka: Mapping[str, str], transactional_id: str, partition: int, changelogs: Mapping[str, str]
    ) -> None:
        self.partition = partition
        self.transactional_id = transactional_id
        self._changelogs = changelogs
        self._given_up = threading.Event()
        self._producer = confluent_kafka.Producer(
            {
                **librdkafka,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "linger.ms": 2,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1 << 20,
                "message.max.bytes": REJECT_MAX_BYTES,
            },
            logger=librdkafka_logger(__name__),
        )

    def open(self) -> None:
        """Fence the former owner and wait until what it had under way is ended."""
        self._persist("open", lambda: self._producer.init_transactions(_CALL_TIMEOUT_S))

    def commit(self, cut: Cut) -> dict[str, int]:
        """Write `cut` in one transaction; the last offset written, by changelog topic, once it is committed.

        Raises WriterFenced where another worker opened this partition's writer; KafkaException where Kafka refuses
        for good. After either the writer is of no more use.
        """
        too_large: set[Reject] = set()
        while True:
            ends: dict[str, int] = {}
            try:
                self._persist("begin", self._producer.begin_transaction)
                with calling_back():
                    self._send(cut, ends, too_large)
                self._persist("commit", lambda: self._producer.commit_transaction(_CALL_TIMEOUT_S))
            except KafkaException as error:
                self._raise_if_fenced(error)
                if not error.args[0].txn_requires_abort():
                    raise
                logger.warning(
                    "partition {partition}: transaction tried again: {error}",
                    partition=self.partition,
                    error=error.args[0].str(),
                )
                self._persist("abort", lambda: self._producer.abort_transaction(_CALL_TIMEOUT_S))
                continue
            return ends

    def give_up(self) -> None:
        """End whatever waiting is under way, from another thread; the waiting call raises what it waits for."""
        self._given_up.set()

    def close(self) -> None:
        """Drop what is not committed. Nothing that Kafka says of it matters any more."""
        self.give_up()
        with suppress(KafkaException), calling_back():
            self._producer.purge()
            self._producer.flush(0)

    def _send(self, cut: Cut, ends: dict[str, int], too_large: set[Reject]) -> None:
        for table, rows in cut.rows.items():
            changelog = self._changelogs[table]
            self._produce_rows(changelog, rows[:-1])
            for key, value in rows[-1:]:
                self._produce(changelog, key, value, _note_end(ends, changelog))
        for reject in cut.rejects:
            self._produce_reject(cut.partition, reject, too_large)
        while self._producer.flush(_CALL_TIMEOUT_S):
            self._check_given_up("flush")

    def _produce_reject(self, partition: int, reject: Reject, too_large: set[Reject]) -> None:
        """Its value untouched; without it where the topic does not take one so large, since the archive has it."""
        headers = {
            "reason": reject.reason.encode(),
            "detail": reject.detail.encode(),
            "topic": reject.topic.encode(),
            "partition": b"%d" % partition,
            "offset": b"%d" % reject.offset,
        }
        if reject in too_large:
            headers["value-left-out"] = b"%d bytes are more than this topic takes" % len(reject.value or b"")

        def delivered(error: KafkaError | None, _message: object) -> None:
            if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                too_large.add(reject)

        value, key = reject.value, reject.key
        if reject in too_large:
            value, key = None, key if len(key or b"") <= MAX_KEY_BYTES else None
        while True:
            try:
                return self._producer.produce(REJECTS, value, key, headers=dict(headers), on_delivery=delivered)
            except BufferError:
                self._wait_for_room()
            except KafkaException as error:
                if reject in too_large or error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise
                too_large.add(reject)
                return self._produce_reject(partition, reject, too_large)

    def _produce_rows(self, topic: str, rows: Iterable[Change]) -> None:
        """As `_produce` each: a call less for each row, of which a cut has thousands, is a fifth of the time."""
        produce, partition = self._producer.produce, self.partition
        for key, value in rows:
            try:
                produce(topic, value, key, partition)
            except BufferError:
                self._produce(topic, key, value)

    def _produce(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        delivered: Callable[[KafkaError | None, object], None] | None = None,
    ) -> None:
        while True:
            try:
                if delivered is None:
                    return self._producer.produce(topic, value, key, self.partition)
                return self._producer.produce(topic, value, key, self.partition, on_delivery=delivered)
            except BufferError:
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        self._producer.poll(0.1)
        self._check_given_up("produce")

    def _persist(self, what: str, call: Callable[[], None]) -> None:
        while True:
            try:
                with calling_back():
                    return call()
            except KafkaException as error:
                self._raise_if_fenced(error)
                reason: KafkaError = error.args[0]
                if not reason.retriable() or self._given_up.is_set():
                    raise
                logger.warning(
                    "partition {partition}: {call} waits for Kafka: {error}",
                    partition=self.partition,
                    call=what,
                    error=reason.str(),
                )
                time.sleep(_RETRY_PAUSE_S)

    def _raise_if_fenced(self, error: KafkaException) -> None:
        reason: KafkaError = error.args[0]
        if reason.fatal() or reason.code() in _FENCED:
            raise WriterFenced(
                f"partition {self.partition}: another worker took over ({self.transactional_id}: {reason.str()})",
                partition=self.partition,
            ) from error

    def _check_given_up(self, what: str) -> None:
        if self._given_up.is_set():
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{what}: given up"))


def _note_end(ends: dict[str, int], changelog: str) -> Callable[[KafkaError | None, object], None]:
    def delivered(error: KafkaError | None, message: object) -> None:
        if error is None and isinstance(message, confluent_kafka.Message):
            ends[changelog] = message.offset() or 0

    return delivered
