"""Long work on the loop, in slices."""

import asyncio

from shopnow_streams.views.turns import in_turns
from tables.answer import SLICE_ROWS


async def test_others_have_their_turn_between_slices() -> None:
    turns_of_others = 0

    async def other() -> None:
        nonlocal turns_of_others
        while True:
            turns_of_others += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    parts = [part async for part in in_turns(range(SLICE_ROWS * 3 + 1))]
    running.cancel()
    assert [len(part) for part in parts] == [SLICE_ROWS] * 3 + [1]
    assert [each for part in parts for each in part] == list(range(SLICE_ROWS * 3 + 1))
    assert turns_of_others >= 4
