"""The agent of a topic's live side: every batch into every table that the topic feeds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shopnow_streams.delivery.consumer import Consumer
from shopnow_streams.errors import DeliveryGap
from shopnow_streams.logs.logger import get_logger
from tables.live import LiveTables

SLICE_RECORDS = 100
"""Folded in one go: one or two milliseconds with all tables. An answer over HTTP takes ten turns of the loop, and each
turn waits for one of these."""

logger = get_logger(__name__)


def folding(topic: str, live: LiveTables, consumer: Callable[[], Consumer]) -> Callable[[Any], Awaitable[None]]:
    """An agent that folds batches of `topic` into `live`. What it marks is marked by the flush, once it is durable."""

    async def fold(stream: Any) -> None:
        async for event in stream.events():
            for batch in event.value.slices(SLICE_RECORDS):
                if batch.epoch != consumer().reader.epoch:
                    break
                try:
                    async with live.turn:  # one slice of all agents, then HTTP and the heartbeat get their turn
                        live.apply(batch)
                        await asyncio.sleep(0)
                except DeliveryGap as gap:
                    logger.warning("{error}: reading on from there", error=gap)
                    await consumer().rewind()
                    break
                await live.back_pressure(batch)

    fold.__name__ = fold.__qualname__ = f"fold-{topic}"  # what Faust calls it in lists and logs
    return fold
