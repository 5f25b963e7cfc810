"""Bearer tokens: who has one reads all, who has none reads what is open, and workers have one."""

from pathlib import Path

import pytest

from shopnow_streams.errors import SettingsError
from shopnow_streams.events import ProductViewed
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import Access
from shopnow_streams.views.tokens import Tokens, read_tokens
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker

FIRST, SECOND = "first-token-of-the-two", "second-token-of-the-two"
GUARDED = ["/api/products", "/api/orders/1", "/metrics", "/internal/workers", "/internal/snapshot/products/0"]
OPEN = ["/health/live", "/health/ready", "/docs", "/docs/style.css", "/openapi.json", "/"]


@pytest.fixture
async def worker(make_worker: MakeWorker) -> Worker:
    found: Worker = await make_worker(access=Access(tokens=Tokens([FIRST, SECOND])))
    return found


async def status(worker: Worker, path: str, authorization: str | None = None, method: str = "GET") -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with worker.session.request(method, worker.server.make_url(path), headers=headers) as response:
        if response.status == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer ")
            assert response.content_type == "application/problem+json"
        return response.status


@pytest.mark.parametrize("path", GUARDED)
async def test_numbers_need_a_token(worker: Worker, path: str) -> None:
    worker.fold(0, Topic.ORDER_PLACED, [b"?"])
    for wrong in (None, "", "Bearer", "Bearer ", f"Bearer {FIRST}x", f"Basic {FIRST}", FIRST, f"Bearer {FIRST[:-1]}"):
        assert await status(worker, path, wrong) == 401
    for right in (f"Bearer {FIRST}", f"bearer {SECOND}"):
        assert await status(worker, path, right) in (200, 404)


@pytest.mark.parametrize("path", OPEN)
async def test_what_holds_no_numbers_is_open(worker: Worker, path: str) -> None:
    assert await status(worker, path) == 200


async def test_the_inner_door_is_guarded_too(worker: Worker) -> None:
    assert await status(worker, "/internal/rows", method="POST") == 401
    assert await status(worker, "/internal/rows", f"Bearer {SECOND}", "POST") == 400


async def test_workers_answer_one_another(make_worker: MakeWorker) -> None:
    one = await make_worker([0, 1], access=Access(tokens=Tokens([FIRST])))
    other = await make_worker([2, 3], access=Access(tokens=Tokens([SECOND, FIRST])))
    other.fold(3, Topic.PRODUCT_VIEWED, [ProductViewed(timestamp=NOON, id_produit=7, nom_produit="", prix=1.0)])
    headers = {"Authorization": f"Bearer {FIRST}"}
    async with one.session.get(one.server.make_url("/api/products/7"), headers=headers) as response:
        assert (await response.json())["complete"]
    async with one.session.get(other.server.make_url("/api/products/7"), headers=headers) as response:
        assert not (await response.json())["complete"]  # what it sends first is not known to the one


async def test_it_is_described_where_it_is_so(worker: Worker, make_worker: MakeWorker) -> None:
    described = await worker.get("/openapi.json")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert described["paths"]["/api/products"]["get"]["security"] == [{"token": []}]
    assert "401" in described["paths"]["/metrics"]["get"]["responses"]
    assert "security" not in described["paths"]["/health/live"]["get"]
    free = await (await make_worker()).get("/openapi.json")
    assert "securitySchemes" not in free["components"]


def test_a_file_has_a_token_a_line(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# the dashboard's\n{FIRST}\n\n  {SECOND}  \n")
    tokens = read_tokens(str(file))
    assert tokens.own == {"Authorization": f"Bearer {FIRST}"}
    assert tokens._known == [FIRST.encode(), SECOND.encode()]


def test_no_file_is_no_token() -> None:
    tokens = read_tokens("")
    assert (tokens.needed, tokens.own) == (False, {})


@pytest.mark.parametrize("content", [None, "", "# nothing\n", "short\n", f"{FIRST} and {SECOND}\n", "é" * 20])
def test_a_file_that_guards_nothing_is_an_error(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="SHOPNOW_WEB_TOKENS_FILE"):
        read_tokens(str(file))
