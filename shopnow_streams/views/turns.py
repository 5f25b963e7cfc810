"""Work on the event loop that is too long for one turn: in slices, so that others have theirs."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import TypeVar

from tables.answer import SLICE_ROWS

Item = TypeVar("Item")


async def in_turns(items: Iterable[Item]) -> AsyncIterator[list[Item]]:
    """`items` in slices of about a millisecond's work; between two of them others have their turn."""
    rest = iter(items)
    while part := list(islice(rest, SLICE_ROWS)):
        yield part
        await asyncio.sleep(0)
