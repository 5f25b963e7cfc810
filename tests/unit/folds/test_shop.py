"""The shop's windows: the funnel, what the baskets held, and how many customers came how far."""

from shopnow_streams.events import ItemAddedToCart, OrderLine, OrderPlaced, PaymentAccepted, ProductViewed
from shopnow_streams.folds.distinct import count
from shopnow_streams.folds.shop import SHOP
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all

LINES = [OrderLine(id_produit=1, quantite=2, prix=4.0), OrderLine(id_produit=2, quantite=3, prix=1.5)]


def test_every_stage_counts_events_and_customers() -> None:
    rows = fold_all(
        SHOP,
        [
            *(
                (
                    Topic.PRODUCT_VIEWED,
                    ProductViewed(timestamp=NOON, id_produit=1, nom_produit="", prix=4, user_id=user),
                )
                for user in (1, 2, 3, 3, None)
            ),
            *(
                (
                    Topic.ITEM_ADDED,
                    ItemAddedToCart(timestamp=NOON, id_produit=1, nom_produit="", quantite=2, prix=4, user_id=user),
                )
                for user in (1, 2, 2)
            ),
            (
                Topic.ORDER_PLACED,
                OrderPlaced(timestamp=NOON, id_commande="C", user_id=2, articles=LINES, montant_total=12.5),
            ),
            (
                Topic.PAYMENT_ACCEPTED,
                PaymentAccepted(timestamp=NOON, id_commande="C", user_id=2, montant=12.5, moyen_paiement="carte"),
            ),
        ],
    )
    (window,) = rows.values()
    assert list(rows) == ["m2025-11-28T12:00"]
    assert (window.views, window.adds, window.orders, window.payments) == (5, 3, 1, 1)
    assert [count(who) for who in (window.viewers, window.adders, window.buyers, window.payers)] == [3, 2, 1, 1]
    assert (window.units, window.placed_cents, window.paid_cents) == (5, 1250, 1250)
