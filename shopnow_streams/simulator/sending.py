"""Shoppers' events into Kafka at a given rate, and into the ledger once Kafka has them."""

import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from shopnow_streams.errors import DeliveryFailed, KafkaUnavailable
from shopnow_streams.events import Event
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import PendingDelivery, ProducerOptions, ShopProducer
from shopnow_streams.producer.records import Headers, unchecked_record_of
from shopnow_streams.simulator.book import Book
from shopnow_streams.simulator.ledger import LedgerFile
from shopnow_streams.simulator.options import Progress, SimulationOptions
from shopnow_streams.simulator.pace import Pace
from shopnow_streams.simulator.recount import HEADER, ends
from shopnow_streams.simulator.shoppers import shoppers
from shopnow_streams.simulator.spoiling import spoil

BURST = 500  # records between two looks at the time
PROGRESS_EVERY_S = 0.2


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
    stop = stop or threading.Event()
    on_progress = on_progress or (lambda _: None)
    with ExitStack() as held:
        book = None
        if options.ledger is not None:
            file = LedgerFile(options.ledger)
            held.enter_context(file.locked())
            book = Book(connection, file)
        with ShopProducer(connection, producer_options or ProducerOptions(client_id="shopnow-simulator")) as producer:
            if book is not None:
                book.open()
            else:
                ends(connection)  # raises where a topic is missing; librdkafka would try for half a minute
            run = _Run(producer, options, book)
            run.go(stop, on_progress)
        return run.close(on_progress)  # when the producer is gone, and nothing more can land


class _Run:
    def __init__(self, producer: ShopProducer, options: SimulationOptions, book: Book | None) -> None:
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
        pace = Pace(options.rate, self._began) if options.rate is not None else None
        progress_due = self._began
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
            due = pace.due(now, left) if pace is not None else left
            for _ in range(due):
                next(records)
            if pace is not None and due < BURST:
                stop.wait(min(pace.wait_s(time.monotonic()), PROGRESS_EVERY_S))
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
        for event in shoppers(seed, options.clock(), options.habits, order_prefix=prefix, stock=stock):
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
