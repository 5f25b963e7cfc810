"""`/api/stream`: what changes is pushed, by any worker for all, and nothing is missed by who comes back."""

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Any

import pytest

from shopnow_streams.events import Event, OrderPlaced, ProductViewed, StockUpdated
from shopnow_streams.topics import Topic
from shopnow_streams.views import bookmark, client, hub
from shopnow_streams.views.access import Access
from shopnow_streams.views.bookmark import Bookmark
from shopnow_streams.views.origins import Origins
from shopnow_streams.views.tokens import Tokens
from tables.answer import Answer
from tables.journal import Mark
from tables.reads import Query
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import PARTITIONS, STREAMS, MakeWorker, Worker
from tests.unit.views.listener import Listener
from tests.unit.views.test_metrics import scraped

PATH = "/api/stream"


def view(product: int = 7) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


def count(product: int = 7, stock: int = 3) -> Event:
    return StockUpdated(timestamp=NOON, id_produit=product, stock=stock)


def listening(worker: Worker, last_id: str | None = None, **query: Any) -> Listener:
    return Listener(worker.session, worker.server.make_url(PATH), query, last_id)


async def test_it_begins_with_a_reset_and_sends_what_changes_as_the_resources_show_it(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
    async with listening(worker) as listener:
        (reset,) = await listener.until(lambda: listener.named("reset"))
        assert (reset["reason"], reset["complete"]) == ("new", True)
        assert reset["offsets"] == {"produit-consulte": {"0": 1}}
        worker.fold(2, Topic.PRODUCT_VIEWED, [view(), view(8)])
        worker.fold(1, Topic.STOCK_UPDATED, [count()])
        worker.fold(
            1,
            Topic.ORDER_PLACED,
            [OrderPlaced(timestamp=NOON, id_commande="C-1", user_id=7, articles=[], montant_total=9.9)],
        )
        await listener.until(lambda: all(listener.rows.values()))
        for name, body in listener.events[1:]:
            assert name == "position" or body["items"]
        for product in (7, 8):
            shown = await worker.get(f"/api/products/{product}")
            assert shown == {**shown, **listener.rows["products"][product]}
        assert listener.rows["products"][7]["views"] == 2
        hour = (await worker.get("/api/funnel"))["items"][0] | (await worker.get("/api/revenue"))["items"][0]
        assert hour == {**hour, **listener.rows["hours"]["2025-11-28T12"]}
        assert (await worker.get("/api/stock/7"))["units"] == listener.rows["stock"][7]["units"] == 3
        shown = await worker.get("/api/orders/C-1")
        assert shown == {**shown, **listener.rows["orders"]["C-1"]}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tables=products,nothing", "tables must be some of products, stock, orders, hours"),
        ("tables=", "tables must be"),
        ("tables=products,", "tables must be"),
        ("ids=", "ids must be of 1 to"),
        ("&".join(["ids=1"] * 101), "101 times"),
        ("table=products", "unknown parameter 'table'"),
    ],
)
async def test_what_is_asked_for_wrongly_is_refused(worker: Worker, query: str, said: str) -> None:
    async with worker.session.get(worker.server.make_url(f"{PATH}?{query}")) as response:
        assert response.status == 400
        assert said in (await response.json(content_type=None))["detail"]
    assert not worker.hub.clients


async def test_only_tables_and_ids_that_were_asked_for_are_sent(worker: Worker) -> None:
    async with (
        Listener(worker.session, worker.server.make_url(f"{PATH}?tables=stock,products&ids=7&ids=C-1")) as few,
        listening(worker) as all_of_them,
    ):
        worker.fold(0, Topic.PRODUCT_VIEWED, [view(7), view(8)])
        worker.fold(0, Topic.STOCK_UPDATED, [count(8)])
        worker.fold(0, Topic.STOCK_UPDATED, [count(7)])
        await all_of_them.until(lambda: len(all_of_them.rows["stock"]) == 2 and all_of_them.rows["products"])
        await few.until(lambda: few.rows["stock"] and few.rows["products"])
    assert [set(rows) for rows in few.rows.values()] == [{7}, {7}, set(), set()]


