"""Liveness, and readiness by progress."""

import pytest
from faust.types import TP

from shopnow_streams.topics import Topic
from shopnow_streams.views import health as health_module
from tests.unit.views.conftest import Worker

A, B = TP("produit-consulte", 0), TP("stock-mis-a-jour", 1)


class Clock:
    """`time.monotonic`, moved by the test."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(health_module, "time", clock)
    return clock


async def test_it_lives_while_it_answers(worker: Worker) -> None:
    worker.settled = False
    assert await worker.get("/health/live") == {"status": "live"}


async def test_it_is_ready_with_nothing_left_to_read(worker: Worker) -> None:
    worker.lag = {A: 0, B: 0}
    assert await worker.get("/health/ready") == {"status": "ready", "reasons": [], "lag": 0}


async def test_it_is_not_ready_while_partitions_are_restored(worker: Worker) -> None:
    worker.settled = False
    answer = await worker.get("/health/ready", 503)
    assert answer["status"] == "not ready"
    assert "restored" in answer["reasons"][0]


async def test_it_is_ready_while_it_catches_up(worker: Worker, clock: Clock) -> None:
    for behind in (900, 600, 300):
        worker.lag = {A: behind}
        assert (await worker.get("/health/ready"))["lag"] == behind
        clock.now += health_module.STALLED_S + 1


async def test_a_partition_that_stands_with_records_left_is_named(worker: Worker, clock: Clock) -> None:
    worker.lag = {A: 0, B: 5}
    await worker.get("/health/ready")
    clock.now += health_module.STALLED_S
    await worker.get("/health/ready")
    clock.now += 1
    answer = await worker.get("/health/ready", 503)
    assert answer["reasons"] == ["stock-mis-a-jour partition 1: 5 records behind and standing"]
    worker.lag = {A: 0, B: 4}
    assert (await worker.get("/health/ready"))["status"] == "ready"


async def test_standing_with_nothing_left_is_no_stall(worker: Worker, clock: Clock) -> None:
    worker.lag = {A: 0}
    for _ in range(3):
        await worker.get("/health/ready")
        clock.now += health_module.STALLED_S + 1


async def test_a_partition_that_stands_while_records_come_in_is_stalled(worker: Worker, clock: Clock) -> None:
    for behind in (5, 6, 7, 8):
        worker.lag = {A: behind}
        last = await worker.session.get(worker.server.make_url("/health/ready"))
        clock.now += health_module.STALLED_S + 1
    assert last.status == 503


async def test_a_partition_that_moves_is_ready_although_it_falls_behind_or_keeps_its_distance(
    worker: Worker, clock: Clock
) -> None:
    for behind in (5, 5, 9, 9):
        worker.lag = {A: behind}
        worker.fold(A.partition, Topic.PRODUCT_VIEWED, [None])
        assert (await worker.get("/health/ready"))["lag"] == behind
        clock.now += health_module.STALLED_S + 1
