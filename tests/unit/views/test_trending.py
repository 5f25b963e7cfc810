"""`/api/trending`: rankings over the last span of event time."""

from typing import Any

import pytest

from shopnow_streams.topics import Topic
from shopnow_streams.views import shared
from shopnow_streams.views.totals import PATH
from tests.fakes import settle
from tests.unit.views.conftest import MakeWorker, Worker
from tests.unit.views.test_activity import sold, view


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "KEPT_S", 0.0)
    monkeypatch.setattr(shared, "SHARE", 0)


async def trending(worker: Worker, **query: Any) -> Any:
    return await worker.get("/api/trending", **query)


def ids(answer: Any) -> list[int]:
    return [item["id_produit"] for item in answer["items"]]


async def test_the_span_is_minutes_up_to_now_and_the_one_before_it_as_long(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(-10), view(-9.1), view(-5), view(-0.1), view(0), view(2.5)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(-8.1), view(-3), view(-2.9)])
    answer = await trending(worker, last="5min")
    assert (answer["since"], answer["as_of"]) == ("2025-11-28T11:57:00Z", "2025-11-28T12:02:30Z")
    (item,) = answer["items"]
    assert (item["id_produit"], item["name"], item["value"], item["before"]) == (7, "Thé", 5, 1)
    assert item["rise"] == pytest.approx(5 / (5.5 / 5) - 1, abs=1e-6)
    assert (answer["complete"], answer["offsets"]) == (True, {"produit-consulte": {"0": 6, "1": 3}})


@pytest.mark.parametrize(
    ("by", "expected"),
    [("views", [1, 2, 3]), ("units_sold", [2, 1, 4]), ("revenue_cents", [2, 1, 4]), ("conversion", [2, 1])],
)
async def test_rankings_are_of_all_partitions_and_ties_go_by_id(worker: Worker, by: str, expected: list[int]) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0, product=1) for _ in range(11)] + [view(0, product=3)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(0, product=2) for _ in range(10)])
    worker.fold(2, Topic.ORDER_PLACED, [sold(0, product=2), sold(0, product=4)])
    worker.fold(3, Topic.ORDER_PLACED, [sold(0, product=1), sold(0, product=2)])
    answer = await trending(worker, by=by)
    assert ids(answer) == expected
    assert ids(await trending(worker, by=by, limit=1)) == expected[:1]
    assert {item["rise"] for item in answer["items"]} == {None}


async def test_a_conversion_rises_by_itself_however_long_the_spans(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(-7)] * 20 + [view(0)] * 10)
    worker.fold(1, Topic.ORDER_PLACED, [sold(-7), sold(0), sold(0.9)])
    (item,) = (await trending(worker, by="conversion", last="5min"))["items"]
    assert (item["value"], item["before"], item["rise"]) == (0.2, 0.05, 3.0)


@pytest.mark.parametrize("moved", [False, True])
async def test_a_day_is_hours_and_the_minutes_in_them_wherever_rows_are(worker: Worker, moved: bool) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(60 * hour + 30) for hour in range(-48, 1)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(-24 * 60 - 1), view(-24 * 60)])
    if moved:
        for owned in worker.live.owned.values():
            settle(owned.partition)
    answer = await trending(worker, last="24h")
    assert answer["since"] == "2025-11-27T12:00:00Z"
    assert [(item["value"], item["before"]) for item in answer["items"]] == [(26, 25)]


async def test_workers_answer_for_one_another(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.PRODUCT_VIEWED, [view(0)])
    other.fold(2, Topic.PRODUCT_VIEWED, [view(0), view(0, product=8), view(1, product=8)])
    for worker in (one, other):
        answer = await trending(worker)
        assert [(item["id_produit"], item["value"]) for item in answer["items"]] == [(7, 2), (8, 2)]
        assert answer["complete"]
    await other.server.close()
    answer = await trending(one)
    assert (ids(answer), answer["complete"]) == ([7], False)


async def test_before_the_first_event_there_is_nothing(worker: Worker) -> None:
    answer = await trending(worker)
    assert (answer["items"], answer["as_of"], answer["since"]) == ([], None, None)


async def test_a_ranking_is_shared_but_has_what_a_reader_waits_for(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "KEPT_S", 60.0)
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0)])
    assert (await trending(worker))["items"][0]["value"] == 1
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0)])
    assert (await trending(worker))["items"][0]["value"] == 1
    assert (await trending(worker, at_least="produit-consulte:0:1"))["items"][0]["value"] == 2


async def test_more_rows_than_can_be_added_up_are_refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tables.totals.MAX_SUMMED_ROWS", 2)
    monkeypatch.setattr("tables.totals._SLICE_ROWS", 1)
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(1), view(2)])
    assert (await worker.get("/api/trending", 413))["status"] == 413


async def test_what_is_no_query_is_refused_at_the_inner_door(worker: Worker) -> None:
    async with worker.session.post(worker.server.make_url(PATH), data=b'{"spans": 1}') as response:
        assert (response.status, response.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize("query", [{"by": "adds"}, {"last": "2h"}, {"limit": 0}, {"sort": "views"}])
async def test_a_parameter_that_is_wrong_is_told(worker: Worker, query: dict[str, Any]) -> None:
    problem = await worker.get("/api/trending", 400, **query)
    assert any(name in problem["detail"] for name in query)