async def test_who_comes_back_to_any_worker_gets_what_changed_and_no_more(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    async with listening(one) as listener, listening(other) as another:
        one.fold(0, Topic.PRODUCT_VIEWED, [view(1), view(2)])
        for each in (another, listener):  # both have looked: else a row may come again as it was
            await each.until(lambda each=each: each.rows["hours"].get("2025-11-28T12", {}).get("views") == 2)
        held = listener.last_id
    one.fold(0, Topic.PRODUCT_VIEWED, [view(1)])
    other.fold(3, Topic.PRODUCT_VIEWED, [view(3)])
    for worker in (other, one):
        async with listening(worker, held) as back:
            await back.until(lambda back=back: back.rows["products"].keys() >= {1, 3})
            assert (back.rows["products"][1]["views"], back.rows["products"][3]["views"]) == (2, 1)
            assert 2 not in back.rows["products"]
            assert not back.named("reset")
            other.fold(2, Topic.PRODUCT_VIEWED, [view(4)])
            await back.until(lambda back=back: 4 in back.rows["products"])


async def test_nothing_changed_is_said_too_and_can_be_resumed(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
    async with listening(worker, listener.last_id) as back:
        (position,) = await back.until(lambda: back.named("position"))
        assert (position["complete"], position["offsets"]) == (True, {"produit-consulte": {"0": 1}})
        assert back.events == [("position", position)]
        assert back.last_id == listener.last_id


async def test_what_can_not_be_resumed_is_a_reset_that_says_why(make_worker: MakeWorker) -> None:
    worker: Worker = await make_worker()
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
    foreign = Bookmark(1, {number: Mark(5, {"produit-consulte": 10**6}) for number in range(PARTITIONS)}).text
    old = Bookmark(bookmark.read(str(listener.last_id)).origin, {}).text  # type: ignore[union-attr]
    worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
    worker.changes.end()
    for last_id, reason in (("rubbish", "unknown"), (foreign, "unknown"), (old, "too-old")):
        async with listening(worker, last_id) as back:
            await back.until(lambda back=back: back.events)
            assert back.named("reset")[0]["reason"] == reason
            assert back.last_id != last_id


async def test_a_partition_that_moved_is_no_gap(make_worker: MakeWorker) -> None:
    """A kill: the next owner stands at the last cut, and folds again what came after."""
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    other.fold(2, Topic.PRODUCT_VIEWED, [view(1), view(1)])
    async with listening(one) as listener:
        await listener.until(lambda: listener.last_id)
        other.fold(2, Topic.PRODUCT_VIEWED, [view(2)])
        await listener.until(lambda: listener.rows["products"])
        taken = one.take(other, 2)
        incomplete = await listener.until(lambda: [body for body in listener.named("position") if not body["complete"]])
        assert incomplete[0]["partitions"] == {"answered": 3, "of": 4}
        one.own(taken)
        one.fold(2, Topic.PRODUCT_VIEWED, [view(2), view(3)])
        await listener.until(lambda: 3 in listener.rows["products"])
        assert listener.named("position")[-1]["complete"]
        assert len(listener.named("reset")) == 1


async def test_rows_that_lack_a_partition_say_so_and_come_again_when_it_answers(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    other.fold(2, Topic.PRODUCT_VIEWED, [view()])
    async with listening(one) as listener:
        await listener.until(lambda: listener.last_id)
        held = dict(other.live.owned)
        other.live.owned.clear()
        await listener.until(lambda: [body for body in listener.named("position") if not body["complete"]])
        before = listener.last_id
        one.fold(0, Topic.PRODUCT_VIEWED, [view()])
        (lacking,) = await listener.until(lambda: listener.named("products"))
        assert (lacking["complete"], lacking["items"][0]["views"]) == (False, 1)
        assert listener.last_id == before, "who resumes there gets the row again"
        held_elsewhere = bookmark.read(str(before))
        assert held_elsewhere is not None
        marks = {number: Mark(0, mark.offsets) for number, mark in held_elsewhere.marks.items()}
        async with listening(one, Bookmark(held_elsewhere.origin, marks).text) as back:
            await back.until(lambda: back.events)
            assert [body["reason"] for body in back.named("reset")] == ["incomplete"]
        other.live.owned.update(held)
        whole = await listener.until(lambda: listener.named("products")[1:])
        assert (whole[0]["complete"], whole[0]["items"][0]["views"]) == (True, 2)
        await listener.until(lambda: listener.last_id != before)


async def test_a_read_of_an_owner_that_is_not_as_far_moves_the_position_back(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
        read = worker.gather.read

        async def behind(query: Query) -> Answer[Any]:
            answer = await read(query)
            return replace(answer, offsets={"produit-consulte": {0: 1}})

        monkeypatch.setattr(worker.gather, "read", behind)
        worker.fold(0, Topic.PRODUCT_VIEWED, [view()] * 2)
        await listener.until(lambda: len(listener.named("products")) > 3), "it is read again until that is as far"
        monkeypatch.undo()
        await listener.until(lambda: listener.events[-1][1]["offsets"] == {"produit-consulte": {"0": 2}})


async def test_a_look_that_fails_is_done_again(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
        failed = []

        async def fails(_query: Query) -> Any:
            failed.append(1)
            raise OSError("disk")

        monkeypatch.setattr(worker.gather, "read", fails)
        worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
        await listener.until(lambda: len(failed) > 4)
        monkeypatch.undo()
        await listener.until(lambda: listener.rows["products"])


async def test_one_look_is_for_all_clients_and_none_without(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = worker.gather.read

    async def counted(query: Query) -> Answer[Any]:
        reads.append(query)
        return await read(query)

    monkeypatch.setattr(worker.gather, "read", counted)
    worker.fold(0, Topic.STOCK_UPDATED, [count()])
    assert all(rows.watched is None for owned in worker.live.owned.values() for rows in owned.partition.tables.values())
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(worker)) for _ in range(STREAMS)]
        for listener in listeners:
            await listener.until(lambda listener=listener: listener.last_id)
        worker.fold(0, Topic.STOCK_UPDATED, [count(8)])
        for listener in listeners:
            await listener.until(lambda listener=listener: listener.rows["stock"])
    assert [(query.table, query.keys) for query in reads] == [("stock", ["8"])]


async def test_much_for_many_is_sent_less_often(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
        monkeypatch.setattr(hub, "BYTES_PER_S", 1)
        monkeypatch.setattr(hub, "LONGEST_S", 0.3)
        worker.fold(0, Topic.STOCK_UPDATED, [count()])
        await listener.until(lambda: listener.rows["stock"])
        begun = time.monotonic()
        for number in range(8, 12):
            worker.fold(0, Topic.STOCK_UPDATED, [count(number)])
            await asyncio.sleep(0.02)
        await listener.until(lambda: 11 in listener.rows["stock"])
        assert time.monotonic() - begun > 0.15
        assert len(listener.named("stock")) <= 3


async def test_as_many_streams_as_may_be_then_503(worker: Worker) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(STREAMS):
            await stack.enter_async_context(listening(worker))
        async with worker.session.get(worker.server.make_url(PATH)) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
            assert response.content_type == "application/problem+json"
        samples = await scraped(worker)
        assert samples["shopnow_stream_clients"] == {(): STREAMS}
        assert samples["shopnow_stream_refused_total"] == {(): 1}
        assert samples["shopnow_stream_events_total"][("event", "reset"),] == STREAMS
    await until(lambda: not worker.hub.clients)
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)


async def test_how_long_a_client_stays_is_no_time_to_answer(worker: Worker) -> None:
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
        await asyncio.sleep(0.3)
    await until(lambda: not worker.hub.clients)
    await asyncio.sleep(0)  # from there out of the middlewares
    sums = (await scraped(worker))["shopnow_http_request_seconds_sum"]
    (took_s,) = [seconds for labels, seconds in sums.items() if ("path", PATH) in labels]
    assert took_s < 0.25


async def test_a_client_that_is_too_far_behind_is_told_so(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(worker) as listener:
        await listener.until(lambda: listener.last_id)
        monkeypatch.setattr(worker.hub._log, "since", lambda *_: None)
        worker.fold(0, Topic.PRODUCT_VIEWED, [view()])
        await listener.until(lambda: listener.ended)
        assert listener.named("dropped") == [{"reason": "slow"}]
    assert worker.hub.dropped["slow"] == 1


async def test_a_client_that_takes_nothing_is_let_go_and_slows_nobody(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SLOW_S", 0.2)
    async with listening(worker, tables="stock") as slow, listening(worker) as listener:
        await slow.until(lambda: slow.last_id)
        await listener.until(lambda: listener.last_id)
        (stuck,) = [each for each in worker.hub.clients if len(each.choice.tables) == 1]

        async def takes_nothing(_data: bytes) -> None:
            await until(lambda: stuck.gone)
            raise ConnectionResetError

        monkeypatch.setattr(stuck._response, "write", takes_nothing)
        worker.fold(0, Topic.STOCK_UPDATED, [count()])
        await listener.until(lambda: listener.rows["stock"])
        await until(lambda: worker.hub.dropped["slow"])
        worker.fold(0, Topic.STOCK_UPDATED, [count(8)])
        await listener.until(lambda: 8 in listener.rows["stock"])
        assert worker.hub.clients == {each for each in worker.hub.clients if len(each.choice.tables) == 4}


async def test_a_stop_ends_all_streams_at_once(worker: Worker) -> None:
    async with listening(worker) as one, listening(worker) as other:
        await one.until(lambda: one.last_id)
        await other.until(lambda: other.last_id)
        begun = time.monotonic()
        await worker.server.close()
        assert time.monotonic() - begun < 2
        for listener in (one, other):
            await listener.until(lambda listener=listener: listener.ended)
            assert listener.named("dropped") == [{"reason": "stopping"}]
    assert worker.hub.dropped["stopping"] == 2


async def test_a_quiet_stream_shows_that_it_is_there(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEARTBEAT_S", 0.03)
    async with listening(worker, tables="orders") as listener:
        await listener.until(lambda: listener.comments > 2)
        assert [name for name, _ in listener.events] == ["reset"]
        before = listener.last_id
        worker.fold(0, Topic.STOCK_UPDATED, [count()])
        await listener.until(lambda: listener.last_id != before)
        assert listener.events[-1][0] == "position", "nothing for it, but it may resume from here"


async def test_proxies_are_told_to_hold_nothing_back(worker: Worker) -> None:
    async with listening(worker) as listener:
        assert listener.response.headers["X-Accel-Buffering"] == "no"
        assert listener.response.headers["Cache-Control"] == "no-store, no-transform"


async def test_pages_of_named_origins_may_read_it(make_worker: MakeWorker) -> None:
    access = Access(origins=Origins(frozenset({"https://shop.example"})), tokens=Tokens(["a-token-of-the-shop"]))
    worker: Worker = await make_worker(access=access)
    async with worker.session.get(worker.server.make_url(PATH)) as response:
        assert response.status == 401
    url = worker.server.make_url(PATH)
    headers = {"Authorization": "Bearer a-token-of-the-shop", "Origin": "https://shop.example"}
    async with Listener(worker.session, url, headers=headers) as listener:
        assert listener.response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert listener.response.headers["Cache-Control"] == "no-store, no-transform"
        await listener.until(lambda: listener.last_id)


async def test_a_head_is_answered_without_a_stream(worker: Worker) -> None:
    async with worker.session.head(worker.server.make_url(PATH)) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
    assert not worker.hub.clients


async def until(holds: Any) -> None:
    """Raises TimeoutError where it does not come to that."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError
