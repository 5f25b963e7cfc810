"""`/api/stock`: what was sold since a count, how fast, and what is sold out the soonest."""

from datetime import timedelta
from typing import Any

import pytest

from shopnow_streams.events import Event, OrderLine, OrderPlaced, StockUpdated
from shopnow_streams.topics import Topic
from shopnow_streams.views import shared
from shopnow_streams.views.sales import PATH
from tests.fakes import settle
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "KEPT_S", 0.0)
    monkeypatch.setattr(shared, "SHARE", 0)


def count(product: int, stock: int, minutes: float = 0) -> Event:
    return StockUpdated(timestamp=NOON + timedelta(minutes=minutes), id_produit=product, stock=stock)


def sold(product: int, units: int, minutes: float = 0) -> Event:
    articles = [OrderLine(id_produit=product, quantite=units, prix=1.0)]
    at = NOON + timedelta(minutes=minutes)
    return OrderPlaced(timestamp=at, id_commande=1, user_id=1, articles=articles, montant_total=1.0)


def estimate(item: dict[str, Any]) -> tuple[Any, ...]:
    names = ("sold_from", "units_sold_since", "estimated_units", "units_per_hour", "hours_until_out")
    return tuple(item[name] for name in names)


async def test_what_was_ordered_since_the_count_is_taken_off(worker: Worker) -> None:
    worker.fold(0, Topic.STOCK_UPDATED, [count(7, 50, minutes=-30.5)])
    worker.fold(1, Topic.ORDER_PLACED, [sold(7, 4, minutes=-31), sold(7, 6, minutes=-30), sold(8, 9)])
    worker.fold(2, Topic.ORDER_PLACED, [sold(7, 2)])
    level = await worker.get("/api/stock/7")
    assert estimate(level) == ("2025-11-28T11:30:00Z", 8, 42, 12.0, 3.5)
    assert (level["units"], level["as_of"], level["complete"]) == (50, "2025-11-28T12:00:00Z", True)
    assert (await worker.get("/api/stock"))["items"] == [
        {name: value for name, value in level.items() if name not in ("complete", "partitions", "offsets", "as_of")}
    ]


@pytest.mark.parametrize("moved", [False, True])
async def test_of_an_old_count_whole_hours_or_days_are_taken_off(worker: Worker, moved: bool) -> None:
    hour, day = 60, 24 * 60
    worker.fold(
        0, Topic.STOCK_UPDATED, [count(1, 50, -92 * day), count(2, 50, -59.5 * hour), count(3, 50, -2.5 * hour)]
    )
    for number, product in enumerate((1, 2, 3)):
        minutes = (-59 * hour, -47 * hour, -2.25 * hour, -1.5 * hour, 0)
        worker.fold(number, Topic.ORDER_PLACED, [sold(product, 2, each) for each in minutes])
    if moved:
        for owned in worker.live.owned.values():
            settle(owned.partition)
    items = (await worker.get("/api/stock"))["items"]
    assert [estimate(item)[:3] for item in items] == [
        (None, None, None),
        ("2025-11-27T00:00:00Z", 6, 44),
        ("2025-11-28T10:00:00Z", 4, 46),
    ]


async def test_what_is_sold_out_the_soonest_comes_first_and_what_does_not_sell_last(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.STOCK_UPDATED, [count(product, 10, -10) for product in (1, 2, 3, 4, 5)])
    one.fold(1, Topic.ORDER_PLACED, [sold(2, 5), sold(5, 4)])
    other.fold(3, Topic.ORDER_PLACED, [sold(4, 4), sold(3, 8, -9), sold(2, 4), sold(6, 9)])
    for worker in (one, other):
        for query in ({}, {"at_least": "commande-validee:3:3"}):
            answer = await worker.get("/api/stock", sort="hours_until_out", **query)
            assert [item["id_produit"] for item in answer["items"]] == [2, 3, 4, 5, 1]
            assert (answer["after"], answer["complete"]) == (None, True)
        top = await worker.get("/api/stock", sort="hours_until_out", limit=2)
        assert [item["estimated_units"] for item in top["items"]] == [1, 2]


async def test_the_lowest_counts_have_estimates_too(worker: Worker) -> None:
    worker.fold(0, Topic.STOCK_UPDATED, [count(1, 9), count(2, 3), count(3, 6)])
    worker.fold(1, Topic.ORDER_PLACED, [sold(3, 5), sold(3, 5, 0.5)])
    items = (await worker.get("/api/stock", sort="units", limit=2))["items"]
    assert [(item["id_produit"], item["estimated_units"]) for item in items] == [(2, 3), (3, 0)]


async def test_more_sales_than_can_be_added_up_are_refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tables.totals.MAX_SUMMED_ROWS", 2)
    monkeypatch.setattr("tables.sales._SLICE_ROWS", 1)
    worker.fold(0, Topic.STOCK_UPDATED, [count(1, 9, -10)])
    worker.fold(0, Topic.ORDER_PLACED, [sold(1, 1, minutes) for minutes in (-3, -2, 0)])
    await worker.get("/api/stock", 413, sort="hours_until_out")
    assert (await worker.get("/api/stock"))["items"][0]["units_sold_since"] == 3


async def test_what_is_no_query_is_refused_at_the_inner_door(worker: Worker) -> None:
    async with worker.session.post(worker.server.make_url(PATH), data=b'{"since": 1}') as response:
        assert (response.status, response.content_type) == (400, "application/problem+json")
