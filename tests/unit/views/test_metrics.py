"""`/metrics`: Prometheus reads it, and the numbers are those of the tables."""

from datetime import timedelta
from typing import Any

import pytest
from faust.types import TP
from prometheus_client.parser import text_string_to_metric_families

from shopnow_streams.events import Event, ProductViewed, StockUpdated
from shopnow_streams.topics import Topic
from tests.fakes import settle
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import Worker

NAMES = {
    "shopnow_partitions_owned",
    "shopnow_events",
    "shopnow_rejected",
    "shopnow_rejected_records",
    "shopnow_misdated",
    "shopnow_watermark_timestamp_seconds",
    "shopnow_window_rows",
    "shopnow_rows_in_memory",
    "shopnow_position",
    "shopnow_lag_records",
    "shopnow_rows_pending",
    "shopnow_fold_seconds",
    "shopnow_flushed_rows",
    "shopnow_flush_seconds",
    "shopnow_restore_seconds",
    "shopnow_restored_rows",
    "shopnow_http_request_seconds",
    "shopnow_stream_clients",
    "shopnow_stream_dropped",
    "shopnow_stream_events",
    "shopnow_stream_refused",
    "shopnow_build_info",
}


def view() -> Event:
    return ProductViewed(timestamp=NOON, id_produit=1, nom_produit="", prix=0.0)


async def scraped(worker: Worker) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Samples by name and labels."""
    async with worker.session.get(worker.server.make_url("/metrics")) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        text = await response.text()
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in samples.setdefault(sample.name, {}), "a sample twice"
            samples[sample.name][labels] = sample.value
    return samples


async def test_the_names_are_there_at_once(worker: Worker) -> None:
    async with worker.session.get(worker.server.make_url("/metrics")) as response:
        families = {family.name for family in text_string_to_metric_families(await response.text())}
    assert families >= NAMES
    assert "process_resident_memory_bytes" in families


async def test_numbers_are_those_of_the_tables(worker: Worker) -> None:
    views, stock = str(Topic.PRODUCT_VIEWED), str(Topic.STOCK_UPDATED)
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(), b"?", None, view()])
    worker.fold(3, Topic.PRODUCT_VIEWED, [b"{}", b"?"])
    worker.fold(3, Topic.STOCK_UPDATED, [StockUpdated(timestamp=NOON, id_produit=1, stock=1)])
    worker.lag = {TP(views, 0): 12}
    for seconds in (0.02, 0.3, 1.18):
        worker.live.timings.flush.observe(seconds)
    samples = await scraped(worker)

    def value(name: str, **labels: Any) -> float:
        return samples[name][tuple(sorted(labels.items()))]

    assert value("shopnow_partitions_owned") == 4
    assert value("shopnow_events_total", topic=views) == 2
    assert value("shopnow_events_total", topic=stock) == 1
    assert samples["shopnow_events_total"].keys() == {(("topic", str(topic)),) for topic in Topic}
    assert value("shopnow_rejected_total", topic=views, reason="not-json") == 2
    assert value("shopnow_rejected_total", topic=views, reason="no-value") == 1
    assert value("shopnow_rejected_total", topic=views, reason="not-valid") == 1
    met = {labels: count for labels, count in samples["shopnow_rejected_total"].items() if count}
    assert samples["shopnow_rejected_records"] == met
    assert value("shopnow_position", topic=views, partition="0") == 4
    assert value("shopnow_position", topic=views, partition="3") == 2
    assert value("shopnow_position", topic=stock, partition="3") == 1
    assert value("shopnow_lag_records", topic=views, partition="0") == 12
    assert value("shopnow_flush_seconds_count") == 3
    assert value("shopnow_flush_seconds_sum") == pytest.approx(1.5)
    assert value("shopnow_flush_seconds_bucket", le="0.5") == 2
    pending = sum(owned.partition.pending for owned in worker.live.owned.values())
    assert value("shopnow_rows_pending") == pending > 0


async def test_event_time_is_told_by_topic_and_partition(worker: Worker) -> None:
    views = str(Topic.PRODUCT_VIEWED)

    def at(**since_noon: int) -> Event:
        return ProductViewed(timestamp=NOON + timedelta(**since_noon), id_produit=1, nom_produit="", prix=0.0)

    assert set((await scraped(worker))["shopnow_misdated_total"].values()) == {0}
    worker.fold(0, Topic.PRODUCT_VIEWED, [at(), at(hours=-2), at(days=365 * 100)])
    worker.fold(1, Topic.PRODUCT_VIEWED, [at(minutes=1), at(hours=-2)])
    worker.fold(2, Topic.PRODUCT_VIEWED, [b"?"])
    samples = await scraped(worker)
    assert samples["shopnow_misdated_total"][("reason", "late"), ("topic", views)] == 2
    assert samples["shopnow_misdated_total"][("reason", "ahead"), ("topic", views)] == 1
    assert len(samples["shopnow_misdated_total"]) == 2 * len(Topic)
    assert samples["shopnow_watermark_timestamp_seconds"] == {
        (("partition", "0"), ("topic", views)): NOON.timestamp(),
        (("partition", "1"), ("topic", views)): NOON.timestamp() + 60,
    }
    assert samples["shopnow_rows_in_memory"][(("table", "late"),)] == 2


async def test_rows_of_windows_that_went_on_are_counted_over_rebalances(worker: Worker) -> None:
    for hours in (0, 24 * 100, 24 * 101):
        event = ProductViewed(
            timestamp=NOON + timedelta(hours=hours), id_produit=1, nom_produit="", prix=0.0, user_id=7
        )
        worker.fold(0, Topic.PRODUCT_VIEWED, [event])
        settle(worker.live.owned[0].partition)
    went = {labels: count for labels, count in (await scraped(worker))["shopnow_window_rows_total"].items() if count}
    assert went[("table", "activity"), ("went", "longer")] >= 2
    assert went[("table", "activity"), ("went", "forgotten")] == 1
    assert went[("table", "shoppers"), ("went", "forgotten")] == 1
    assert (("table", "shoppers"), ("went", "longer")) not in went
    await worker.live._release([0])
    after = (await scraped(worker))["shopnow_window_rows_total"]
    assert {labels: count for labels, count in after.items() if count} == went


@pytest.mark.parametrize("query", [{"name[]": "shopnow_events"}])
async def test_a_scrape_with_parameters_is_answered(worker: Worker, query: dict[str, str]) -> None:
    """Some scrapers add some; they are not of the API."""
    async with worker.session.get(worker.server.make_url("/metrics"), params=query) as response:
        assert response.status == 200
