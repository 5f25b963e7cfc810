"""The one writer of a partition: a cut is a transaction, of an id that fences whoever wrote there before.

A worker that was stopped past its session still holds rows when it wakes, and the log's order would let those old rows
win. So the writer is opened *before* the new owner restores (see `tables.transactions`).
"""

from collections.abc import Mapping

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.topics import REJECTS
from tables.cut import Cut, Reject
from tables.transactions import Delivered, Transactions

MAX_KEY_BYTES = 64 << 10
"""Of a reject whose value is left out for its size; a longer key is left out too."""


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
        self._transactions = Transactions(librdkafka, transactional_id, f"partition {partition}", partition=partition)

    def open(self) -> None:
        """Fence the former owner and wait until what it had under way is ended."""
        self._transactions.open()

    def commit(self, cut: Cut) -> dict[str, int]:
        """Write `cut` in one transaction; the last offset written, by changelog topic, once it is committed.

        Raises WriterFenced where another worker opened this partition's writer; KafkaException where Kafka refuses
        for good. After either the writer is of no more use.
        """
        too_large: set[Reject] = set()
        ends: dict[str, int] = {}

        def send() -> None:
            ends.clear()
            self._send(cut, ends, too_large)

        self._transactions.run(send)
        return ends

    def give_up(self) -> None:
        """End whatever waiting is under way, from another thread; the waiting call raises what it waits for."""
        self._transactions.give_up()

    def close(self) -> None:
        """Drop what is not committed. Nothing that Kafka says of it matters any more."""
        self._transactions.close()

    def _send(self, cut: Cut, ends: dict[str, int], too_large: set[Reject]) -> None:
        produce = self._transactions.produce
        for table, rows in cut.rows.items():
            changelog = self._changelogs[table]
            self._transactions.produce_all(changelog, rows[:-1], self.partition)
            for key, value in rows[-1:]:
                noted = _note_end(ends, changelog)
                produce(changelog, value, key, partition=self.partition, on_delivery=noted)
        for reject in cut.rejects:
            self._produce_reject(cut.partition, reject, too_large)

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
        try:
            self._transactions.produce(REJECTS, value, key, headers=headers, on_delivery=delivered)
        except KafkaException as error:
            if reject in too_large or error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            too_large.add(reject)
            self._produce_reject(partition, reject, too_large)


def _note_end(ends: dict[str, int], changelog: str) -> Delivered:
    def delivered(error: KafkaError | None, message: object) -> None:
        if error is None and isinstance(message, confluent_kafka.Message):
            ends[changelog] = message.offset() or 0

    return delivered
