"""`/api/products`: pages, rankings, one product."""

import pytest

from shopnow_streams.events import Event, ItemAddedToCart, OrderLine, OrderPlaced, ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker


def view(product: int, name: str = "Thé") -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit=name, prix=1.0)


def added(product: int, units: int) -> Event:
    return ItemAddedToCart(timestamp=NOON, id_produit=product, nom_produit="Thé", quantite=units, prix=1.0, user_id=1)


def sold(*lines: tuple[int, int, float]) -> Event:
    articles = [OrderLine(id_produit=product, quantite=units, prix=prix) for product, units, prix in lines]
    return OrderPlaced(timestamp=NOON, id_commande=1, user_id=1, articles=articles, montant_total=1.0)


async def test_one_product_is_merged_over_its_partitions(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)] * 3)
    worker.fold(2, Topic.PRODUCT_VIEWED, [view(7)])
    worker.fold(1, Topic.ITEM_ADDED, [added(7, 2)])
    worker.fold(3, Topic.ORDER_PLACED, [sold((7, 2, 9.99), (7, 1, 5.0))])
    assert await worker.get("/api/products/7") == {
        "id_produit": 7,
        "name": "Thé",
        "views": 4,
        "adds": 1,
        "units_added": 2,
        "order_lines": 2,
        "units_sold": 3,
        "revenue_cents": 2 * 999 + 500,
        "complete": True,
        "partitions": {"answered": 4, "of": 4},
        "offsets": {
            "produit-consulte": {"0": 3, "2": 1},
            "article-ajoute": {"1": 1},
            "commande-validee": {"3": 1},
        },
    }


async def test_a_product_that_was_only_sold_has_no_name_yet(worker: Worker) -> None:
    worker.fold(0, Topic.ORDER_PLACED, [sold((7, 1, 1.0))])
    assert (await worker.get("/api/products/7"))["name"] is None


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("views", [2, 1, 3]),
        ("adds", [3, 1, 2]),
        ("units_added", [1, 3, 2]),
        ("units_sold", [2, 1, 3]),
        ("revenue_cents", [1, 2, 3]),
    ],
)
async def test_rankings_are_of_the_merged_rows_and_ties_go_by_id(
    worker: Worker, sort: str, expected: list[int]
) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(1), view(2), view(3)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(2)])
    worker.fold(2, Topic.ITEM_ADDED, [added(3, 1), added(3, 1), added(1, 9)])
    worker.fold(3, Topic.ORDER_PLACED, [sold((1, 1, 9.0), (2, 2, 1.0))])
    ranking = await worker.get("/api/products", sort=sort)
    assert [item["id_produit"] for item in ranking["items"]] == expected
    assert ranking["after"] is None
    top = await worker.get("/api/products", sort=sort, limit=1)
    assert [item["id_produit"] for item in top["items"]] == expected[:1]
