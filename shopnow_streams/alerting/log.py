"""The one writer of the topic `alertes`, and what is open when it takes over.

Opening it fences the evaluator before, and ends what that one had under way; *then* the topic is read. So what is found
is all that was ever committed, nothing can be added behind our back, and a transition is on the topic once.
"""

from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException

from shopnow_streams.alerting.records import PARTITION, AlertRecords
from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.transition import Transition, encode
from shopnow_streams.topics import ALERTS
from tables.transactions import Delivered, Transactions

MOST_RESOLVED = 100_000
"""Resolved alerts that are remembered until they can be forgotten."""

_FETCH_WAIT_S = 0.2


class AlertLog:
    """Every method blocks and is called from one thread at a time. An outage is waited for, until `give_up`."""

    def __init__(self, librdkafka: Mapping[str, str], application_id: str) -> None:
        self._librdkafka = librdkafka
        self._given_up = False
        self._transactions = Transactions(librdkafka, f"{application_id}-alerts", "alerts")

    def take_over(self) -> Register:
        """Fence the evaluator before; what is open as of then. Raises WriterFenced, or KafkaException when given up."""
        self._transactions.open()
        register = Register(MOST_RESOLVED)
        records = AlertRecords(self._librdkafka)
        try:
            records.begin()
            while not records.at_end:
                if self._given_up:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "take over: given up"))
                for recorded in records.fetch(_FETCH_WAIT_S):
                    register.take(recorded)
        finally:
            records.close()
        return register

    def write(self, happened: Sequence[Transition], forgotten: Sequence[str] = ()) -> list[Recorded]:
        """All in one transaction, or nothing: transitions, and alerts of which nothing is to be kept.

        Raises WriterFenced where another evaluator took over; KafkaException where Kafka refuses for good.
        """
        offsets: dict[int, int] = {}

        def send() -> None:
            offsets.clear()
            produce = self._transactions.produce
            for number, one in enumerate(happened):
                noted = _note(offsets, number)
                produce(ALERTS, encode(one), one.id.encode(), partition=PARTITION, on_delivery=noted)
            for number, id in enumerate(forgotten, len(happened)):
                produce(ALERTS, None, id.encode(), partition=PARTITION, on_delivery=_note(offsets, number))

        self._transactions.run(send)
        records = [(one.id, one) for one in happened] + [(id, None) for id in forgotten]
        return [Recorded(offsets[number], *record) for number, record in enumerate(records)]

    def give_up(self) -> None:
        """End whatever waiting is under way, from another thread."""
        self._given_up = True
        self._transactions.give_up()

    def close(self) -> None:
        """Write no more; what is not committed is dropped."""
        self._transactions.close()


def _note(offsets: dict[int, int], number: int) -> Delivered:
    def delivered(error: KafkaError | None, message: object) -> None:
        if error is None:
            offsets[number] = message.offset()  # type: ignore[attr-defined]

    return delivered
