"""Work on the event loop that is too long for one turn: in slices, and once for all who ask at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from itertools import islice
from typing import Generic, TypeVar

from tables.answer import SLICE_ROWS

Item = TypeVar("Item")
Found = TypeVar("Found")

KEEP_S = 1.0
CHEAP_S = 0.05
"""What takes no longer than this is not kept: whoever asks next has the newest answer."""


async def in_turns(items: Iterable[Item]) -> AsyncIterator[list[Item]]:
    """`items` in slices of about a millisecond's work; between two of them others have their turn."""
    rest = iter(items)
    while part := list(islice(rest, SLICE_ROWS)):
        yield part
        await asyncio.sleep(0)


class Shared(Generic[Found]):
    """One computation for all who want the same of the same second: found once, and kept no longer than that.

    `compute` is given what is wanted.
    """

    def __init__(self, compute: Callable[..., Awaitable[Found]], keep_s: float = KEEP_S) -> None:
        self._compute = compute
        self._keep_s = keep_s
        self._under_way: dict[Hashable, asyncio.Task[Found]] = {}

    async def of(self, *wanted: Hashable) -> Found:
        """What is found; as it was found at most `keep_s` ago. Raises what `compute` raises.

        Who goes away meanwhile ends it for nobody else.
        """
        task = self._under_way.get(wanted)
        if task is None:
            task = self._under_way[wanted] = asyncio.create_task(self._found(*wanted))
        return await asyncio.shield(task)

    async def _found(self, *wanted: Hashable) -> Found:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        keep_s = 0.0
        try:
            found = await self._compute(*wanted)
            took_s = loop.time() - begun_s
            keep_s = self._keep_s - took_s if took_s > CHEAP_S else 0.0
            return found
        finally:
            if keep_s > 0:
                loop.call_later(keep_s, self._under_way.pop, wanted, None)
            else:
                del self._under_way[wanted]
