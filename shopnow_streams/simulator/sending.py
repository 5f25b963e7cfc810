"""Shoppers' events into Kafka at a given rate, and into the ledger once Kafka has them."""

import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shopnow_streams.errors import DeliveryFailed, KafkaUnavailable, SettingsError
from shopnow_streams.events import Event
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import PendingDelivery, ProducerOptions, ShopProducer
from shopnow_streams.producer.pending import UNKNOWN_OFFSET
from shopnow_streams.producer.records import Headers, unchecked_record_of
from shopnow_streams.simulator.ledger import Ledger, LedgerFile
from shopnow_streams.simulator.recount import HEADER, ends, recount
from shopnow_streams.simulator.shoppers import HABITS, Clock, Habits, shoppers
from shopnow_streams.simulator.spoiling import spoil

TICK_S = 0.01
BURST = 500  # records between two looks at the time
BEHIND_S = 1.0
SAVE_EVERY_S = 10.0
PROGRESS_EVERY_S = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulationOptions:
    """What to send. A run ends after `duration_s`, or `records`, or when it is told to."""

    rate: float | None = 100.0
    """Records a second; None: as fast as they go. Time lost to an outage is not made up for."""
    seed: int = 1
    duration_s: float | None = None
    records: int | None = None
    habits: Habits = HABITS
    start: datetime | None = None
    """When the first event happens; None: now."""
    speed: float = 1.0
    """Seconds of event time in a second."""
    malformed: float = 0.0
    """Share of records that are spoilt copies of an event, sent beside it."""
    null_keys: float = 0.0
    """Share of records without a key, as foreign producers send them."""
    ledger: Path | None = None

    def __post_init__(self) -> None:
        _check(self.rate is None or self.rate > 0, "the rate must be above 0")
        _check(self.duration_s is None or self.duration_s >= 0, "the duration must not be negative")
        _check(self.records is None or self.records >= 0, "the number of records must not be negative")
        _check(self.start is None or self.start.tzinfo is not None, "the start needs an offset from UTC")
        _check(self.speed > 0, "the speed must be above 0")
        _check(0 <= self.malformed < 1, "the share of malformed records must be from 0 to below 1")
        _check(0 <= self.null_keys <= 1, "the share of null keys must be from 0 to 1")


@dataclass(frozen=True)
class Progress:
    """How far a run is; the last one that `simulate` reports is its result."""

    sent: int = 0
    acknowledged: int = 0
    malformed: int = 0
    failed: int = 0
    elapsed_s: float = 0.0
    ledger: Ledger | None = field(default=None, repr=False)
    """The run's own object: read it after the run, not during it."""

    @property
    def in_flight(self) -> int:
        """Sent, and not answered yet."""
        return self.sent - self.acknowledged - self.failed

    @property
    def per_second(self) -> float:
        """Records acknowledged a second, on average."""
        return self.acknowledged / self.elapsed_s if self.elapsed_s else 0.0


def simulate(
    connection: KafkaConnection,
    options: SimulationOptions,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    producer_options: ProducerOptions | None = None,
) -> Progress:
    """Send shoppers' events until the run ends or `stop` is set, then wait for every acknowledgement.

    Blocks. `on_progress` is called a few times a second, in this thread, and at the end. Raises KafkaUnavailable,
    TopicMismatch (the topics are not there), SettingsError (the ledger's file), OffsetsLost (an unclosed ledger that
    Kafka can no longer complete); DeliveryFailed at the end if Kafka refused events, with the ledger complete.

    What the ledger guarantees: once `simulate` returned, it counts each record of its runs that Kafka has exactly
    once, and nothing else. While a run is on, the file lags behind by up to about ten seconds; `next_offsets`, written
    with the counts, says where it stands. After `kill -9` at any moment, the next run reads the records from there on
    back from Kafka and counts them (they carry the ledger's id) before it sends its own; so an event whose
    acknowledgement never reached the simulator is counted if, and only if, Kafka has it. This needs the topics to
    be neither recreated nor trimmed in between (OffsetsLost, where the offsets show it).
    """
    with ExitStack() as stack:
        book = None
        if options.ledger is not None:
            file = LedgerFile(options.ledger)
            stack.enter_context(file.locked())
            book = _Book(connection, file)
        producer = ShopProducer(connection, producer_options or ProducerOptions(client_id="shopnow-simulator"))
        stack.callback(producer.close)
        if book is not None:
            book.open()
        else:
            ends(connection)  # raises where a topic is missing; librdkafka would try for half a minute
        run = _Run(producer, options, book)
        run.go(stop or threading.Event(), on_progress or (lambda _: None))
    # The producer is closed: nothing more can land.
    return run.close(on_progress or (lambda _: None))


class _Book:
    """The ledger of a run: counted as acknowledgements come, saved now and then."""

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
            logger.warning("%s was not closed: %d records read back from Kafka", self._file.path, found)
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


