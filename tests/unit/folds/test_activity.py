"""Product activity: an order counts once for each product that it has, a visitor once for each window."""

from datetime import timedelta

from shopnow_streams.events import Event, ItemAddedToCart, OrderLine, OrderPlaced, ProductViewed
from shopnow_streams.folds.activity import ACTIVITY, Activity
from shopnow_streams.folds.distinct import count
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all


def view(user_id: int | None, product: int = 1, after_s: int = 0) -> tuple[Topic, Event]:
    at = NOON + timedelta(seconds=after_s)
    return Topic.PRODUCT_VIEWED, ProductViewed(
        timestamp=at, id_produit=product, nom_produit="Thé", prix=4.0, user_id=user_id
    )


def order(*lines: tuple[int, int, float]) -> tuple[Topic, Event]:
    articles = [OrderLine(id_produit=product, quantite=units, prix=euros) for product, units, euros in lines]
    return Topic.ORDER_PLACED, OrderPlaced(
        timestamp=NOON, id_commande=1, user_id=1, articles=articles, montant_total=1.0
    )


def test_each_minute_of_a_product_is_a_row() -> None:
    rows = fold_all(ACTIVITY, [view(1), view(2, after_s=59), view(3, after_s=60), view(1, product=2)])
    assert {key: row.views for key, row in rows.items()} == {
        "m2025-11-28T12:00+1": 2,
        "m2025-11-28T12:00+2": 1,
        "m2025-11-28T12:01+1": 1,
    }


def test_a_visitor_is_counted_once_and_nobody_in_particular_not_at_all() -> None:
    (row,) = fold_all(ACTIVITY, [view(1), view(1), view(2), view(None)]).values()
    assert (row.views, count(row.visitors)) == (4, 2)
    (anonymous,) = fold_all(ACTIVITY, [view(None)]).values()
    assert anonymous == Activity(views=1)


def test_two_lines_of_a_product_are_one_order_of_it() -> None:
    rows = fold_all(ACTIVITY, [order((1, 2, 9.99), (2, 1, 1.0), (1, 1, 5.0)), order((1, 1, 9.99))])
    assert rows["m2025-11-28T12:00+1"] == Activity(orders=2, units_sold=4, revenue_cents=3 * 999 + 500)
    assert rows["m2025-11-28T12:00+2"] == Activity(orders=1, units_sold=1, revenue_cents=100)


def test_adds_count_with_their_units() -> None:
    add = ItemAddedToCart(timestamp=NOON, id_produit=1, nom_produit="Thé", quantite=3, prix=4.0, user_id=1)
    (row,) = fold_all(ACTIVITY, [(Topic.ITEM_ADDED, add)] * 2).values()
    assert row == Activity(adds=2, units_added=6)
