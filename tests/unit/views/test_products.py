"""`/api/products`: pages, rankings, one product."""

import random
from typing import Any

import pytest

from shopnow_streams.events import MAX_ID, Event, ItemAddedToCart, OrderLine, OrderPlaced, ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker


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


@pytest.mark.parametrize("key", ["8", "abc", "-1", "1.5", str(MAX_ID + 1), "9" * 5_000, "%E9", "%00"])
async def test_what_is_not_there_is_not_found(worker: Worker, key: str) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    problem = await worker.get(f"/api/products/{key}", 404)
    assert (problem["status"], problem["title"], problem["type"]) == (404, "Not Found", "about:blank")
    assert problem["detail"]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 500])
async def test_pages_have_every_product_once_and_in_order(worker: Worker, limit: int) -> None:
    chance = random.Random(limit)
    products = [*chance.sample(range(1, 1_000), 30), 0, 10**18]
    for product in products:
        for number in chance.sample(range(4), 2):
            worker.fold(number, Topic.PRODUCT_VIEWED, [view(product)])
    seen: list[dict[str, Any]] = []
    page = await worker.get("/api/products", limit=limit)
    while page["items"]:
        assert len(page["items"]) <= limit
        seen += page["items"]
        assert len(seen) <= len(products), "a product on two pages"
        if page["after"] is None:
            break
        page = await worker.get("/api/products", limit=limit, after=page["after"])
    assert [item["id_produit"] for item in seen] == sorted(products)
    assert all(item["views"] == 2 for item in seen)


async def test_pages_over_workers_are_pages_of_all_of_them(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.PRODUCT_VIEWED, [view(product) for product in (1, 4, 5)])
    other.fold(3, Topic.PRODUCT_VIEWED, [view(product) for product in (2, 4, 6)])
    for worker in (one, other):
        first = await worker.get("/api/products", limit=3)
        assert [(item["id_produit"], item["views"]) for item in first["items"]] == [(1, 1), (2, 1), (4, 2)]
        rest = await worker.get("/api/products", limit=3, after=first["after"])
        assert [item["id_produit"] for item in rest["items"]] == [5, 6]
        assert rest["after"] is None
        assert rest["complete"]


async def test_a_client_that_follows_the_pages_meets_no_error_at_the_end(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(MAX_ID)])
    page = await worker.get("/api/products", limit=1)
    if page["after"] is not None:
        await worker.get("/api/products", limit=1, after=page["after"])


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


async def test_a_ranking_of_too_many_rows_is_refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tables.reads.MAX_RANKED_ROWS", 2)
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(1), view(2), view(3)])
    assert (await worker.get("/api/products", 413, sort="views"))["status"] == 413
    assert len((await worker.get("/api/products"))["items"]) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": "many"},
        {"limit": "9" * 5_000},
        {"limit": ""},
        {"after": -1},
        {"after": 2**63},
        {"sort": "name"},
        {"sort": ""},
        {"sort": "views", "after": 3},
        {"Limit": 3},
        {"offset": 3},
    ],
)
async def test_a_parameter_that_is_wrong_is_told(worker: Worker, query: dict[str, Any]) -> None:
    problem = await worker.get("/api/products", 400, **query)
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == 400
    assert any(name in problem["detail"] for name in query)


async def test_one_product_takes_no_parameter(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    assert "limit" in (await worker.get("/api/products/7", 400, limit=3))["detail"]


async def test_no_product_at_all_is_an_empty_page(worker: Worker) -> None:
    page = await worker.get("/api/products")
    assert (page["items"], page["after"], page["complete"]) == ([], None, True)