class _Run:
    def __init__(self, producer: ShopProducer, options: SimulationOptions, book: _Book | None) -> None:
        self._producer = producer
        self._options = options
        self._book = book
        self._headers: Headers | None = [(HEADER, book.ledger.id.encode())] if book else None
        # In the order of sending, which is that of the offsets in each partition: the counted ones are a prefix.
        self._on_their_way: deque[tuple[PendingDelivery, Event | None]] = deque()
        self._began = time.monotonic()
        self._sent = self._acknowledged = self._malformed = self._failed = 0
        self._first_failure: DeliveryFailed | None = None

    def go(self, stop: threading.Event, on_progress: Callable[[Progress], None]) -> None:
        """Send until the end, then wait for the acknowledgements."""
        options = self._options
        records = self._records()
        progress_due = anchor = self._began
        since_anchor = 0
        while not stop.is_set():
            now = time.monotonic()
            if now >= progress_due:
                self._collect()
                on_progress(self._progress())
                progress_due = now + PROGRESS_EVERY_S
            if options.duration_s is not None and now - self._began >= options.duration_s:
                break
            left = BURST if options.records is None else min(BURST, options.records - self._sent)
            if left <= 0:
                break
            if options.rate is None:
                due = left
            else:
                if (now - anchor) * options.rate - since_anchor > max(BEHIND_S * options.rate, 1):
                    anchor, since_anchor = now, 0
                due = min(left, int((now - anchor) * options.rate) + 1 - since_anchor)
            for _ in range(due):
                next(records)
            since_anchor += max(due, 0)
            if options.rate is not None and due < BURST:
                next_at = anchor + since_anchor / options.rate
                stop.wait(max(TICK_S / 10, min(max(next_at - time.monotonic(), TICK_S), PROGRESS_EVERY_S)))
            elif len(self._on_their_way) > BURST:
                self._collect()
        while self._on_their_way:  # not for ever: librdkafka gives each up after its delivery timeout
            with suppress(KafkaUnavailable, DeliveryFailed):  # the failed ones are found by `_collect`, one by one
                self._producer.flush(PROGRESS_EVERY_S)
            self._collect()
            on_progress(self._progress())

    def close(self, on_progress: Callable[[Progress], None]) -> Progress:
        """Close the ledger and report. Raises DeliveryFailed if Kafka refused records."""
        if self._book is not None:
            self._book.close()
        progress = self._progress()
        on_progress(progress)
        if self._first_failure is not None:
            raise DeliveryFailed(
                f"{self._failed} of {self._sent} records were not acknowledged; the first: {self._first_failure}"
            ) from self._first_failure
        return progress

    def _records(self) -> Iterator[None]:
        """Sends a record each time it is asked."""
        options = self._options
        ledger = self._book.ledger if self._book else None
        seed = str(options.seed) if ledger is None or ledger.runs == 1 else f"{options.seed}/{ledger.runs}"
        chance = random.Random(f"{seed}/faults")  # apart, so that faults do not change what the shoppers do
        prefix = f"CMD-{ledger.id}-{ledger.runs}" if ledger else f"CMD-{secrets.token_hex(4)}"
        stock = {product: level.stock for product, level in ledger.stock.items()} if ledger else {}
        clock = _clock(options)
        for event in shoppers(seed, clock, options.habits, order_prefix=prefix, stock=stock):
            topic, key, value = unchecked_record_of(event)
            while options.malformed and chance.random() < options.malformed:
                self._send(topic, spoil(chance, topic, value), self._key(chance, key), None)
                self._malformed += 1
                yield
            self._send(topic, value, self._key(chance, key), event)
            yield

    def _key(self, chance: random.Random, key: bytes) -> bytes | None:
        return None if self._options.null_keys and chance.random() < self._options.null_keys else key

    def _send(self, topic: str, value: bytes | None, key: bytes | None, event: Event | None) -> None:
        pending = self._producer.send_raw(topic, value, key, self._headers)
        self._on_their_way.append((pending, event))
        self._sent += 1

    def _collect(self) -> None:
        """Count what is acknowledged by now."""
        waiting = self._on_their_way
        while waiting and waiting[0][0].done():
            pending, event = waiting.popleft()
            try:
                if self._book is None:
                    pending.outcome()
                else:
                    self._book.settle(pending, event)
                self._acknowledged += 1
            except DeliveryFailed as failure:
                self._failed += 1
                self._first_failure = self._first_failure or failure
        if self._book is not None:
            self._book.save_if_due()

    def _progress(self) -> Progress:
        return Progress(
            sent=self._sent,
            acknowledged=self._acknowledged,
            malformed=self._malformed,
            failed=self._failed,
            elapsed_s=time.monotonic() - self._began,
            ledger=self._book.ledger if self._book else None,
        )


def _clock(options: SimulationOptions) -> Clock:
    if options.start is None and options.speed == 1.0:
        return lambda: datetime.now(UTC)
    start, began = options.start or datetime.now(UTC), time.monotonic()
    return lambda: start + timedelta(seconds=(time.monotonic() - began) * options.speed)


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise SettingsError(what)
