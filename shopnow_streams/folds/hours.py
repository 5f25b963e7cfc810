"""The shop hour by hour of event time: the funnel's counts and the revenue. A day is its hours, merged."""

from collections.abc import Mapping, Sequence
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


def viewed(hour: ShopHour, events: Sequence[ProductViewed]) -> None:
    """First stage of the funnel."""
    hour.views += len(events)


def added(hour: ShopHour, events: Sequence[ItemAddedToCart]) -> None:
    """Second stage."""
    hour.adds += len(events)


def placed(hour: ShopHour, events: Sequence[OrderPlaced]) -> None:
    """Third stage, and revenue as ordered."""
    hour.orders += len(events)
    hour.placed_cents += sum([cents(event.montant_total) for event in events])


def paid(hour: ShopHour, events: Sequence[PaymentAccepted]) -> None:
    """Last stage, and revenue as paid."""
    hour.payments += len(events)
    hour.paid_cents += sum([cents(event.montant) for event in events])


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


def by_hour(events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
    """Groups by the hour of the event, `2025-11-28T10`.

    A batch is mostly of one hour: where its first and last moment are, so are all between. Else events still come
    nearly in order of time, and the bounds of the last one's hour are kept: a conversion to UTC would cost more than
    the fold.
    """
    if not events:
        return {}
    moments = [event.timestamp for event in events]
    first = min(moments)
    start = hour_start(first)
    if start < _LAST_HOUR and start <= first and max(moments) < start + _HOUR:
        return {hour_key(start): events}
    groups: dict[str, list[Event]] = {}
    start = end = datetime.max.replace(tzinfo=UTC)
    for moment, event in zip(moments, events, strict=True):
        if not start <= moment < end:
            start = hour_start(moment)
            end = start + _HOUR if start < _LAST_HOUR else start
            group = groups.setdefault(hour_key(start), [])
        group.append(event)
    return groups


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
    help="each hour of event time: funnel counts and revenue",
    key_type=str,
    state=ShopHour,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, by_hour, viewed),
        Flow(Topic.ITEM_ADDED, by_hour, added),
        Flow(Topic.ORDER_PLACED, by_hour, placed),
        Flow(Topic.PAYMENT_ACCEPTED, by_hour, paid),
    ),
)
