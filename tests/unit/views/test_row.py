"""One row by its key: what products, stock and orders have in common when there is none."""

import pytest

from shopnow_streams.events import MAX_ID, ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker

WHATS = {"/api/products": "no product", "/api/stock": "no stock count of product", "/api/orders": "no order"}


@pytest.mark.parametrize("path", list(WHATS))
async def test_what_is_not_there_is_told_by_what_it_would_be(worker: Worker, path: str) -> None:
    problem = await worker.get(f"{path}/8", 404)
    assert (problem["status"], problem["title"], problem["type"]) == (404, "Not Found", "about:blank")
    assert problem["detail"] == f"{WHATS[path]} '8'"


@pytest.mark.parametrize("path", list(WHATS))
async def test_it_is_told_where_it_may_be_in_a_partition_that_did_not_answer(
    make_worker: MakeWorker, path: str
) -> None:
    worker: Worker = await make_worker([0, 2])
    assert "not all did" in (await worker.get(f"{path}/8", 404))["detail"]


@pytest.mark.parametrize("path", ["/api/products", "/api/stock"])
@pytest.mark.parametrize("key", ["abc", "-1", "1.5", str(MAX_ID + 1), "9" * 5_000, "%E9", "%00"])
async def test_a_key_that_is_none_is_not_found(worker: Worker, path: str, key: str) -> None:
    problem = await worker.get(f"{path}/{key}", 404)
    assert problem["status"] == 404
    assert problem["detail"]


@pytest.mark.parametrize("path", list(WHATS))
async def test_it_takes_no_parameter(worker: Worker, path: str) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [ProductViewed(timestamp=NOON, id_produit=7, nom_produit="Thé", prix=1.0)])
    assert "limit" in (await worker.get(f"{path}/7", 400, limit=3))["detail"]
