"""Orders against a plain reading of all their events."""

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings

from shopnow_streams.events import Event, OrderLine, OrderPlaced, PaymentAccepted
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all, histories


def in_cents(euros: float) -> int:
    return int(f"{euros:.2f}".replace(".", ""))


@given(histories(30))
@settings(max_examples=80)
def test_an_order_is_what_its_events_say(history: list[tuple[Topic, Event]]) -> None:
    placements: dict[str, list[tuple[float, int, int, int]]] = {}
    payments: dict[str, list[tuple[float, int]]] = {}
    for _, event in history:
        if isinstance(event, OrderPlaced):
            units = sum(line.quantite for line in event.articles)
            placement = (event.timestamp.timestamp(), in_cents(event.montant_total), units, event.user_id)
            placements.setdefault(str(event.id_commande), []).append(placement)
        elif isinstance(event, PaymentAccepted):
            payment = (event.timestamp.timestamp(), in_cents(event.montant))
            payments.setdefault(str(event.id_commande), []).append(payment)
    rows = fold_all(ORDERS, history)
    assert rows.keys() == placements.keys() | payments.keys()
    for key, row in rows.items():
        assert (row.placements, row.payments) == (len(placements.get(key, [])), len(payments.get(key, [])))
        assert row.paid_cents == sum(cents for _, cents in payments.get(key, []))
        if key in placements:
            newest = max(placements[key])
            assert (row.placed_at.timestamp(), row.placed_cents, row.units, row.user_id) == newest
        if key in payments:
            assert row.paid_at.timestamp() == max(at for at, _ in payments[key])


def placed(**fields: Any) -> tuple[Topic, Event]:
    line = OrderLine(id_produit=1, quantite=2, prix=5.0)
    defaults = {"timestamp": NOON, "id_commande": "C-1", "user_id": 7, "articles": [line], "montant_total": 10.0}
    return Topic.ORDER_PLACED, OrderPlaced(**{**defaults, **fields})


def test_a_number_and_its_digits_are_one_order() -> None:
    rows = fold_all(ORDERS, [placed(id_commande=17), placed(id_commande="17")])
    assert {key: row.placements for key, row in rows.items()} == {"17": 2}


def test_an_order_sent_again_is_counted_but_not_added_up() -> None:
    row = fold_all(ORDERS, [placed(), placed()])["C-1"]
    assert (row.placements, row.placed_cents, row.units) == (2, 1000, 2)


def test_an_older_placement_that_comes_later_changes_nothing_but_its_count() -> None:
    older = placed(timestamp=NOON - timedelta(seconds=1), montant_total=99.0, user_id=1)
    row = fold_all(ORDERS, [placed(), older])["C-1"]
    assert (row.placed_at, row.placed_cents, row.user_id, row.placements) == (NOON, 1000, 7, 2)


def test_an_order_of_nothing_is_an_order() -> None:
    row = fold_all(ORDERS, [placed(articles=[], montant_total=0.0, user_id=0)])["C-1"]
    assert (row.placed_at, row.placed_cents, row.units, row.user_id) == (NOON, 0, 0, 0)


def test_payments_may_come_before_the_order_and_in_parts() -> None:
    def payment(euros: float, minutes: int) -> tuple[Topic, Event]:
        at = NOON + timedelta(minutes=minutes)
        event = PaymentAccepted(timestamp=at, id_commande="C-1", user_id=7, montant=euros, moyen_paiement="carte")
        return Topic.PAYMENT_ACCEPTED, event

    row = fold_all(ORDERS, [payment(6.0, 5), payment(4.0, 3), placed()])["C-1"]
    assert (row.payments, row.paid_cents, row.paid_at) == (2, 1000, NOON + timedelta(minutes=5))
    assert row.placements == 1


def test_an_order_placed_before_year_one_of_utc_is_an_order() -> None:
    at = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    row = fold_all(ORDERS, [placed(timestamp=at)])["C-1"]
    assert (row.placements, row.user_id, row.placed_cents) == (1, 7, 1000)
