"""`/api/stock`: the newest counts."""

from datetime import timedelta

from shopnow_streams.events import Event, StockUpdated
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker


def count(product: int, stock: int, minutes: int = 0) -> Event:
    return StockUpdated(timestamp=NOON + timedelta(minutes=minutes), id_produit=product, stock=stock)


async def test_one_level_is_the_newest_over_all_partitions(worker: Worker) -> None:
    worker.fold(0, Topic.STOCK_UPDATED, [count(7, 5, minutes=3), count(7, 9, minutes=1)])
    worker.fold(2, Topic.STOCK_UPDATED, [count(7, 1, minutes=2)])
    level = await worker.get("/api/stock/7")
    assert {name: level[name] for name in ("id_produit", "units", "counted_at", "counts")} == {
        "id_produit": 7,
        "units": 5,
        "counted_at": "2025-11-28T12:03:00Z",
        "counts": 3,
    }
    assert level["complete"]


async def test_a_product_never_counted_is_not_found(worker: Worker) -> None:
    assert "8" in (await worker.get("/api/stock/8", 404))["detail"]


async def test_the_lowest_levels_come_first_by_units(worker: Worker) -> None:
    worker.fold(0, Topic.STOCK_UPDATED, [count(1, 5), count(2, 0), count(3, 9)])
    worker.fold(1, Topic.STOCK_UPDATED, [count(3, 0, minutes=1)])
    lowest = await worker.get("/api/stock", sort="units", limit=2)
    assert [(item["id_produit"], item["units"]) for item in lowest["items"]] == [(2, 0), (3, 0)]
