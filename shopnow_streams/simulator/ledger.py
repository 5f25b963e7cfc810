"""What the simulator sent and Kafka has: the numbers that the tables must arrive at, counted here apart from them.

Nothing of `shopnow_streams.folds` is used, so that a mistake there cannot hide here.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from shopnow_streams.errors import SettingsError
from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
    cents,
    order_key,
)
from shopnow_streams.topics import Topic

VERSION = 1


class ProductTotals(msgspec.Struct):
    """One product."""

    views: int = 0
    adds: int = 0
    added_units: int = 0
    units_sold: int = 0
    revenue_cents: int = 0  # of placed orders, paid or not


class OrderTotals(msgspec.Struct):
    """One order; each is the sum over all events of its kind."""

    placed_cents: int = 0
    paid_cents: int = 0


class StockLevel(msgspec.Struct):
    """The newest count of a product; of two at the same instant, the lower."""

    stock: int
    counted_at: datetime


class HourTotals(msgspec.Struct):
    """One hour, UTC, by the events' timestamps."""

    views: int = 0
    adds: int = 0
    orders: int = 0
    payments: int = 0
    ordered_cents: int = 0
    paid_cents: int = 0


class Ledger(msgspec.Struct):
    """Totals of everything that one simulator, over all its runs, has in Kafka.

    Each of its records carries `id` in a header. `next_offsets` says, by topic and partition, below which offset
    all of them are counted; `closed` that none is above. Sums do not depend on the order of events.

    It grows by an order: 250 bytes here and 70 in the file, so 45 MB a day at 50 events a second. No order can be let
    go of, since the verdict compares each with its row, and says how many differ: a digest of all would say only
    that some do. None is ever done with, either: it may be paid once more, and a recount reads topics in any order.
    """

    id: str = msgspec.field(default_factory=lambda: secrets.token_hex(4))
    version: int = VERSION
    runs: int = 0
    closed: bool = True
    next_offsets: dict[str, dict[int, int]] = {}
    events: dict[str, int] = {}
    malformed: dict[str, int] = {}
    products: dict[int, ProductTotals] = {}
    orders: dict[str, OrderTotals] = {}
    stock: dict[int, StockLevel] = {}
    hours: dict[str, HourTotals] = {}

    def take(self, topic: Topic | str, event: Event) -> None:
        """Count one event that Kafka has."""
        self.events[topic] = self.events.get(topic, 0) + 1
        match event:
            case ProductViewed():
                self._product(event.id_produit).views += 1
                self._hour(event).views += 1
            case ItemAddedToCart():
                product = self._product(event.id_produit)
                product.adds += 1
                product.added_units += event.quantite
                self._hour(event).adds += 1
            case OrderPlaced():
                self._take_order(event)
            case PaymentAccepted():
                paid = cents(event.montant)
                self._order(event.id_commande).paid_cents += paid
                hour = self._hour(event)
                hour.payments += 1
                hour.paid_cents += paid
            case StockUpdated():
                level = self.stock.get(event.id_produit)
                # Newest first, then lowest first: -stock so that one comparison says both.
                if level is None or (event.timestamp, -event.stock) > (level.counted_at, -level.stock):
                    self.stock[event.id_produit] = StockLevel(event.stock, event.timestamp)

    def take_malformed(self, topic: Topic | str) -> None:
        """Count one value that is no event."""
        self.malformed[topic] = self.malformed.get(topic, 0) + 1

    def counted(self, topic: Topic | str, partition: int, offset: int) -> None:
        """All records of ours in that partition, up to `offset`, are counted now."""
        partitions = self.next_offsets.get(topic)
        if partitions is None:
            partitions = self.next_offsets[topic] = {}
        partitions[partition] = offset + 1

    def _take_order(self, event: OrderPlaced) -> None:
        placed = cents(event.montant_total)
        self._order(event.id_commande).placed_cents += placed
        hour = self._hour(event)
        hour.orders += 1
        hour.ordered_cents += placed
        for line in event.articles:
            product = self._product(line.id_produit)
            product.units_sold += line.quantite
            product.revenue_cents += line.quantite * cents(line.prix)

    def _product(self, id_produit: int) -> ProductTotals:
        totals = self.products.get(id_produit)
        if totals is None:
            totals = self.products[id_produit] = ProductTotals()
        return totals

    def _order(self, id_commande: str | int) -> OrderTotals:
        key = order_key(id_commande)
        totals = self.orders.get(key)
        if totals is None:
            totals = self.orders[key] = OrderTotals()
        return totals

    def _hour(self, event: Event) -> HourTotals:
        key = hour_key(event.timestamp)
        totals = self.hours.get(key)
        if totals is None:
            totals = self.hours[key] = HourTotals()
        return totals


def hour_key(moment: datetime) -> str:
    """The moment's hour in UTC: `2025-11-28T10`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return _hour_name(moment.year, moment.month, moment.day, moment.hour)


@lru_cache(maxsize=4_096)  # to write it anew for each event was the dearest step of counting
def _hour_name(year: int, month: int, day: int, hour: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}"


class LedgerFile:
    """A ledger on disk: JSON, replaced as a whole, so that a reader and a crash find the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Ledger:
        """The ledger, a new one where there is no file. Raises SettingsError where the file is not a ledger."""
        try:
            ledger = msgspec.json.decode(self.path.read_bytes(), type=Ledger)
        except FileNotFoundError:
            return Ledger()
        except (OSError, msgspec.MsgspecError, UnicodeError) as error:
            raise SettingsError(f"{self.path} cannot be read as a ledger: {error}") from error
        if ledger.version != VERSION:
            raise SettingsError(f"{self.path} is a ledger of version {ledger.version}, and this is version {VERSION}")
        return ledger

    def save(self, ledger: Ledger) -> None:
        """Replace the file; durable when it returns. Raises SettingsError where it cannot be written."""
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(msgspec.json.encode(ledger))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise SettingsError(f"the ledger {self.path} cannot be written: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file for one simulator. Raises SettingsError where another has it, or the folder can't be made."""
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = lock.open("w")
        except OSError as error:
            raise SettingsError(f"no ledger can be kept at {self.path}: {error}") from error
        with held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SettingsError(f"another simulator keeps the ledger {self.path}: give each its own") from error
            yield  # the lock file stays: to remove it would let two simulators each hold one of that name
