"""Orders: when each was placed and paid, and the amounts of both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shopnow_streams.events import OrderPlaced, PaymentAccepted, cents, order_key
from shopnow_streams.folds.definition import NEVER, Definition, Flow
from shopnow_streams.topics import Topic


class Order(msgspec.Struct, gc=False):
    """One order. `placements` above 1 is an order sent again: the newest stands, the others are only counted.

    Payments are counted and added up, since an order may be paid in parts, or twice.
    """

    user_id: int = -1
    placed_at: datetime = NEVER
    placed_cents: int = 0
    units: int = 0
    placements: int = 0
    paid_at: datetime = NEVER
    paid_cents: int = 0
    payments: int = 0


def placed(order: Order, events: Sequence[OrderPlaced]) -> None:
    """The newest placement stands; of two of the same instant, the one with the larger amount, units, customer."""
    for event in events:
        units = 0
        for line in event.articles:
            units += line.quantite
        placement = (event.timestamp, cents(event.montant_total), units, event.user_id)
        if not order.placements or placement > (order.placed_at, order.placed_cents, order.units, order.user_id):
            order.placed_at, order.placed_cents, order.units, order.user_id = placement
        order.placements += 1


def paid(order: Order, events: Sequence[PaymentAccepted]) -> None:
    """So many payments more; the order carries the time of the newest."""
    for event in events:
        if not order.payments or event.timestamp > order.paid_at:
            order.paid_at = event.timestamp
        order.payments += 1
        order.paid_cents += cents(event.montant)


def merge(one: Order, other: Order) -> Order:
    """The newest placement of both; payments add up."""
    newest = max(one, other, key=lambda order: (order.placed_at, order.placed_cents, order.units, order.user_id))
    return Order(
        user_id=newest.user_id,
        placed_at=newest.placed_at,
        placed_cents=newest.placed_cents,
        units=newest.units,
        placements=one.placements + other.placements,
        paid_at=max(one.paid_at, other.paid_at),
        paid_cents=one.paid_cents + other.paid_cents,
        payments=one.payments + other.payments,
    )


def _by_order(events: Sequence[OrderPlaced | PaymentAccepted]) -> Mapping[str, Sequence[Any]]:
    groups: dict[str, list[Any]] = {}
    for event in events:
        groups.setdefault(order_key(event.id_commande), []).append(event)
    return groups


ORDERS = Definition(
    name="orders",
    help="each order: placed, paid, and the amounts of both",
    key_type=str,
    state=Order,
    merge=merge,
    flows=(
        Flow(Topic.ORDER_PLACED, _by_order, placed),
        Flow(Topic.PAYMENT_ACCEPTED, _by_order, paid),
    ),
)
