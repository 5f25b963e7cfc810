"""What is expensive to make, made once for all who ask for it within a while."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")

CHEAP_S = 0.05
KEPT_S = 1.0
SHARE = 10
"""What took long is kept for so many times as long: a worker that folds has better to do than to rank all day."""


class Shared(Generic[Key, Made]):
    """Makes by key. What was made is given to whoever asks within a second of its beginning, or within ten times as
    long as it took; and to all who ask while it is made. What took `cheap_s` at most is kept for nobody: whoever asks
    next has the newest. The event loop's alone."""

    def __init__(self, make: Callable[[Key], Awaitable[Made]], cheap_s: float = -1.0) -> None:
        self._make = make
        self._cheap_s = cheap_s
        self._kept: dict[Key, tuple[float, Made]] = {}
        self._making: dict[Key, asyncio.Task[Made]] = {}

    async def get(self, key: Key, good: Callable[[Made], bool] = lambda _: True) -> Made:
        """The one that is kept, if it is `good`; else one that was begun since. Raises what making it raises.

        Who goes away meanwhile ends it for nobody else.
        """
        until_s, kept = self._kept.get(key, (0.0, None))
        if kept is not None and asyncio.get_running_loop().time() < until_s and good(kept):
            return kept
        under_way = self._making.get(key)
        if under_way is not None:
            made = await asyncio.shield(under_way)  # others wait for it too
            if good(made):
                return made
        return await asyncio.shield(self._making.get(key) or self._begin(key))

    def _begin(self, key: Key) -> "asyncio.Task[Made]":
        task = self._making[key] = asyncio.create_task(self._made(key))
        task.add_done_callback(lambda done: self._over(key, done))
        return task

    async def _made(self, key: Key) -> Made:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        made = await self._make(key)
        now_s = loop.time()
        if now_s - began_s > self._cheap_s:
            self._kept[key] = kept = (began_s + max(KEPT_S, SHARE * (now_s - began_s)), made)
            loop.call_at(kept[0], self._forget, key, kept)
        return made

    def _forget(self, key: Key, kept: tuple[float, Made]) -> None:
        if self._kept.get(key) is kept:
            del self._kept[key]

    def _over(self, key: Key, task: "asyncio.Task[Any]") -> None:
        if self._making.get(key) is task:
            del self._making[key]
        if not task.cancelled():
            task.exception()  # told to whoever waits, and else to nobody
