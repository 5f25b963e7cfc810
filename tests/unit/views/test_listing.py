"""A listing in pages and ranked: what products and stock have in common."""

import random
from typing import Any

import pytest

from shopnow_streams.events import MAX_ID, Event, ProductViewed, StockUpdated
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker

RANKINGS = {"/api/products": "views", "/api/stock": "units"}
both = pytest.mark.parametrize("path", list(RANKINGS))


def happened(path: str, product: int) -> tuple[Topic, list[Event]]:
    """What makes a row of `product`."""
    if path == "/api/products":
        return Topic.PRODUCT_VIEWED, [ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)]
    return Topic.STOCK_UPDATED, [StockUpdated(timestamp=NOON, id_produit=product, stock=5)]


@both
@pytest.mark.parametrize("limit", [1, 3, 10, 11, 500])
async def test_pages_have_every_row_once_and_in_order(worker: Worker, path: str, limit: int) -> None:
    chance = random.Random(limit)
    products = [*chance.sample(range(1, 1_000), 30), 0, 10**18]
    for product in products:
        for number in chance.sample(range(4), 2):
            worker.fold(number, *happened(path, product))
    seen: list[int] = []
    page = await worker.get(path, limit=limit)
    while page["items"]:
        assert len(page["items"]) <= limit
        seen += [item["id_produit"] for item in page["items"]]
        assert len(seen) <= len(products), "a product on two pages"
        if page["after"] is None:
            break
        page = await worker.get(path, limit=limit, after=page["after"])
    assert seen == sorted(products)


@both
async def test_pages_over_workers_are_pages_of_all_of_them(make_worker: MakeWorker, path: str) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    for worker, number, products in ((one, 0, (1, 4, 5)), (other, 3, (2, 4, 6))):
        for product in products:
            worker.fold(number, *happened(path, product))
    for worker in (one, other):
        first = await worker.get(path, limit=3)
        assert [item["id_produit"] for item in first["items"]] == [1, 2, 4]
        rest = await worker.get(path, limit=3, after=first["after"])
        assert [item["id_produit"] for item in rest["items"]] == [5, 6]
        assert rest["after"] is None
        assert rest["complete"]


@both
async def test_a_client_that_follows_the_pages_meets_no_error_at_the_end(worker: Worker, path: str) -> None:
    worker.fold(0, *happened(path, MAX_ID))
    page = await worker.get(path, limit=1)
    assert [item["id_produit"] for item in page["items"]] == [MAX_ID]
    assert (await worker.get(path, limit=1, after=page["after"]))["items"] == []


@both
async def test_no_row_at_all_is_an_empty_page(worker: Worker, path: str) -> None:
    page = await worker.get(path)
    assert (page["items"], page["after"], page["complete"]) == ([], None, True)


@both
async def test_rows_that_rank_alike_go_by_id_and_are_one_page(worker: Worker, path: str) -> None:
    for product in (12, 3, 7):
        worker.fold(product % 4, *happened(path, product))
    ranking = await worker.get(path, sort=RANKINGS[path], limit=2)
    assert [item["id_produit"] for item in ranking["items"]] == [3, 7]
    assert ranking["after"] is None


@both
async def test_a_ranking_of_too_many_rows_is_refused(
    worker: Worker, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.reads.MAX_RANKED_ROWS", 2)
    for product in (1, 2, 3):
        worker.fold(0, *happened(path, product))
    assert (await worker.get(path, 413, sort=RANKINGS[path]))["status"] == 413
    assert len((await worker.get(path))["items"]) == 3


@both
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
        {"Limit": 3},
        {"offset": 3},
    ],
)
async def test_a_parameter_that_is_wrong_is_told(worker: Worker, path: str, query: dict[str, Any]) -> None:
    problem = await worker.get(path, 400, **query)
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == 400
    assert any(name in problem["detail"] for name in query)


@both
async def test_after_does_not_go_with_a_ranking(worker: Worker, path: str) -> None:
    problem = await worker.get(path, 400, sort=RANKINGS[path], after=3)
    assert "after" in problem["detail"]
