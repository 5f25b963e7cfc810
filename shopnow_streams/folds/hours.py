"""The shop hour by hour of event time: the funnel's counts and the revenue. A day is its hours, merged."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed, cents
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.topics import Topic


class ShopHour(msgspec.Struct, gc=False):
    """What happened in one hour (UTC) by the events' own clocks."""

    views: int = 0
    adds: int = 0
    orders: int = 0
    placed_cents: int = 0
    payments: int = 0
    paid_cents: int = 0


def viewed(hour: ShopHour, _event: ProductViewed) -> ShopHour:
    """First stage of the funnel."""
    hour.views += 1
    return hour


def added(hour: ShopHour, _event: ItemAddedToCart) -> ShopHour:
    """Second stage."""
    hour.adds += 1
    return hour


def placed(hour: ShopHour, event: OrderPlaced) -> ShopHour:
    """Third stage, and revenue as ordered."""
    hour.orders += 1
    hour.placed_cents += cents(event.montant_total)
    return hour


def paid(hour: ShopHour, event: PaymentAccepted) -> ShopHour:
    """Last stage, and revenue as paid."""
    hour.payments += 1
    hour.paid_cents += cents(event.montant)
    return hour


def merge(one: ShopHour, other: ShopHour) -> ShopHour:
    """Everything adds up: partitions of one hour, hours of one day."""
    return ShopHour(
        one.views + other.views,
        one.adds + other.adds,
        one.orders + other.orders,
        one.placed_cents + other.placed_cents,
        one.payments + other.payments,
        one.paid_cents + other.paid_cents,
    )


def hour_of(event: Event) -> str:
    """The key of the event's hour, `2025-11-28T10`."""
    return hour_key(hour_start(event.timestamp))


def hours_of(events: Sequence[Event]) -> list[str]:
    """`hour_of` each event.

    Events come nearly in order of time, so the bounds of the last one's hour are kept: two comparisons in place of a
    conversion to UTC and a format, which would be the most costly step of the whole fold.
    """
    start = end = datetime.max.replace(tzinfo=UTC)
    key, keys = "", []
    for event in events:
        moment = event.timestamp
        if not start <= moment < end:
            start = hour_start(moment)
            end = start + _HOUR if start < _LAST_HOUR else start
            key = hour_key(start)
        keys.append(key)
    return keys


def hour_start(moment: datetime) -> datetime:
    """The beginning of the moment's hour, UTC."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # within an offset of year 1 or 9999: its own clock's hour has to do
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(minute=0, second=0, microsecond=0)


def hour_key(start: datetime) -> str:
    """`2025-11-28T10`: sorts as time does, and a day is the keys of one prefix."""
    return f"{start.year:04d}-{start.month:02d}-{start.day:02d}T{start.hour:02d}"


_HOUR = timedelta(hours=1)
_LAST_HOUR = datetime(9999, 12, 31, 23, tzinfo=UTC)

HOURS = Definition(
    name="hours",
    key_type=str,
    state=ShopHour,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, key=hour_of, fold=viewed, keys=hours_of),
        Flow(Topic.ITEM_ADDED, key=hour_of, fold=added, keys=hours_of),
        Flow(Topic.ORDER_PLACED, key=hour_of, fold=placed, keys=hours_of),
        Flow(Topic.PAYMENT_ACCEPTED, key=hour_of, fold=paid, keys=hours_of),
    ),
)
