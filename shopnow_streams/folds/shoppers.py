"""Customers by the hour: their visits, and what they have in their carts. A day of it is kept.

What a customer does lies in several partitions, and an hour's row knows its hour alone: a visit may go on in the next
row, and an order may empty a cart of another. So rows hold what can be joined. `visits` are stretches of events with no
pause of `PAUSE_MS` in them: those of all rows, joined by the same rule, are the customer's sessions. `cart` are the
adds after the newest order that the row knows: those of all rows after the newest order of any are the cart.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any

import msgspec

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed, cents, epoch_ms
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.folds.windows import HOUR, Level, Windows, by_window
from shopnow_streams.topics import Topic

PAUSE_MS = 30 * 60 * 1000
"""A longer one ends a session."""

MOST_ADDS = 200
"""Of an hour's cart the newest so many stay."""

NO_ORDER_MS = -1
WINDOWS = Windows((Level(HOUR, timedelta(hours=24)),))


class Visit(msgspec.Struct, array_like=True, gc=False):
    """A stretch of events, the first and the last of it in milliseconds since 1970. Pages are its views."""

    first_ms: int
    last_ms: int
    pages: int = 0
    adds: int = 0
    orders: int = 0
    payments: int = 0


class Add(msgspec.Struct, array_like=True, frozen=True, order=True, gc=False):
    """What was put in a cart, and when. `cents` is the price of one unit."""

    at_ms: int
    id_produit: int
    units: int
    cents: int


class Shopper(msgspec.Struct, gc=False, omit_defaults=True):
    """One customer in one hour. `visits` and `cart` are in order of time."""

    visits: list[Visit] = []
    cart: list[Add] = []
    ordered_ms: int = NO_ORDER_MS


def viewed(shopper: Shopper, events: Sequence[ProductViewed]) -> None:
    """Pages of a visit."""
    for event in events:
        _visit(shopper, epoch_ms(event.timestamp)).pages += 1


def added(shopper: Shopper, events: Sequence[ItemAddedToCart]) -> None:
    """More in the cart."""
    for event in events:
        at_ms = epoch_ms(event.timestamp)
        add = Add(at_ms, event.id_produit, event.quantite, cents(event.prix))
        if shopper.cart or at_ms <= shopper.ordered_ms:
            shopper.cart = cart([*shopper.cart, add], shopper.ordered_ms)
        else:
            shopper.cart.append(add)
        _visit(shopper, at_ms).adds += 1


def placed(shopper: Shopper, events: Sequence[OrderPlaced]) -> None:
    """What was in the cart by then is ordered."""
    for event in events:
        at_ms = epoch_ms(event.timestamp)
        shopper.ordered_ms = max(shopper.ordered_ms, at_ms)
        _visit(shopper, at_ms).orders += 1
    shopper.cart = cart(shopper.cart, shopper.ordered_ms)


def paid(shopper: Shopper, events: Sequence[PaymentAccepted]) -> None:
    """A visit's end, mostly."""
    for event in events:
        _visit(shopper, epoch_ms(event.timestamp)).payments += 1


def _visit(shopper: Shopper, at_ms: int) -> Visit:
    """The visit that an event of that moment is of: as a rule a first one, or the last one, which goes on."""
    visits = shopper.visits
    if visits:
        last = visits[-1]
        if not last.first_ms <= at_ms <= last.last_ms + PAUSE_MS:
            return _another_visit(shopper, at_ms)
        if at_ms > last.last_ms:
            last.last_ms = at_ms
        return last
    visits.append(Visit(at_ms, at_ms))
    return visits[0]


def _another_visit(shopper: Shopper, at_ms: int) -> Visit:
    shopper.visits = joined([*shopper.visits, Visit(at_ms, at_ms)])
    return next(visit for visit in shopper.visits if visit.first_ms <= at_ms <= visit.last_ms)


def joined(visits: Iterable[Visit]) -> list[Visit]:
    """Visits in order of time, those with no pause between them as one. The ones given are not changed."""
    found: list[Visit] = []
    for visit in sorted(visits, key=attrgetter("first_ms", "last_ms")):
        if found and visit.first_ms <= found[-1].last_ms + PAUSE_MS:
            _join(found[-1], visit)
        else:
            found.append(msgspec.structs.replace(visit))
    return found


def _join(visit: Visit, other: Visit) -> None:
    visit.last_ms = max(visit.last_ms, other.last_ms)
    visit.pages += other.pages
    visit.adds += other.adds
    visit.orders += other.orders
    visit.payments += other.payments


def cart(adds: Iterable[Add], ordered_ms: int) -> list[Add]:
    """What is in a cart after an order of that moment, in order of time: the newest `MOST_ADDS` at most."""
    return sorted([add for add in adds if add.at_ms > ordered_ms])[-MOST_ADDS:]


def merge(one: Shopper, other: Shopper) -> Shopper:
    """Visits join; of both carts, what came after the newest order."""
    ordered_ms = max(one.ordered_ms, other.ordered_ms)
    return Shopper(
        visits=joined([*one.visits, *other.visits]),
        cart=cart([*one.cart, *other.cart], ordered_ms),
        ordered_ms=ordered_ms,
    )


_at: Callable[[Event], Any] = attrgetter("timestamp")
_by_customer = by_window(HOUR, _at, attrgetter("user_id"))


def _of_known(events: Sequence[ProductViewed]) -> Any:
    """Views by nobody in particular are of no session."""
    return _by_customer([event for event in events if event.user_id is not None])


SHOPPERS = Definition(
    name="shoppers",
    help="each customer by the hour: visits and cart",
    key_type=str,
    state=Shopper,
    merge=merge,
    flows=(
        Flow(Topic.PRODUCT_VIEWED, _of_known, viewed),
        Flow(Topic.ITEM_ADDED, _by_customer, added),
        Flow(Topic.ORDER_PLACED, _by_customer, placed),
        Flow(Topic.PAYMENT_ACCEPTED, _by_customer, paid),
    ),
    windows=WINDOWS,
)
