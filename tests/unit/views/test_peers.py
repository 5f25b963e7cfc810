"""The other workers: what stands in the way of asking one leaves it out, and raises nothing."""

import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shopnow_streams.views.peers import Peers

OWN = "http://127.0.0.1:1"


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@pytest.fixture
async def other() -> AsyncIterator[str]:
    """Another worker, which answers what it is asked."""
    application = web.Application()
    application.router.add_post("/echo", echo)
    async with TestServer(application) as server:
        yield f"{server.host}:{server.port}"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def peers_of(other: str, session: object) -> Peers:
    return Peers(
        SimpleNamespace(
            conf=SimpleNamespace(canonical_url=OWN),
            router=SimpleNamespace(tables_metadata=lambda: {OWN: {}, f"http://{other}/": {}}),
            http_client=session,
        )
    )


async def test_the_others_are_asked_and_this_one_is_not(other: str, session: aiohttp.ClientSession) -> None:
    peers = peers_of(other, session)
    assert peers.hosts == [other]
    assert await peers.ask("/echo", b"what") == {other: b"what"}


async def test_once_its_own_session_is_closed_nobody_answers(
    other: str, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    await session.close()
    with caplog.at_level(logging.INFO):
        assert await peers_of(other, session).ask("/echo") == {}
    assert [record.exc_info for record in caplog.records] == [None]
    assert "this one is stopping" in caplog.text


async def test_another_fault_of_its_own_is_not_hidden(other: str) -> None:
    class Broken:
        closed = False

        def post(self, *_: object, **__: object) -> None:
            raise RuntimeError("a bug, with a file already closed")

    with pytest.raises(RuntimeError, match="a bug"):
        await peers_of(other, Broken()).ask("/echo")
