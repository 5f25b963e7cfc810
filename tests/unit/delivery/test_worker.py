"""A stop ends, whatever hangs."""

import subprocess
import sys

import pytest

HANGING = """
import asyncio, faust, sys
from shopnow_streams.delivery import worker
worker.STOP_DEADLINE_S = 0.3

class Hanging(faust.Worker):
    async def stop(self):
        await asyncio.sleep(60)

worker.Worker.__bases__ = (Hanging,)
app = faust.App("hanging", env={})
each = worker.Worker(app)
if sys.argv[1] == "crashed":
    each.crash_reason = RuntimeError("crashed")
asyncio.new_event_loop().run_until_complete(each.stop())
"""


@pytest.mark.parametrize(("how", "code"), [("stopped", 0), ("crashed", 1)])
def test_a_stop_that_hangs_ends_by_its_deadline_and_says_whether_it_crashed(how: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING, how], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, "ended without waiting" in ended.stderr) == (code, True), ended.stderr
