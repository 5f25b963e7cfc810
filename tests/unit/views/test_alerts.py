"""`/api/alerts`, what is pushed of them, and how any worker knows when they were judged."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shopnow_streams.events import StockUpdated
from shopnow_streams.topics import Topic
from tests.unit.alerts.facts import NOON, transition
from tests.unit.views.conftest import MakeWorker, Worker
from tests.unit.views.listener import Listener

LOW, TWICE = transition("low-stock", "1597", "raised"), transition("paid-twice", "C-17", "raised")
PAID = transition("unpaid-order", "C-16", "resolved")


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


async def test_what_is_open_is_shown_with_what_decided(worker: Worker) -> None:
    worker.alerts.learn(LOW, PAID)
    page = await worker.get("/api/alerts")
    assert ids(page) == ["low-stock:1597"]
    assert page["items"][0] == {
        "id": "low-stock:1597",
        "rule": "low-stock",
        "subject": "1597",
        "state": "raised",
        "at": "2026-11-28T12:00:00Z",
        "value": 1.0,
        "threshold": 2.0,
        "unit": "units",
        "message": "so it is",
        "offsets": {"stock-mis-a-jour": {"0": 0}},
        "origin": 7,
    }
    assert (page["open"]["low-stock"], page["open"]["unpaid-order"], page["complete"]) == (1, 0, True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["paid-twice:C-17", "low-stock:1597"]),
        ({"rule": "low-stock"}, ["low-stock:1597"]),
        ({"state": "resolved"}, ["unpaid-order:C-16"]),
        ({"state": "any"}, ["unpaid-order:C-16", "paid-twice:C-17", "low-stock:1597"]),
        ({"state": "any", "since": "2026-11-28T12:00:01Z"}, ["unpaid-order:C-16", "paid-twice:C-17"]),
        ({"state": "any", "limit": 1}, ["unpaid-order:C-16"]),
    ],
)
async def test_the_newest_come_first(worker: Worker, query: dict[str, Any], expected: list[str]) -> None:

    worker.alerts.learn(
        LOW, replace(TWICE, at=NOON + timedelta(seconds=1)), replace(PAID, at=NOON + timedelta(seconds=2))
    )
    assert ids(await worker.get("/api/alerts", **query)) == expected


@pytest.mark.parametrize("query", [{"rule": "none"}, {"state": "raised"}, {"limit": 0}, {"since": "1"}, {"after": 1}])
async def test_what_it_does_not_know_is_refused(worker: Worker, query: dict[str, Any]) -> None:
    await worker.get("/api/alerts", 400, **query)


async def test_any_worker_says_when_alerts_were_judged(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    assert (await one.get("/api/alerts"))["judged_at"] is None
    other.alerts.judged_at_s = NOON.timestamp()
    assert (await one.get("/api/alerts"))["judged_at"] == "2026-11-28T12:00:00Z"
    assert (await other.get("/api/alerts"))["judged_at"] == "2026-11-28T12:00:00Z"


async def test_a_worker_that_has_not_read_all_says_so(worker: Worker) -> None:
    worker.alerts.whole = False
    assert (await worker.get("/api/alerts"))["complete"] is False


def listening(worker: Worker, **query: str) -> Listener:
    return Listener(worker.session, worker.server.make_url("/api/stream"), query)


class TestPushed:
    async def test_all_that_are_open_come_first_and_then_each_transition(self, worker: Worker) -> None:
        worker.alerts.learn(LOW, PAID)
        async with listening(worker, tables="alerts") as listener:
            (first,) = await listener.until(lambda: listener.named("alerts"))
            assert (ids(first), first["whole"]) == (["low-stock:1597"], True)
            worker.alerts.learn(TWICE, transition("low-stock", "1597", "resolved"), LOW)
            _, then = await listener.until(lambda: listener.named("alerts")[1:] and listener.named("alerts"))
            told = [(item["id"], item["state"]) for item in then["items"]]
            assert told == [("paid-twice:C-17", "raised"), ("low-stock:1597", "resolved"), ("low-stock:1597", "raised")]
            assert then["whole"] is False

    async def test_who_does_not_ask_for_them_gets_none(self, worker: Worker) -> None:
        async with listening(worker) as listener, listening(worker, tables="alerts,stock", ids="1") as asking:
            await asking.until(lambda: asking.named("alerts"))
            worker.alerts.learn(TWICE)
            await asking.until(lambda: len(asking.named("alerts")) == 2)
            worker.fold(0, Topic.STOCK_UPDATED, [StockUpdated(timestamp=NOON, id_produit=1, stock=3)])
            await listener.until(lambda: listener.rows["stock"])
            assert listener.named("alerts") == []

    async def test_who_comes_back_gets_all_that_are_open_again(self, worker: Worker) -> None:
        async with listening(worker, tables="alerts,stock") as listener:
            await listener.until(lambda: listener.last_id)
        worker.alerts.learn(LOW)
        async with Listener(
            worker.session, worker.server.make_url("/api/stream"), {"tables": "alerts"}, listener.last_id
        ) as listener:
            (first,) = await listener.until(lambda: listener.named("alerts"))
            assert (ids(first), first["whole"]) == (["low-stock:1597"], True)
            assert listener.named("reset") == []
