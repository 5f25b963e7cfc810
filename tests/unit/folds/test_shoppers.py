"""Customers by the hour: visits join whatever lies between the rows, and an order empties the cart of any."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, PaymentAccepted, ProductViewed, epoch_ms
from shopnow_streams.folds.shoppers import MOST_ADDS, PAUSE_MS, SHOPPERS, Add, Shopper, Visit, merge
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all, merge_all

NOON_MS = epoch_ms(NOON)
History = list[tuple[Topic, Event]]


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def ms(minutes: float) -> int:
    return NOON_MS + round(minutes * 60_000)


def view(minutes: float, user_id: int | None = 1) -> tuple[Topic, Event]:
    return Topic.PRODUCT_VIEWED, ProductViewed(
        timestamp=at(minutes), id_produit=1, nom_produit="", prix=4.0, user_id=user_id
    )


def add(minutes: float, product: int = 1, units: int = 1) -> tuple[Topic, Event]:
    return Topic.ITEM_ADDED, ItemAddedToCart(
        timestamp=at(minutes), id_produit=product, nom_produit="", quantite=units, prix=4.5, user_id=1
    )


def order(minutes: float) -> tuple[Topic, Event]:
    return Topic.ORDER_PLACED, OrderPlaced(
        timestamp=at(minutes), id_commande=1, user_id=1, articles=[], montant_total=1.0
    )


def payment(minutes: float) -> tuple[Topic, Event]:
    return Topic.PAYMENT_ACCEPTED, PaymentAccepted(
        timestamp=at(minutes), id_commande=1, user_id=1, montant=1.0, moyen_paiement=""
    )


def shopper(history: Sequence[tuple[Topic, Event]]) -> Shopper:
    """One customer: the rows of all hours together."""
    return reduce(merge, fold_all(SHOPPERS, history).values(), Shopper())


def test_a_pause_of_half_an_hour_is_one_session_a_longer_one_two() -> None:
    half = PAUSE_MS / 60_000
    assert shopper([view(0), view(half)]).visits == [Visit(ms(0), ms(half), pages=2)]
    assert len(shopper([view(0), view(half + 0.001)]).visits) == 2


def test_an_event_between_joins_two_sessions_also_when_it_comes_last() -> None:
    apart = [view(0), add(40), order(50)]
    assert len(shopper(apart).visits) == 2
    assert shopper([*apart, view(20)]).visits == [Visit(ms(0), ms(50), pages=2, adds=1, orders=1)]


def test_a_session_goes_on_over_the_hour() -> None:
    rows = fold_all(SHOPPERS, [view(50), view(65), payment(70)])
    assert sorted(rows) == ["h2025-11-28T12+1", "h2025-11-28T13+1"]
    assert reduce(merge, rows.values()).visits == [Visit(ms(50), ms(70), pages=2, payments=1)]


def test_a_cart_is_what_was_added_since_the_newest_order() -> None:
    found = shopper([add(1, 5, units=2), add(3, 6), order(2), add(2, 7)])
    assert found.cart == [Add(ms(3), 6, 1, 450)]
    assert shopper([add(1), add(90), order(100)]).cart == []


def test_an_order_from_before_leaves_the_cart_alone() -> None:
    assert len(shopper([add(5), order(1)]).cart) == 1


def test_nobody_in_particular_has_no_session() -> None:
    assert fold_all(SHOPPERS, [view(0, None), view(0, 2)]).keys() == {"h2025-11-28T12+2"}


def test_of_more_adds_than_are_kept_the_newest_are() -> None:
    adds = [add(number / 100, number) for number in range(MOST_ADDS + 30)]
    cart = shopper(adds[::-1]).cart
    assert [one.id_produit for one in cart] == list(range(30, MOST_ADDS + 30))


KINDS: list[Callable[[float], tuple[Topic, Event]]] = [view, add, order, payment]
kinds = st.sampled_from(KINDS)
histories = st.lists(st.tuples(kinds, st.integers(0, 180)), max_size=25).map(
    lambda drawn: [kind(minutes) for kind, minutes in drawn]
)


def plainly(history: History) -> tuple[list[tuple[int, int, int]], list[int]]:
    """Sessions as (first, last, events), and when what is in the cart was added."""
    moments = sorted(epoch_ms(event.timestamp) for _, event in history)
    sessions: list[list[int]] = []
    for moment in moments:
        if sessions and moment - sessions[-1][-1] <= PAUSE_MS:
            sessions[-1].append(moment)
        else:
            sessions.append([moment])
    ordered = max((epoch_ms(event.timestamp) for topic, event in history if topic == Topic.ORDER_PLACED), default=-1)
    added = [epoch_ms(event.timestamp) for topic, event in history if topic == Topic.ITEM_ADDED]
    return [(one[0], one[-1], len(one)) for one in sessions], sorted(moment for moment in added if moment > ordered)


@settings(max_examples=60)
@given(history=histories, seed=st.integers(0, 2**32), partitions=st.integers(1, 4))
def test_sessions_and_carts_are_those_of_the_events_whatever_the_order_hours_and_partitions(
    history: History, seed: int, partitions: int
) -> None:
    chance = random.Random(seed)
    split: list[History] = [[] for _ in range(partitions)]
    for event in chance.sample(history, len(history)):
        chance.choice(split).append(event)
    rows = list(merge_all(SHOPPERS, [fold_all(SHOPPERS, part) for part in split]).values())
    chance.shuffle(rows)
    found = reduce(merge, rows, Shopper())
    sessions = [(v.first_ms, v.last_ms, v.pages + v.adds + v.orders + v.payments) for v in found.visits]
    assert (sessions, [one.at_ms for one in found.cart]) == plainly(history)


@pytest.mark.parametrize("between", [0, 3, 7])
def test_what_is_merged_is_left_as_it_was(between: int) -> None:
    one, other = shopper([view(0), add(1)]), shopper([view(between), order(between)])
    before = repr((one, other))
    merge(one, other)
    assert repr((one, other)) == before
