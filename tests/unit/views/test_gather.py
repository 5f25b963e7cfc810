"""Answers of several workers: what is missing is said, and no peer can break an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shopnow_streams.events import Event, ProductViewed
from shopnow_streams.topics import Topic
from shopnow_streams.views import peers as peers_module
from shopnow_streams.views.gather import PATH
from tables.reads import Query
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker


def view(product: int) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


@contextlib.asynccontextmanager
async def peer(worker: Worker, answers: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[None]:
    """One worker more, as far as the group's metadata goes; it answers as told."""
    application = web.Application()
    application.router.add_post(PATH, answers)
    server = TestServer(application)
    await server.start_server()
    worker.knows.add(str(server.make_url("")))
    try:
        yield
    finally:
        await server.close()


async def test_workers_together_have_all_partitions(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.PRODUCT_VIEWED, [view(7)] * 2)
    other.fold(2, Topic.PRODUCT_VIEWED, [view(7)])
    for worker in (one, other):
        product = await worker.get("/api/products/7")
        assert (product["views"], product["complete"]) == (3, True)
        assert product["offsets"] == {"produit-consulte": {"0": 2, "2": 1}}


async def test_a_worker_does_not_ask_itself(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any, **__: Any) -> Any:
        raise AssertionError("it asked over HTTP what it has")

    monkeypatch.setattr(worker.session, "post", asked)
    assert (await worker.get("/api/products"))["complete"]


async def test_a_partition_of_nobody_makes_answers_incomplete(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker([0, 2])
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    product = await worker.get("/api/products/7")
    assert (product["complete"], product["partitions"]) == (False, {"answered": 2, "of": 4})
    for path in ("/api/products", "/api/stock", "/api/revenue", "/api/funnel"):
        assert (await worker.get(path))["complete"] is False
    assert "not all did" in (await worker.get("/api/products/8", 404))["detail"]


async def failing(_request: web.Request) -> web.Response:
    raise web.HTTPInternalServerError


async def garbage(_request: web.Request) -> web.Response:
    return web.Response(body=b"<html>")


async def other_json(_request: web.Request) -> web.Response:
    return web.Response(body=b'{"rows": []}')


async def hanging(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("answers", [failing, garbage, other_json, hanging])
async def test_a_peer_that_does_not_answer_as_it_should_makes_it_incomplete(
    make_worker: MakeWorker,
    answers: Callable[[web.Request], Awaitable[web.Response]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers_module, "_TIMEOUT_S", 0.2)
    worker: Worker = await make_worker([0, 1])
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    async with peer(worker, answers):
        product = await worker.get("/api/products/7")
    assert (product["views"], product["complete"]) == (1, False)
    assert product["partitions"] == {"answered": 2, "of": 4}


async def test_a_peer_that_is_gone_makes_it_incomplete(make_worker: MakeWorker) -> None:
    worker, gone = await make_worker([0, 1]), await make_worker([2, 3])
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    await gone.server.close()
    product = await worker.get("/api/products/7")
    assert (product["views"], product["complete"]) == (1, False)


async def test_rows_of_another_form_make_it_incomplete(make_worker: MakeWorker) -> None:
    async def strange(_request: web.Request) -> web.Response:
        return web.Response(body=b'[{"partition": 3, "offsets": {}, "rows": [["7", {"views": "many"}]]}]')

    worker: Worker = await make_worker([0, 1])
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    async with peer(worker, strange):
        product = await worker.get("/api/products/7")
    assert (product["views"], product["complete"]) == (1, False)


async def test_of_a_partition_between_two_owners_the_one_further_on_counts(make_worker: MakeWorker) -> None:
    behind, ahead = await make_worker(range(4)), await make_worker([1])
    behind.fold(1, Topic.PRODUCT_VIEWED, [view(7)])
    ahead.fold(1, Topic.PRODUCT_VIEWED, [view(7)] * 3)
    product = await behind.get("/api/products/7")
    assert (product["views"], product["complete"]) == (3, True)


async def ask(worker: Worker, body: bytes) -> tuple[int, Any]:
    async with worker.session.post(worker.server.make_url(PATH), data=body) as response:
        return response.status, await response.json(content_type=None)


async def test_the_inner_door_gives_rows_by_partition(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    status, answers = await ask(worker, msgspec.json.encode(Query("products", keys=["7"])))
    assert status == 200
    assert [(answer["partition"], len(answer["rows"])) for answer in answers] == [(0, 1), (1, 0), (2, 0), (3, 0)]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"table": "nothing"}', b'{"table": "products", "keys": ["abc"]}', b"\xff"]
)
async def test_what_is_no_query_is_refused_at_the_inner_door(worker: Worker, body: bytes) -> None:
    status, problem = await ask(worker, body)
    assert (status, problem["status"]) == (400, 400)


async def test_too_many_rows_for_a_ranking_are_told_by_a_peer_too(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.reads.MAX_RANKED_ROWS", 1)
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7), view(8)])
    assert (await ask(worker, msgspec.json.encode(Query("products"))))[0] == 413
