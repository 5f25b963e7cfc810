"""The folding agent: batches of the present epoch, in order; where one is missing, it reads on from there."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from agents.fold import SLICE_RECORDS, folding
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import DeliveryGap
from tests.fakes import Record

VIEWS = TP("produit-consulte", 0)


class FakeLive:
    """Tables that note what they are given and stand at an offset."""

    def __init__(self) -> None:
        self.stands = 0
        self.turn = asyncio.Lock()
        self.waited: list[int] = []
        self.broken = False

    def apply(self, batch: Batch) -> None:
        if self.broken:
            raise RuntimeError("a fold broke")
        if batch.start != self.stands:
            raise DeliveryGap(f"{batch.start} is not {self.stands}")
        self.stands = batch.next_offset

    async def back_pressure(self, batch: Batch) -> None:
        self.waited.append(batch.next_offset)


class FakeConsumer:
    def __init__(self) -> None:
        self.reader = SimpleNamespace(epoch=1)
        self.rewinds = 0

    async def rewind(self) -> None:
        self.rewinds += 1
        self.reader.epoch += 1


class World:
    def __init__(self) -> None:
        self.live, self.consumer = FakeLive(), FakeConsumer()
        live: Any = self.live
        consumer: Any = self.consumer
        self.agent = folding("produit-consulte", live, lambda: consumer)

    async def hand_on(self, *batches: Batch) -> None:
        """What Faust's stream does with batches."""

        async def events() -> AsyncIterator[Any]:
            for batch in batches:
                yield SimpleNamespace(value=batch)

        await self.agent(SimpleNamespace(events=events))


@pytest.fixture
def world() -> World:
    return World()


def batch(start: int, end: int, epoch: int = 1) -> Batch:
    return Batch(VIEWS, [Record(end - 1)], start, epoch)


async def test_batches_are_folded_in_their_order(world: World) -> None:
    await world.hand_on(batch(0, 5), batch(5, 9))
    assert world.live.stands == 9
    assert world.live.waited == [5, 9]
    assert world.consumer.rewinds == 0


async def test_a_large_batch_is_folded_in_slices_with_turns_for_others_between(world: World) -> None:
    records = [Record(offset) for offset in range(3 * SLICE_RECORDS - 1)]
    turns = 0

    async def another() -> None:
        nonlocal turns
        while world.live.stands < len(records):
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await asyncio.gather(another(), world.hand_on(Batch(VIEWS, records, 0, 1)))
    assert world.live.waited == [SLICE_RECORDS, 2 * SLICE_RECORDS, 3 * SLICE_RECORDS - 1]
    assert turns >= 3


async def test_the_rest_of_a_batch_is_dropped_once_its_epoch_is_over(world: World) -> None:
    async def back_pressure(_batch: Batch) -> None:
        world.consumer.reader.epoch += 1

    world.live.back_pressure = back_pressure  # type: ignore[method-assign, assignment]
    await world.hand_on(Batch(VIEWS, [Record(offset) for offset in range(2 * SLICE_RECORDS)], 0, 1))
    assert world.live.stands == SLICE_RECORDS


@pytest.mark.parametrize("epoch", [0, 2])
async def test_a_batch_of_another_epoch_is_dropped_unlooked_at(world: World, epoch: int) -> None:
    await world.hand_on(batch(7, 9, epoch), batch(0, 5))
    assert world.live.stands == 5
    assert world.live.waited == [5]
    assert world.consumer.rewinds == 0


async def test_after_a_gap_it_reads_on_from_there_and_drops_what_was_on_its_way(world: World) -> None:
    await world.hand_on(batch(0, 5), batch(9, 12), batch(12, 15), batch(5, 9, epoch=2), batch(9, 12, epoch=2))
    assert world.consumer.rewinds == 1
    assert world.live.stands == 12
    assert world.live.waited == [5, 9, 12]


async def test_what_is_no_gap_ends_the_agent(world: World) -> None:
    world.live.broken = True
    with pytest.raises(RuntimeError, match="a fold broke"):
        await world.hand_on(batch(0, 5))
    assert world.consumer.rewinds == 0


def test_it_is_named_by_its_topic(world: World) -> None:
    assert world.agent.__name__ == "fold-produit-consulte"
