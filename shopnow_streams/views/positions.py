"""Where the partitions stand, looked at until they stand above what is awaited."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

from faust.types import TP

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.views.awaited import Awaited, MissingEvent, NotYet, Offsets
from tables.live import LiveTables

POLL_S = 0.03
"""Between two looks at partitions that may be another worker's by now. One of this worker tells when it is there."""


class Positions:
    """The positions of all workers. `everywhere` asks all of them: once at a time, however many requests wait, and only
    for partitions that are not of this one."""

    def __init__(self, live: LiveTables, everywhere: Callable[[], Coroutine[Any, Any, Offsets]]) -> None:
        self._live = live
        self._everywhere = everywhere
        self._asking: asyncio.Task[Offsets] | None = None
        self._waiting: defaultdict[TP, dict[asyncio.Future[None], int]] = defaultdict(dict)
        live.on_folded = self._folded

    async def reach(self, awaited: Awaited, missing: list[MissingEvent], deadline_s: float) -> None:
        """Wait until they are above every offset of `awaited`. Raises NotYet at the deadline of the loop's clock."""
        loop = asyncio.get_running_loop()
        while missing:
            left_s = deadline_s - loop.time()
            if left_s <= 0:
                raise NotYet(missing, awaited.wait_ms)
            await self._news(missing[0], min(POLL_S, left_s))
            offsets = await self._offsets(awaited, deadline_s - loop.time())
            if offsets is not None:
                missing = awaited.missing(offsets)

    async def _news(self, event: MissingEvent, within_s: float) -> None:
        """Wait until this worker has folded it, so long at most."""
        owned = self._live.owned.get(event.partition)
        if owned is not None and owned.partition.positions.get(event.topic, 0) > event.offset:
            return  # since the answer was made that it is missing from
        waiting = self._waiting[TP(event.topic, event.partition)]
        folded = asyncio.get_running_loop().create_future()
        waiting[folded] = event.offset
        try:
            await asyncio.wait({folded}, timeout=within_s)
        finally:
            del waiting[folded]

    def _folded(self, batch: Batch) -> None:
        for folded, offset in self._waiting[batch.tp].items():
            if offset < batch.next_offset and not folded.done():
                folded.set_result(None)

    async def _offsets(self, awaited: Awaited, within_s: float) -> Offsets | None:
        """None where the other workers need longer than that to answer."""
        owned = self._live.owned
        if all(number in owned for _, number in awaited.offsets):
            offsets: dict[str, dict[int, int]] = {}
            for topic, number in awaited.offsets:
                offsets.setdefault(topic, {})[number] = owned[number].partition.positions.get(topic, 0)
            return offsets
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._everywhere())
        asking = self._asking  # not to be cancelled: others wait for it too
        done, _ = await asyncio.wait({asking}, timeout=max(within_s, 0))
        return asking.result() if done else None
