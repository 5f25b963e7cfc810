"""The agent of a topic's archive side: every raw record, also those that are not events, into segments on HDFS."""

from collections.abc import Awaitable, Callable
from typing import Any

from agents.archiver import Archiver
from shopnow_streams.delivery.consumer import Consumer
from shopnow_streams.errors import OffsetsLost


def archiving(topic: str, archiver: Archiver, consumer: Callable[[], Consumer]) -> Callable[[Any], Awaitable[None]]:
    """An agent that hands batches of `topic` to `archiver`, which marks them once a segment is committed."""

    async def archive(stream: Any) -> None:
        """every raw record, into segments of the archive"""
        async for event in stream.events():
            batch = event.value
            if batch.epoch != consumer().reader.epoch or batch.tp in archiver.gaps:
                continue
            if not await archiver.take(batch) and batch.epoch == consumer().reader.epoch:
                await rewind()

    async def rewind() -> None:
        while True:
            try:
                return await consumer().rewind()
            except OffsetsLost as lost:  # an alarm, never a skip: that partition waits for somebody to decide
                archiver.give_up(lost)

    archive.__name__ = archive.__qualname__ = f"archive-{topic}"
    return archive
