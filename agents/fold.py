"""The agent of a topic's live side: every batch into every table that the topic feeds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from shopnow_streams.delivery.consumer import Consumer
from shopnow_streams.errors import DeliveryGap
from tables.live import LiveTables

logger = logging.getLogger(__name__)


def folding(topic: str, live: LiveTables, consumer: Callable[[], Consumer]) -> Callable[[Any], Awaitable[None]]:
    """An agent that folds batches of `topic` into `live`. What it marks is marked by the flush, once it is durable."""

    async def fold(stream: Any) -> None:
        async for event in stream.events():
            batch = event.value
            if batch.epoch != consumer().reader.epoch:
                continue
            try:
                live.apply(batch)
            except DeliveryGap as gap:
                logger.warning("%s: reading on from there", gap)
                await consumer().rewind()
                continue
            await live.back_pressure(batch)
            await asyncio.sleep(0)  # one batch, then HTTP and the heartbeat get their turn

    fold.__name__ = fold.__qualname__ = f"fold-{topic}"  # what Faust calls it in lists and logs
    return fold
