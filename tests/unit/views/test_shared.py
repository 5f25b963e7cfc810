"""What is expensive to make: made once for all who ask at the same time, and kept for as long as it pays."""

import asyncio

import pytest

from shopnow_streams.views import shared
from shopnow_streams.views.shared import Shared
from tests.unit.views.conftest import Worker


class Computation:
    """Counts how often it is done; it ends when it is let go."""

    def __init__(self) -> None:
        self.done = 0
        self.let_go = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, name: str) -> str:
        self.done += 1
        await self.let_go.wait()
        if self.failure:
            raise self.failure
        return f"{name} {self.done}"


async def asked(computed: Shared[str, str], *names: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(computed.get(name)) for name in names]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_who_asks_meanwhile_shares_and_who_asks_for_something_else_does_not() -> None:
    compute = Computation()
    computed = Shared(compute)
    tasks = await asked(computed, "a", "a", "b")
    assert compute.done == 2
    compute.let_go.set()
    assert [await task for task in tasks] == ["a 2", "a 2", "b 2"]


async def test_what_was_cheap_is_not_kept() -> None:
    compute = Computation()
    compute.let_go.set()
    computed = Shared(compute, cheap_s=60.0)
    assert [await computed.get("a"), await computed.get("a")] == ["a 1", "a 2"]


async def test_what_was_dear_is_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "KEPT_S", 0.5)
    compute = Computation()
    compute.let_go.set()
    computed = Shared(compute)
    assert [await computed.get("a"), await computed.get("a")] == ["a 1", "a 1"]
    await asyncio.sleep(0.51)  # longer than it is kept
    assert await computed.get("a") == "a 2"


async def test_a_failure_is_everybodys_and_the_next_one_tries_again() -> None:
    compute = Computation()
    compute.failure = ValueError("too much")
    computed = Shared(compute)
    tasks = await asked(computed, "a", "a")
    compute.let_go.set()
    for task in tasks:
        with pytest.raises(ValueError, match="too much"):
            await task
    compute.failure = None
    assert await computed.get("a") == "a 2"


async def test_who_goes_away_ends_it_for_nobody_else() -> None:
    compute = Computation()
    gone, stays = await asked(Shared(compute), "a", "a")
    gone.cancel()
    compute.let_go.set()
    assert await stays == "a 1"


@pytest.mark.parametrize("path", ["/api/carts", "/api/sessions", "/api/carts/7", "/api/sessions/7", "/api/late"])
async def test_who_waits_for_an_event_is_not_given_what_others_were(worker: Worker, path: str) -> None:
    problem = await worker.get(path, 504, at_least="article-ajoute:0:5", wait_ms=0)
    assert problem["missing"] == [{"topic": "article-ajoute", "partition": 0, "offset": 5, "stands": None}]
