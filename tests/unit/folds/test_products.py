"""Product activity against a plain count."""

from collections import Counter
from typing import Any

from hypothesis import given, settings

from shopnow_streams.events import Event, ItemAddedToCart, OrderPlaced, ProductViewed
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, fold_all, histories


def plainly(history: list[tuple[Topic, Event]]) -> dict[int, dict[str, Any]]:
    """The same numbers, worked out without a fold."""
    counts: dict[int, Counter[str]] = {}
    named: dict[int, list[tuple[float, str]]] = {}
    for _, event in history:
        if isinstance(event, ProductViewed | ItemAddedToCart):
            count = counts.setdefault(event.id_produit, Counter())
            named.setdefault(event.id_produit, []).append((event.timestamp.timestamp(), event.nom_produit))
            if isinstance(event, ProductViewed):
                count["views"] += 1
            else:
                count["adds"] += 1
                count["units_added"] += event.quantite
        elif isinstance(event, OrderPlaced):
            for line in event.articles:
                count = counts.setdefault(line.id_produit, Counter())
                count["order_lines"] += 1
                count["units_sold"] += line.quantite
                count["revenue_cents"] += line.quantite * int(f"{line.prix:.2f}".replace(".", ""))
    fields = ("views", "adds", "units_added", "order_lines", "units_sold", "revenue_cents")
    return {
        product: {name: count[name] for name in fields} | {"name": max(named.get(product, [(0, "")]))[1]}
        for product, count in counts.items()
    }


@given(histories(30))
@settings(max_examples=80)
def test_activity_is_what_a_plain_count_gives(history: list[tuple[Topic, Event]]) -> None:
    rows = fold_all(PRODUCTS, history)
    expected = plainly(history)
    assert rows.keys() == expected.keys()
    for product, fields in expected.items():
        assert {name: getattr(rows[product], name) for name in fields} == fields


def viewed(name: str, hour: int) -> tuple[Topic, Event]:
    at = NOON.replace(hour=hour)
    return Topic.PRODUCT_VIEWED, ProductViewed(timestamp=at, id_produit=1, nom_produit=name, prix=1.0)


def test_a_late_event_counts_but_does_not_rename() -> None:
    row = fold_all(PRODUCTS, [viewed("nouveau", 12), viewed("ancien", 11)])[1]
    assert (row.name, row.named_at, row.views) == ("nouveau", NOON, 2)


def test_of_two_names_at_one_instant_the_last_in_code_point_order_stands() -> None:
    for names in (("Thé", "thé"), ("thé", "Thé")):
        assert fold_all(PRODUCTS, [viewed(name, 12) for name in names])[1].name == "thé"
