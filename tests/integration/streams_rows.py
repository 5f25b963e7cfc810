"""Rows of the peer on Kafka Streams as states of ours: read from its changelogs, where they stand in binary."""

import base64
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shopnow_streams.folds.activity import Activity
from shopnow_streams.folds.definition import NEVER
from shopnow_streams.folds.distinct import Distinct
from shopnow_streams.folds.hours import ShopHour
from shopnow_streams.folds.late import Late, LateEvent
from shopnow_streams.folds.orders import Order
from shopnow_streams.folds.products import ProductActivity
from shopnow_streams.folds.shop import ShopWindow
from shopnow_streams.folds.shoppers import Add, Shopper, Visit
from shopnow_streams.folds.stock import StockLevel
from shopnow_streams.folds.windows import DAY, EPOCH, HOUR, MINUTE, SUBJECT, Length
from tests import oracle

OF_JAVA_MIN = -(2**63)
LENGTHS: Mapping[str, Length] = {length.mark: length for length in (MINUTE, HOUR, DAY)}


class Packed:
    """Java's big-endian numbers, one after another."""

    def __init__(self, raw: bytes) -> None:
        self.rest = raw

    def take(self, form: str) -> tuple[Any, ...]:
        """The next ones, of that form of `struct`."""
        layout = struct.Struct(f">{form}")
        taken, self.rest = self.rest[: layout.size], self.rest[layout.size :]
        return layout.unpack(taken)

    def moment(self) -> datetime:
        """Of microseconds."""
        (micros,) = self.take("q")
        return NEVER if micros == OF_JAVA_MIN else EPOCH + timedelta(microseconds=micros)

    def customers(self) -> Distinct | None:
        """A few, or a sketch."""
        (length,) = self.take("h")
        if length < 0:
            return Distinct.decode(base64.b64encode(self.take(f"{-length}s")[0]))
        return Distinct(self.take(f"{length}q")) if length else None


def product(row: Packed) -> ProductActivity:
    named_at, counts = row.moment(), row.take("6q")
    return ProductActivity(row.rest.decode(), named_at, *counts)


def level(row: Packed) -> StockLevel:
    (units,) = row.take("q")
    return StockLevel(units, row.moment(), *row.take("q"))


def order(row: Packed) -> Order:
    (user_id,), placed_at = row.take("q"), row.moment()
    placed_cents, units, placements = row.take("3q")
    return Order(user_id, placed_at, placed_cents, units, placements, row.moment(), *row.take("2q"))


def hour(row: Packed) -> ShopHour:
    return ShopHour(*row.take("6q"))


def activity(row: Packed) -> Activity:
    views, adds, units_added, orders, units_sold, revenue_cents = row.take("5iq")
    return Activity(views, row.customers(), adds, units_added, orders, units_sold, revenue_cents)


def shop(row: Packed) -> ShopWindow:
    views, adds, orders, units, payments, placed_cents, paid_cents = row.take("5i2q")
    stages = [row.customers() for _ in range(4)]
    return ShopWindow(views, adds, orders, units, placed_cents, payments, paid_cents, *stages)


def shopper(row: Packed) -> Shopper:
    ordered_ms, visits = row.take("qh")
    seen = [Visit(*row.take("2q4i")) for _ in range(visits)]
    cart = []
    while row.rest:
        cart.append(Add(*row.take("2qiq")))
    return Shopper(seen, cart, ordered_ms)


def late(row: Packed) -> Late:
    (late, ahead), newest = row.take("2q"), []
    while row.rest:
        arrived_ms, partition, offset = row.take("qiq")
        newest.append(LateEvent(arrived_ms, partition, offset, row.moment(), *row.take("?")))
    return Late(late, ahead, newest)


def number_of(key: bytes) -> Any:
    return Packed(key).take("q")[0]


def hour_of(key: bytes) -> str:
    return (EPOCH + timedelta(hours=number_of(key))).strftime("%Y-%m-%dT%H")


def window_of(key: bytes) -> str:
    mark, minute, subject = Packed(key).take("c2q")
    return LENGTHS[mark.decode()].key(EPOCH + timedelta(minutes=minute), subject)


def shop_window_of(key: bytes) -> str:
    return window_of(key).partition(SUBJECT)[0]


FORMS: Mapping[str, tuple[Callable[[bytes], Any], Callable[[Packed], Any]]] = {
    "products": (number_of, product),
    "stock": (number_of, level),
    "orders": (bytes.decode, order),
    "hours": (hour_of, hour),
    "activity": (window_of, activity),
    "shop": (shop_window_of, shop),
    "shoppers": (window_of, shopper),
    "late": (bytes.decode, late),
}
"""What makes keys and states of each table's rows."""

PartitionRows = dict[Any, Any]


def rows(bootstrap: str, application_id: str) -> dict[tuple[str, int], PartitionRows]:
    """All of them, by table and partition. Blocks until the changelogs are read."""
    found: dict[tuple[str, int], PartitionRows] = {}
    for table, (key_of, state_of) in FORMS.items():
        for number, latest in _latest(bootstrap, application_id, table).items():
            found[table, number] = {key_of(key): state_of(Packed(value)) for key, value in latest.items()}
    return found


def stands(bootstrap: str, application_id: str) -> dict[tuple[str, int], datetime]:
    """The moments that windowed tables stand at in each partition, where rows were due yet."""
    return {
        (table.decode(), number): EPOCH + timedelta(minutes=number_of(value))
        for number, latest in _latest(bootstrap, application_id, "stands").items()
        for table, value in latest.items()
    }


def _latest(bootstrap: str, application_id: str, table: str) -> dict[int, dict[bytes, bytes]]:
    """What stands for each key, by partition; without what a tombstone ended."""
    found: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    for record in oracle.read_log(bootstrap, [f"{application_id}-{table}-changelog"]).records:
        assert record.key is not None
        if record.value is None:
            found[record.partition].pop(record.key, None)
        else:
            found[record.partition][record.key] = record.value
    return found
