"""`at_least`: an answer has the events that its reader knows to be written, or says where it stands instead."""

import asyncio
import time
from typing import Any

import pytest
from faust.types import TP

from shopnow_streams.events import Event, ProductViewed
from shopnow_streams.topics import Topic
from shopnow_streams.views import positions as positions_module
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import FakeArchiver, MakeWorker, Worker

VIEWS = str(Topic.PRODUCT_VIEWED)
PATHS = ["/api/products", "/api/products?sort=views", "/api/products/7", "/api/revenue", "/api/funnel?by=day"]


def view(product: int = 7) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


async def ask(worker: Worker, path: str, *events: str, wait_ms: int | None = None) -> tuple[int, Any]:
    url = worker.server.make_url(path)
    url = url.extend_query([("at_least", event) for event in events])
    url = url if wait_ms is None else url.extend_query({"wait_ms": str(wait_ms)})
    async with worker.session.get(url) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_counted_is_answered_at_once(worker: Worker, path: str) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()] * 3)
    status, answer = await ask(worker, path, f"{VIEWS}:1:2", wait_ms=0)
    assert (status, answer["offsets"][VIEWS]["1"]) == (200, 3)


@pytest.mark.parametrize("path", PATHS)
async def test_the_offset_itself_must_be_counted_not_the_ones_before_it(worker: Worker, path: str) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()] * 3)
    status, problem = await ask(worker, path, f"{VIEWS}:1:3", wait_ms=0)
    assert (status, problem["status"], problem["title"]) == (504, 504, "Gateway Timeout")
    assert problem["missing"] == [{"topic": VIEWS, "partition": 1, "offset": 3, "stands": 3}]
    assert f"{VIEWS} partition 1 has not folded offset 3 within 0 ms: it stands at 3" in problem["detail"]


@pytest.mark.parametrize("path", PATHS)
async def test_it_waits_until_the_event_is_counted(worker: Worker, path: str) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    asking = asyncio.create_task(ask(worker, path, f"{VIEWS}:1:1", wait_ms=10_000))
    await asyncio.sleep(0.2)
    assert not asking.done()
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    status, answer = await asyncio.wait_for(asking, 5)
    assert (status, answer["offsets"][VIEWS]["1"]) == (200, 2)


