"""An answer is asked about by its tag: 304 for the same bytes, and never for others."""

import hashlib
from typing import NamedTuple

import pytest
from multidict import CIMultiDictProxy

from shopnow_streams.events import Event, ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import FakeArchiver, MakeWorker, Worker

PATHS = ["/api/products", "/api/stock", "/api/revenue?by=day", "/api/funnel", "/api/archive", "/openapi.json"]


def view(product: int) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


async def ask(worker: Worker, path: str, known: str | None = None, method: str = "GET") -> Answered:
    headers = {} if known is None else {"If-None-Match": known}
    async with worker.session.request(method, worker.server.make_url(path), headers=headers) as response:
        return Answered(response.status, response.headers, await response.read())


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_still_the_answer_is_not_sent_again(make_worker: MakeWorker, path: str) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    first = await ask(worker, path)
    tag = first.headers["ETag"]
    assert first.status == 200
    assert tag == f'"{hashlib.sha256(first.body).hexdigest()[:32]}"'
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await ask(worker, path, known)
        assert (again.status, again.body) == (304, b"")
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, "no-cache")
    for known in ('"other"', tag.strip('"'), "", "\\"):
        assert (await ask(worker, path, known)).status == 200


async def test_one_event_more_is_another_answer(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(7)])
    tag = (await ask(worker, "/api/products/7")).headers["ETag"]
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(8)])
    after = await ask(worker, "/api/products/7", tag)
    assert after.status == 200  # the row is the same, but not the offsets that it stands at
    assert after.headers["ETag"] != tag


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_body_it_is_the_same(make_worker: MakeWorker, path: str) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    whole, head = await ask(worker, path), await ask(worker, path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("ETag", "Cache-Control", "Content-Type", "Content-Length"):
        assert head.headers[name] == whole.headers[name]
    assert (await ask(worker, path, whole.headers["ETag"], "HEAD")).status == 304


async def test_an_error_has_no_tag(worker: Worker) -> None:
    missing = await ask(worker, "/api/products/7", "*")
    assert missing.status == 404
    assert missing.headers["Cache-Control"] == "no-store"
