"""Workers whose tables are asked as in life, beside a topic that is a list."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.transition import Transition
from tests.unit.views.conftest import MakeWorker, Worker, fleet


@pytest.fixture
async def make_worker(tmp_path: Path) -> AsyncIterator[MakeWorker]:
    """Workers of one application, over HTTP."""
    async with fleet(tmp_path) as make:
        yield make


@pytest.fixture
async def worker(make_worker: MakeWorker) -> Worker:
    """The only worker: it owns all partitions."""
    alone: Worker = await make_worker()
    return alone


async def until(holds: Callable[[], Any], within_s: float = 10.0) -> None:
    """Wait until it is so; raises TimeoutError."""
    deadline_s = asyncio.get_running_loop().time() + within_s
    while not holds():
        if asyncio.get_running_loop().time() > deadline_s:
            raise TimeoutError
        await asyncio.sleep(0.005)


class FakeLog:
    """The topic in memory; `failure` is raised by the next write."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []
        self.calls: list[str] = []
        self.failure: Exception | None = None

    def take_over(self) -> Register:
        self.calls.append("take_over")
        register = Register(1_000)
        for recorded in self.records:
            register.take(recorded)
        return register

    def write(self, happened: Sequence[Transition], forgotten: Sequence[str] = ()) -> list[Recorded]:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        ids = [(one.id, one) for one in happened] + [(id, None) for id in forgotten]
        records = [Recorded(number, *record) for number, record in enumerate(ids, len(self.records))]
        self.records += records
        return records

    def give_up(self) -> None:
        self.calls.append("give_up")

    def close(self) -> None:
        self.calls.append("close")

    @property
    def told(self) -> list[str]:
        """Each record in short."""
        return [f"{id} {one.state if one else 'forgotten'}" for _, id, one in self.records]
