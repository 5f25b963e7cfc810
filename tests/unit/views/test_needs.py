"""An application that leaves tables out has no paths of what is shown of them, and says nothing of them."""

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from shopnow_streams.events import StockUpdated
from shopnow_streams.folds import TABLES, kept
from shopnow_streams.topics import Topic
from shopnow_streams.views.needs import there
from shopnow_streams.views.routes import add_routes
from tables.live import LiveTables
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import PARTITIONS, Worker

LEFT_OUT = (
    "/api/trending",
    "/api/products/7/windows",
    "/api/carts",
    "/api/carts/7",
    "/api/sessions",
    "/api/sessions/7",
)


def test_every_path_is_there_where_every_table_is() -> None:
    names = {definition.name for definition in TABLES}
    for path in ("/api/trending", "/api/carts", "/api/products", "/internal/totals"):
        assert there(path, names)
        assert there(path, names - {"activity", "shoppers"}) == (path == "/api/products")


async def test_what_is_left_out_is_not_found_and_not_described_and_the_rest_answers(worker: Worker) -> None:
    worker.fold(0, Topic.STOCK_UPDATED, [StockUpdated(timestamp=NOON, id_produit=7, stock=3)])
    live = LiveTables(worker.live.config, kept(("activity", "shoppers")))
    live.owned = worker.live.owned
    app = web.Application()
    worker.gather._live = live
    add_routes(app, worker.gather, live, lambda: True, lambda: {})
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        for path in LEFT_OUT:
            async with session.get(server.make_url(path)) as response:
                assert response.status == 404, path
        async with session.get(server.make_url("/api/stock")) as response:
            found = await response.json()
        async with session.get(server.make_url("/openapi.json")) as response:
            paths = (await response.json())["paths"]
        async with session.get(server.make_url("/api/funnel")) as response:
            assert response.status == 200
    assert found["items"] == [{"id_produit": 7, "units": 3, "counted_at": "2025-11-28T12:00:00Z", "counts": 1}]
    assert found["partitions"]["of"] == PARTITIONS
    assert "/api/stock" in paths
    assert not {path for path in paths if "trending" in path or "carts" in path or "sessions" in path}
