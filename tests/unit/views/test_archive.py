"""The archive's progress: of all workers, as one, and honest where one of them is silent."""

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from faust.types import TP

from shopnow_streams.views.archive import PATH, ArchiveProgress, Gap, Part, merged
from shopnow_streams.views.page import json_response
from shopnow_streams.views.peers import Peers
from tests.unit.views.conftest import FakeArchiver

VIEWS, STOCK = "produit-consulte", "stock-mis-a-jour"


@contextlib.asynccontextmanager
async def workers(*archivers: FakeArchiver) -> AsyncIterator[list[str]]:
    """A worker for each archiver; the addresses of their APIs."""
    addresses: set[str] = set()
    async with contextlib.AsyncExitStack() as stack, aiohttp.ClientSession() as session:
        found = []
        for archiver in archivers:
            app: Any = SimpleNamespace(
                conf=SimpleNamespace(canonical_url=""),
                router=SimpleNamespace(tables_metadata=lambda: {address: {} for address in addresses}),
                http_client=session,
            )
            progress = ArchiveProgress(archiver, "hdfs://there/shopnow", Peers(app))  # type: ignore[arg-type]
            server = await stack.enter_async_context(TestServer(application_of(progress)))
            app.conf.canonical_url = str(server.make_url(""))
            addresses.add(app.conf.canonical_url)
            found.append(app.conf.canonical_url)
        yield found


def application_of(progress: ArchiveProgress) -> web.Application:
    async def shown(request: web.Request) -> web.Response:
        return json_response(await progress.shown(request))

    application = web.Application()
    application.router.add_get("/api/archive", shown)
    application.router.add_post(PATH, progress.serve)
    return application


async def get(address: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"{address.rstrip('/')}/api/archive") as response:
        assert response.status == 200
        return await response.json()


async def test_every_worker_tells_the_progress_of_all() -> None:
    one = FakeArchiver({TP(VIEWS, 0): 10, TP(VIEWS, 1): 11})
    other = FakeArchiver({TP(VIEWS, 2): 12, TP(STOCK, 0): 3}, outage="HDFS is away")
    async with workers(one, other) as addresses:
        for address in addresses:
            assert await get(address) == {
                "root": "hdfs://there/shopnow",
                "complete": True,
                "workers": {"answered": 2, "of": 2},
                "offsets": {VIEWS: {"0": 10, "1": 11, "2": 12}, STOCK: {"0": 3}},
                "segments": 4,
                "bytes": 2_000,
                "held_bytes": 20,
                "outage": "HDFS is away",
                "gaps": [],
            }


@pytest.mark.parametrize("body", [b"<html>", b'{"offsets": 7}'])
async def test_a_worker_that_answers_in_another_form_makes_it_incomplete(body: bytes) -> None:
    async def strange(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    application = web.Application()
    application.router.add_post(PATH, strange)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        app: Any = SimpleNamespace(
            conf=SimpleNamespace(canonical_url="http://here"),
            router=SimpleNamespace(tables_metadata=lambda: {str(server.make_url("")): {}, "http://here": {}}),
            http_client=session,
        )
        progress = ArchiveProgress(FakeArchiver({TP(VIEWS, 0): 10}), "there", Peers(app))  # type: ignore[arg-type]
        async with TestServer(application_of(progress)) as own:
            answer = await get(str(own.make_url("")))
    assert (answer["complete"], answer["workers"]) == (False, {"answered": 1, "of": 2})
    assert answer["offsets"] == {VIEWS: {"0": 10}}


async def test_while_this_worker_stops_others_are_not_asked_and_nothing_breaks() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    app: Any = SimpleNamespace(
        conf=SimpleNamespace(canonical_url="http://here"),
        router=SimpleNamespace(tables_metadata=lambda: {"http://there": {}}),
        http_client=session,
    )
    assert await Peers(app).ask(PATH) == {}


def test_of_a_partition_that_two_workers_name_the_one_further_on_counts() -> None:
    gap = Gap(STOCK, 1, "retention")
    one = Part({VIEWS: {1: 5, 0: 9}}, 1, 10, 0, None, [gap])
    other = Part({VIEWS: {1: 7}, STOCK: {0: 1}}, 2, 20, 5, "away", [])
    for parts in ([one, other], [other, one]):
        assert merged(parts) == Part({VIEWS: {0: 9, 1: 7}, STOCK: {0: 1}}, 3, 30, 5, "away", [gap])


def test_of_no_workers_there_is_no_progress() -> None:
    assert merged([]) == Part({}, 0, 0, 0, None, [])
