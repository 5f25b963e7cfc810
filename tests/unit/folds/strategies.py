"""Events as Hypothesis draws them: few keys and few instants, so that they collide."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import strategies as st

from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderLine,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
)
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.late import LATE, LateEvent, misdated
from shopnow_streams.folds.rejections import REJECTIONS, rejected
from shopnow_streams.topics import Topic

PLAIN = tuple(definition for definition in TABLES if definition.windows is None)
"""The tables that do not depend on event time."""

NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.one_of(
    st.builds(
        lambda seconds, zone: (NOON + timedelta(seconds=seconds)).astimezone(zone),
        st.integers(-2, 2).map(lambda hours: hours * 3600) | st.integers(-7300, 7300),
        offsets,
    ),
    st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=offsets),
)
"""Around a few hour boundaries, often at the same instant written with different offsets; some far away."""

any_moments = moments | st.datetimes(timezones=offsets)
"""Every moment that can be written, those within an offset of year 1 and 9999 too."""

ids = st.integers(0, 4)
orders = st.integers(0, 3) | st.integers(0, 3).map(str) | st.text(min_size=1, max_size=3)
euros = st.integers(0, 20_000).map(lambda cents: cents / 100)
names = st.sampled_from(["", "T-shirt", "Écharpe en laine", "t-shirt", "袜子"])
lines = st.builds(OrderLine, id_produit=ids, quantite=st.integers(1, 4), prix=euros)


def events(when: st.SearchStrategy[datetime] = moments) -> st.SearchStrategy[tuple[Topic, Event]]:
    """An event and its topic, each field drawn by itself: wide, and slow."""
    kinds: dict[Topic, st.SearchStrategy[Event]] = {
        Topic.PRODUCT_VIEWED: st.builds(
            ProductViewed, timestamp=when, id_produit=ids, nom_produit=names, prix=euros, user_id=st.none() | ids
        ),
        Topic.ITEM_ADDED: st.builds(
            ItemAddedToCart,
            timestamp=when,
            id_produit=ids,
            nom_produit=names,
            quantite=st.integers(1, 5),
            prix=euros,
            user_id=ids,
        ),
        Topic.ORDER_PLACED: st.builds(
            OrderPlaced,
            timestamp=when,
            id_commande=orders,
            user_id=ids,
            articles=st.lists(lines, max_size=4),
            montant_total=euros,
        ),
        Topic.PAYMENT_ACCEPTED: st.builds(
            PaymentAccepted, timestamp=when, id_commande=orders, user_id=ids, montant=euros, moyen_paiement=names
        ),
        Topic.STOCK_UPDATED: st.builds(
            StockUpdated, timestamp=when, id_produit=ids, stock=st.integers(0, 5), nom_produit=st.none() | names
        ),
    }
    return st.one_of(*(st.tuples(st.just(topic), kind) for topic, kind in kinds.items()))


_NAMES = ("", "T-shirt", "Écharpe en laine", "t-shirt", "袜子")
_ZONES = tuple(timezone(timedelta(minutes=minutes)) for minutes in (0, 120, -330, 345, 1439, -1439))
_SECONDS = (0, 0, 1, -1, 3599, 3600, -3600, 7200, 86_400 * 40)
_ORDERS = (0, 1, "1", 2, "2", "C-é", "C\0")


def event_of(number: int) -> tuple[Topic, Event]:
    """One event for each number, nearby ones alike: what a list of numbers shrinks to is a simple history."""

    def pick(choices: int) -> int:
        nonlocal number
        number, choice = divmod(number, choices)
        return choice

    topic = tuple(Topic)[pick(5)]
    at = (NOON + timedelta(seconds=_SECONDS[pick(9)])).astimezone(_ZONES[pick(6)])
    match topic:
        case Topic.PRODUCT_VIEWED:
            return topic, ProductViewed(
                timestamp=at, id_produit=pick(3), nom_produit=_NAMES[pick(5)], prix=1.1, user_id=pick(2) or None
            )
        case Topic.ITEM_ADDED:
            return topic, ItemAddedToCart(
                timestamp=at, id_produit=pick(3), nom_produit=_NAMES[pick(5)], quantite=1 + pick(5), prix=1.1, user_id=1
            )
        case Topic.ORDER_PLACED:
            order, user, euros = _ORDERS[pick(7)], pick(3), pick(500) / 100
            articles = [
                OrderLine(id_produit=pick(3), quantite=1 + pick(3), prix=pick(2_000) / 100) for _ in range(pick(4))
            ]
            return topic, OrderPlaced(
                timestamp=at, id_commande=order, user_id=user, articles=articles, montant_total=euros
            )
        case Topic.PAYMENT_ACCEPTED:
            return topic, PaymentAccepted(
                timestamp=at, id_commande=_ORDERS[pick(7)], user_id=pick(3), montant=pick(500) / 100, moyen_paiement=""
            )
        case Topic.STOCK_UPDATED:
            return topic, StockUpdated(timestamp=at, id_produit=pick(3), stock=pick(5))


def histories(most: int = 20) -> st.SearchStrategy[list[tuple[Topic, Event]]]:
    """Events of all topics with few keys and few instants; one number an event, so that a long one is quickly drawn."""
    return st.lists(st.integers(0, 2**44).map(event_of), max_size=most)


def fold_all(definition: Definition[Any], happened: Iterable[tuple[Topic, Event]]) -> dict[Any, Any]:
    """One partition's rows: the table's own flows, an event at a time."""
    rows: dict[Any, Any] = {}
    for topic, event in happened:
        fold_batch(definition, rows, topic, [event])
    return rows


def fold_batch(definition: Definition[Any], rows: dict[Any, Any], topic: Topic, events: Sequence[Event]) -> None:
    """Events of one topic into `rows`, all at once."""
    for flow in definition.flows:
        if flow.topic == topic:
            for key, parts in flow.groups(events).items():
                flow.fold(rows.setdefault(key, definition.state()), parts)


def merge_all(definition: Definition[Any], partials: Sequence[dict[Any, Any]]) -> dict[Any, Any]:
    """Rows of several partitions as one table."""
    merged: dict[Any, Any] = {}
    for rows in partials:
        for key, state in rows.items():
            merged[key] = definition.merge(merged.get(key, definition.state()), state)
    return merged


def _state_of(definition: Definition[Any]) -> Callable[[list[tuple[Topic, Event]]], Any]:
    def one_key(happened: list[tuple[Topic, Event]]) -> Any:
        state = definition.state()
        for topic, event in happened:
            for flow in definition.flows:
                if flow.topic == topic:
                    for parts in flow.groups([event]).values():
                        flow.fold(state, parts)
        return state

    return one_key


def states(definition: Definition[Any]) -> st.SearchStrategy[Any]:
    """States that folds can reach, as if every event were of one key."""
    if definition is REJECTIONS:
        reasons = st.lists(st.sampled_from(["no-value", "not-valid", "not-json"]), max_size=8)
        return reasons.map(_rejections)
    if definition is LATE:
        return st.lists(st.integers(0, 2**20), max_size=8).map(_late)
    return histories(6).map(_state_of(definition))


def _rejections(reasons: list[str]) -> msgspec.Struct:
    state = REJECTIONS.state()
    for reason in reasons:
        rejected(state, reason)
    return state


def _late(numbers: list[int]) -> msgspec.Struct:
    state = LATE.state()
    for number in numbers:
        misdated(
            state, LateEvent(number % 7, number % 3, number, NOON + timedelta(seconds=number % 5), number % 2 == 0)
        )
    return state
