"""Workers of one application, each with partitions made by hand and the API on a port of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from faust.types import TP

from agents.partition_archive import PartitionArchive
from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.transition import Rule, State, Transition
from shopnow_streams.events import Event
from shopnow_streams.folds import TABLES
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import EVERYBODY, Access
from shopnow_streams.views.alerts import Alerts
from shopnow_streams.views.archive import ArchiveProgress
from shopnow_streams.views.changed import Changed
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.hub import Hub
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.routes import add_routes
from shopnow_streams.views.snapshots import Snapshots
from shopnow_streams.views.stream import Stream
from tables.changes import Changes
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.store import PartitionStore
from tests.fakes import FakeWriter, batch_of, settle

PARTITIONS = 4
STREAMS = 5
TICK_S = 0.02


@dataclass
class Worker:
    """One worker. `knows` are the addresses of all workers, as the group's metadata has them."""

    live: LiveTables
    server: TestServer
    session: aiohttp.ClientSession
    knows: set[str]
    folder: Path
    gather: Gather
    hub: Hub
    changes: Changes
    alerts: "FakeWatch"
    settled: bool = True
    lag: dict[TP, int] = field(default_factory=dict)

    def fold(self, number: int, topic: Topic, values: Iterable[Event | bytes | None]) -> None:
        """What a batch of the partition does; half of it is in the store, half in memory."""
        owned = self.live.owned.get(number)
        if owned is None:
            partition = Partition(number, TABLES, PartitionStore(self.folder / str(number)))
            owned = Owned(partition, FakeWriter(number), asyncio.Lock())  # type: ignore[arg-type]
            self.live.owned[number] = owned
        values = list(values)
        for part in (values[: len(values) // 2], values[len(values) // 2 :]):
            settle(owned.partition)
            if part:
                start = owned.partition.positions.get(str(topic), 0)
                owned.partition.begin(topic, start)
                self.live.apply(batch_of(topic, number, part, start=start))

    def take(self, other: "Worker", number: int) -> Partition:
        """The partition as the other one, which has it no more, had cut it last."""
        store = other.live.owned.pop(number).partition.store
        return Partition(number, TABLES, store)

    def own(self, partition: Partition) -> None:
        """Answer for it from now on."""
        self.live.owned[partition.number] = Owned(partition, FakeWriter(partition.number), asyncio.Lock())  # type: ignore[arg-type]
        self.live.on_owned(partition)

    async def get(self, path: str, status: int = 200, /, **query: Any) -> Any:
        """The JSON of a path; the answer must have this status."""
        async with self.session.get(
            self.server.make_url(path), params={name: str(value) for name, value in query.items()}
        ) as response:
            assert response.status == status, await response.text()
            is_problem = response.content_type == "application/problem+json"
            assert is_problem == (status >= 400 and not path.startswith("/health"))
            kept = status == 200 and path.startswith(("/api/", "/openapi.json"))
            assert response.headers["Cache-Control"] == ("no-cache" if kept else "no-store")
            assert ("ETag" in response.headers) == kept
            return await response.json(content_type=None)


class FakeWatch:
    """What a worker knows of alerts, and a way to have it learn of a transition."""

    def __init__(self, on_records: Callable[[Sequence[Recorded]], None] = lambda _records: None) -> None:
        self.register = Register(1_000)
        self.whole = True
        self.judged_at_s: float | None = None
        self.age_s: float | None = None
        self.happened: dict[tuple[Rule, State], int] = {}
        self.left_out: dict[Rule, int] = {}
        self.untracked = 0
        self.webhook = {"delivered": 0, "failed": 0, "refused": 0}
        self.on_records = on_records

    def learn(self, *happened: Transition) -> None:
        records = [Recorded(self.register.end + number, one.id, one) for number, one in enumerate(happened)]
        for recorded in records:
            self.register.take(recorded)
        self.on_records(records)


MakeWorker = Callable[..., Any]


class FakeArchiver(SimpleNamespace):
    """What the view looks at of an archiver."""

    def __init__(self, ends: dict[TP, int], outage: str | None = None) -> None:
        partitions = {tp: PartitionArchive(tp, end, end) for tp, end in ends.items()}
        super().__init__(
            partitions=partitions,
            committed_segments=2,
            committed_bytes=1_000,
            held_bytes=10,
            outage=outage,
            gaps={},
            retries=0,
        )


@contextlib.asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[MakeWorker]:
    """Makes workers that know of one another, and of all `partitions` of theirs."""
    made: list[Worker] = []
    addresses: set[str] = set()
    session = aiohttp.ClientSession()

    async def make(
        partitions: Iterable[int] = range(PARTITIONS), archiver: FakeArchiver | None = None, access: Access = EVERYBODY
    ) -> Worker:
        own = folder / f"worker-{len(made)}"
        own.mkdir()
        live = LiveTables(LiveTablesConfig("shop", own, {}), TABLES)
        application = web.Application()
        faust_app = SimpleNamespace(
            conf=SimpleNamespace(canonical_url=""),
            router=SimpleNamespace(tables_metadata=lambda: {address: {} for address in addresses}),
            http_client=session,
        )
        server = TestServer(application)
        peers = Peers(faust_app, access.tokens)
        gather, snapshots = Gather(peers, live, PARTITIONS), Snapshots(peers, live, PARTITIONS)
        progress = ArchiveProgress(archiver, "hdfs://there/shopnow", peers) if archiver else None  # type: ignore[arg-type]
        changes = Changes(live)
        watch = FakeWatch()
        stream = Stream(Hub(Changed(gather, changes), tick_s=TICK_S), STREAMS, watch)
        watch.on_records = stream.alerts_changed
        worker = Worker(live, server, session, addresses, own, gather, stream.hub, changes, watch)
        add_routes(
            application,
            gather,
            live,
            lambda: worker.settled,
            lambda: worker.lag,
            progress,
            snapshots,
            access,
            stream,
            Alerts(watch, peers),
        )
        await server.start_server()
        faust_app.conf.canonical_url = str(server.make_url(""))
        addresses.add(faust_app.conf.canonical_url)
        made.append(worker)
        for number in partitions:
            worker.fold(number, Topic.PRODUCT_VIEWED, [])
        return worker

    yield make
    for worker in made:
        await worker.server.close()
        for owned in worker.live.owned.values():
            owned.partition.store.close()
    await session.close()


@pytest.fixture
async def make_worker(tmp_path: Path) -> AsyncIterator[MakeWorker]:
    """`fleet`, for one test."""
    async with fleet(tmp_path) as make:
        yield make


@pytest.fixture
async def worker(make_worker: MakeWorker) -> Worker:
    """The only worker: it owns all partitions."""
    alone: Worker = await make_worker()
    return alone
