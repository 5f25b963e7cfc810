"""`/api/late`: what is in no window, by topic and one by one, and how far event time is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopnow_streams.events import Event, ProductViewed, StockUpdated
from shopnow_streams.folds.late import LateEvent
from shopnow_streams.topics import Topic
from shopnow_streams.views import late
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker

YEAR_2100 = "2100-01-01T00:00:00Z"
"""What records of tests are stamped with."""


def view(minutes: float) -> Event:
    return ProductViewed(timestamp=NOON + timedelta(minutes=minutes), id_produit=1, nom_produit="", prix=1.0)


def counted(minutes: float) -> Event:
    return StockUpdated(timestamp=NOON + timedelta(minutes=minutes), id_produit=1, stock=1)


FAR = ProductViewed(timestamp=datetime(2200, 1, 1, tzinfo=UTC), id_produit=1, nom_produit="", prix=1.0)


async def test_late_and_ahead_are_counted_and_named_the_newest_first(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(-60), view(-60.1), FAR])
    worker.fold(3, Topic.PRODUCT_VIEWED, [view(-500)])  # another partition has its own watermark
    worker.fold(1, Topic.STOCK_UPDATED, [counted(5), counted(-70)])
    page = await worker.get("/api/late")
    topics = {each["topic"]: each for each in page["topics"]}
    assert list(topics) == [str(topic) for topic in Topic]
    assert topics["produit-consulte"] == {
        "topic": "produit-consulte",
        "late": 1,
        "ahead": 1,
        "watermark": "2025-11-28T12:00:00Z",
        "watermarks": {"0": "2025-11-28T12:00:00Z", "3": "2025-11-28T03:40:00Z"},
    }
    assert (topics["stock-mis-a-jour"]["late"], topics["stock-mis-a-jour"]["ahead"]) == (1, 0)
    assert topics["article-ajoute"] == {
        "topic": "article-ajoute",
        "late": 0,
        "ahead": 0,
        "watermark": None,
        "watermarks": {},
    }
    assert (page["allowed_lateness_s"], page["clock_skew_s"]) == (3600, 60)
    assert page["as_of"] == "2025-11-28T12:05:00Z"
    assert [(each["topic"], each["partition"], each["offset"], each["reason"]) for each in page["items"]] == [
        ("stock-mis-a-jour", 1, 1, "late"),
        ("produit-consulte", 0, 3, "ahead"),
        ("produit-consulte", 0, 2, "late"),
    ]
    assert page["items"][1]["timestamp"] == "2200-01-01T00:00:00Z"
    assert {each["arrived_at"] for each in page["items"]} == {YEAR_2100}


async def test_one_topic_and_the_first_few(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(-99), view(-98), view(-97)])
    worker.fold(1, Topic.STOCK_UPDATED, [counted(0), counted(-99)])

    async def asked(**query: Any) -> list[tuple[str, int]]:
        return [(each["topic"], each["offset"]) for each in (await worker.get("/api/late", **query))["items"]]

    views = [("produit-consulte", offset) for offset in (3, 2, 1)]
    assert await asked(topic="produit-consulte") == views
    assert await asked(topic="produit-consulte", limit=2) == views[:2]
    assert await asked(topic="stock-mis-a-jour") == [("stock-mis-a-jour", 1)]
    assert [each["topic"] for each in (await worker.get("/api/late", topic="produit-consulte"))["topics"]] == [
        "produit-consulte"
    ]
    assert "topic" in (await worker.get("/api/late", 400, topic="produits"))["detail"]


async def test_a_partition_of_rejects_alone_has_no_watermark(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [b"?"])
    (topic,) = (await worker.get("/api/late", topic="produit-consulte"))["topics"]
    assert (topic["watermark"], topic["watermarks"]) == (None, {})


async def test_two_workers_answer_as_one(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    one.fold(0, Topic.PRODUCT_VIEWED, [view(0), view(-99)])
    other.fold(2, Topic.PRODUCT_VIEWED, [view(1), view(-99)])
    (topic,) = (await one.get("/api/late", topic="produit-consulte"))["topics"]
    assert (topic["late"], topic["watermarks"]) == (2, {"0": "2025-11-28T12:00:00Z", "2": "2025-11-28T12:01:00Z"})


@pytest.mark.parametrize("arrived_ms", [-1, 2**62])
def test_a_record_without_a_time_arrived_at_none(arrived_ms: int) -> None:
    assert late.shown("t", LateEvent(arrived_ms, 0, 0, NOON, ahead=False)).arrived_at is None
