"""The ledger of a run: opened, counted as acknowledgements come, saved now and then, closed."""

import time

from shopnow_streams.errors import DeliveryFailed
from shopnow_streams.events import Event
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.producer import PendingDelivery
from shopnow_streams.producer.pending import UNKNOWN_OFFSET
from shopnow_streams.simulator.ledger import LedgerFile
from shopnow_streams.simulator.recount import ends, recount

SAVE_EVERY_S = 10.0

logger = get_logger(__name__)


class Book:
    """One run's hold on a ledger file, which must be locked. Not for several threads."""

    def __init__(self, connection: KafkaConnection, file: LedgerFile) -> None:
        self._connection = connection
        self._file = file
        self.ledger = file.load()
        self.in_doubt = False
        self._save_due = 0.0

    def open(self) -> None:
        """Make whole what a killed run left, and begin a new run where the topics end."""
        if self.ledger.closed:
            self.ledger.next_offsets = ends(self._connection)
        else:
            found = recount(self._connection, self.ledger)
            logger.warning(
                "{path} was not closed: {records} records read back from Kafka", path=self._file.path, records=found
            )
        self.ledger.runs += 1
        self.ledger.closed = False
        self._save()  # before the first record: it is found again whenever this process dies

    def settle(self, pending: PendingDelivery, event: Event | None) -> None:
        """Count a record that is done; `event` is None for a malformed one. Raises DeliveryFailed."""
        if self.in_doubt:
            pending.outcome()
            return
        try:
            delivery = pending.outcome()
        except DeliveryFailed:
            self.in_doubt = True  # Kafka may have it all the same, so counting stops here, and ends with a recount
            raise
        if delivery.offset == UNKNOWN_OFFSET:
            self.in_doubt = True
            return
        if event is None:
            self.ledger.take_malformed(delivery.topic)
        else:
            self.ledger.take(delivery.topic, event)
        self.ledger.counted(delivery.topic, delivery.partition, delivery.offset)

    def save_if_due(self) -> None:
        """Save, seldom enough to cost little; never what is in doubt."""
        if time.monotonic() >= self._save_due and not self.in_doubt:
            self._save()

    def close(self) -> None:
        """The last save of a run, when its producer is gone."""
        if self.in_doubt:
            self.ledger = self._file.load()
            recount(self._connection, self.ledger)
        self.ledger.closed = True
        self._save()

    def _save(self) -> None:
        began = time.monotonic()
        self._file.save(self.ledger)
        took = time.monotonic() - began
        self._save_due = began + max(SAVE_EVERY_S, 50 * took)