async def test_a_worker_answers_as_soon_as_it_has_folded_the_event_itself(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    worker.fold(2, Topic.PRODUCT_VIEWED, [view()])
    monkeypatch.setattr(positions_module, "POLL_S", 60)
    asking = asyncio.create_task(ask(worker, "/api/products/7", f"{VIEWS}:1:2", f"{VIEWS}:2:1", wait_ms=9_000))
    await asyncio.sleep(0.1)
    worker.fold(2, Topic.PRODUCT_VIEWED, [view()])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    await asyncio.sleep(0.1)
    assert not asking.done()
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    status, answer = await asyncio.wait_for(asking, 5)
    assert (status, answer["views"]) == (200, 5)


async def test_what_was_folded_while_the_answer_was_made_is_not_waited_for(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
    monkeypatch.setattr(positions_module, "POLL_S", 60)
    ask_peers = worker.gather.peers.ask

    async def fold_meanwhile(*args: Any) -> Any:
        if worker.live.next_offset(TP(VIEWS, 1)) == 1:
            worker.fold(1, Topic.PRODUCT_VIEWED, [view()])
        return await ask_peers(*args)

    monkeypatch.setattr(worker.gather.peers, "ask", fold_meanwhile)
    status, answer = await asyncio.wait_for(ask(worker, "/api/products/7", f"{VIEWS}:1:1", wait_ms=9_000), 5)
    assert (status, answer["views"]) == (200, 2)


async def test_it_waits_for_a_partition_of_another_worker(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    asking = asyncio.create_task(ask(one, "/api/products/7", f"{VIEWS}:3:0", wait_ms=10_000))
    await asyncio.sleep(0.2)
    assert not asking.done()
    other.fold(3, Topic.PRODUCT_VIEWED, [view()])
    status, answer = await asyncio.wait_for(asking, 5)
    assert (status, answer["views"]) == (200, 1)


async def test_all_of_several_must_be_counted(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view()] * 2)
    events = [f"{VIEWS}:0:1", f"{VIEWS}:2:0", f"{Topic.STOCK_UPDATED}:0:5", f"{Topic.STOCK_UPDATED}:0:4"]
    status, problem = await ask(worker, "/api/products", *events, wait_ms=50)
    assert status == 504
    assert [(each["topic"], each["partition"], each["offset"]) for each in problem["missing"]] == [
        (VIEWS, 2, 0),
        (Topic.STOCK_UPDATED, 0, 5),
    ]


async def test_a_partition_of_nobody_is_told(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker([0])
    status, problem = await ask(worker, "/api/products", f"{VIEWS}:3:0", wait_ms=100)
    assert (status, problem["missing"][0]["stands"]) == (504, None)
    assert "nobody answers for it" in problem["detail"]


async def test_a_wait_is_bounded_also_where_another_worker_hangs(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = await make_worker([0]), await make_worker([1])
    answered = asyncio.Event()

    async def hang() -> Any:
        await answered.wait()
        return {}

    monkeypatch.setattr(one.gather._positions, "_everywhere", hang)
    begun = time.monotonic()
    status, _ = await ask(one, "/api/products", f"{VIEWS}:1:5", wait_ms=300)
    assert status == 504
    assert 0.3 <= time.monotonic() - begun < 2
    answered.set()


async def test_however_many_wait_the_others_are_asked_once_at_a_time(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await make_worker([0]), await make_worker([1])
    at_once = most = asked = 0
    everywhere = one.gather._everywhere

    async def counted() -> Any:
        nonlocal at_once, most, asked
        at_once, asked = at_once + 1, asked + 1
        most = max(most, at_once)
        try:
            return await everywhere()
        finally:
            at_once -= 1

    monkeypatch.setattr(one.gather._positions, "_everywhere", counted)
    waiting = [asyncio.create_task(ask(one, "/api/stock", f"{VIEWS}:1:0", wait_ms=9_000)) for _ in range(30)]
    await asyncio.sleep(0.5)
    other.fold(1, Topic.PRODUCT_VIEWED, [view()])
    assert {status for status, _ in await asyncio.gather(*waiting)} == {200}
    assert most == 1
    assert asked <= 0.5 / positions_module.POLL_S * 4


@pytest.mark.parametrize(
    "event",
    [
        "",
        "5",
        f"{VIEWS}:0",
        f"{VIEWS}:4:0",
        f"{VIEWS}:-1:0",
        f"{VIEWS}:01:0",
        f"{VIEWS}:0:-1",
        f"{VIEWS}:0:+1",
        f"{VIEWS}:0:1 ",
        f"{VIEWS}:0:1\n",
        f"{VIEWS}:0:1:1",
        f"{VIEWS}:0:{10**18}",
        f"{VIEWS}:0:٣",
        "evenements-rejetes:0:1",
        "x" * 5_000,
    ],
)
async def test_what_is_no_event_is_told(worker: Worker, event: str) -> None:
    status, problem = await ask(worker, "/api/products", event)
    assert status == 400
    assert "at_least must be topic:partition:offset" in problem["detail"]


async def test_there_are_at_most_twenty(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
    assert (await ask(worker, "/api/products", *[f"{VIEWS}:0:0"] * 20))[0] == 200
    status, problem = await ask(worker, "/api/products", *[f"{VIEWS}:0:0"] * 21)
    assert (status, "at most 20" in problem["detail"]) == (400, True)


@pytest.mark.parametrize("wait_ms", [-1, 10_001])
async def test_a_wait_beyond_bounds_is_told(worker: Worker, wait_ms: int) -> None:
    status, problem = await ask(worker, "/api/products", wait_ms=wait_ms)
    assert (status, "wait_ms must be" in problem["detail"]) == (400, True)


async def test_the_archive_is_no_table(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker(archiver=FakeArchiver({}))
    assert (await ask(worker, "/api/archive", f"{VIEWS}:0:0"))[0] == 400
