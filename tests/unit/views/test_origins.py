"""CORS: pages of the origins that are named may read, no others."""

import pytest
from multidict import CIMultiDictProxy

from shopnow_streams.views.access import Access
from shopnow_streams.views.origins import Origins
from shopnow_streams.views.tokens import Tokens
from tests.unit.views.conftest import MakeWorker, Worker

SHOP, OTHER = "https://shop.example", "https://other.example"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}


async def ask(
    worker: Worker, origin: str, path: str = "/api/products", method: str = "GET", **headers: str
) -> tuple[int, CIMultiDictProxy[str]]:
    headers = {"Origin": origin, **headers}
    async with worker.session.request(method, worker.server.make_url(path), headers=headers) as response:
        return response.status, response.headers


def allowing(*origins: str) -> Access:
    return Access(origins=Origins(frozenset(origins)), tokens=Tokens(["a-token-of-the-shop"]))


@pytest.mark.parametrize(("path", "status"), [("/openapi.json", 200), ("/api/products", 401), ("/nothing", 401)])
async def test_a_named_origin_may_read_errors_too(make_worker: MakeWorker, path: str, status: int) -> None:
    worker: Worker = await make_worker(access=allowing(SHOP))
    found, headers = await ask(worker, SHOP, path)
    assert found == status
    assert headers["Access-Control-Allow-Origin"] == SHOP
    assert "ETag" in headers["Access-Control-Expose-Headers"]
    assert headers["Vary"] == "Origin"


async def test_another_origin_may_not_and_caches_know(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(access=allowing(SHOP))
    for origin in (OTHER, "null", SHOP + ".evil.example", SHOP.upper()):
        _, headers = await ask(worker, origin, "/openapi.json")
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["Vary"] == "Origin"


async def test_a_preflight_needs_no_token(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(access=allowing(SHOP))
    status, headers = await ask(worker, SHOP, method="OPTIONS", **PREFLIGHT)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, SHOP)
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    status, headers = await ask(worker, OTHER, method="OPTIONS", **PREFLIGHT)
    assert (status, "Access-Control-Allow-Origin" in headers) == (401, False)


async def test_every_origin_where_all_are_allowed(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(access=allowing("*"))
    _, headers = await ask(worker, OTHER, "/openapi.json")
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_none_by_default_and_never_what_is_internal(worker: Worker, make_worker: MakeWorker) -> None:
    _, headers = await ask(worker, SHOP)
    assert "Access-Control-Allow-Origin" not in headers
    assert (await ask(worker, SHOP, method="OPTIONS", **PREFLIGHT))[0] == 405
    _, headers = await ask(await make_worker(access=allowing("*")), SHOP, "/internal/workers")
    assert "Access-Control-Allow-Origin" not in headers
