"""A worker's web server without Kafka: the real routes over partitions made by hand, on a thread of its own."""

import asyncio
import gc
import json
import threading
import urllib.request
import warnings
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web
from faust.types import TP

from agents.partition_archive import PartitionArchive
from shopnow_streams.alerts.transition import Transition
from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
)
from shopnow_streams.folds import TABLES
from shopnow_streams.stack.ports import free_ports
from shopnow_streams.topics import Topic
from shopnow_streams.views.access import EVERYBODY
from shopnow_streams.views.alerts import Alerts
from shopnow_streams.views.archive import ArchiveProgress
from shopnow_streams.views.changed import Changed
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.hub import Hub
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.routes import add_routes
from shopnow_streams.views.stream import Stream
from tables.changes import Changes
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.store import PartitionStore
from tests.fakes import FakeWriter, apply, batch_of, settle
from tests.unit.views.conftest import FakeWatch

PARTITIONS = 4
TOPIC_OF = {
    ProductViewed: Topic.PRODUCT_VIEWED,
    ItemAddedToCart: Topic.ITEM_ADDED,
    OrderPlaced: Topic.ORDER_PLACED,
    PaymentAccepted: Topic.PAYMENT_ACCEPTED,
    StockUpdated: Topic.STOCK_UPDATED,
}


class Shop:
    """One worker that owns all partitions. Its methods may be called from any thread, and block until they are done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settled = True
        self.pause_s = 0.0
        self.access = EVERYBODY
        self.streams = 10
        self.alerts = FakeWatch()
        self.asked: list[str] = []
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        (self.port,) = free_ports(1)
        self.archiver = SimpleNamespace(
            partitions={}, committed_segments=0, committed_bytes=0, held_bytes=0, outage=None, gaps={}, retries=0
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner: web.AppRunner | None = None
        self._away: dict[int, Owned] = {}
        self.do(self._open())

    @property
    def url(self) -> str:
        """Where it listens, also after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` on the worker's loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def fold(self, events: Iterable[Event | tuple[Topic, bytes]]) -> None:
        """Count events, over all partitions in turn; a topic and bytes are a record that may be no event."""
        self.do(self._fold(list(events)))

    def alert(self, *happened: Transition) -> None:
        """The worker reads that alerts were raised or resolved."""
        self.do(self._alert(happened))

    def archive(self, behind: int = 0) -> None:
        """The archive has all of the first topic's records but `behind` a partition."""
        for number, owned in self.live.owned.items():
            for topic, offset in owned.partition.positions.items():
                at = max(0, offset - behind)
                self.archiver.partitions[TP(topic, number)] = PartitionArchive(TP(topic, number), at, at)

    def let_go(self, number: int) -> None:
        """A partition that no worker answers for."""
        self._away[number] = self.live.owned.pop(number)

    def take_back(self) -> None:
        """All partitions answer again."""
        self.live.owned.update(self._away)
        self._away.clear()

    def start(self) -> None:
        """Listen."""
        self.do(self._start())

    def stop(self) -> None:
        """Listen no more, and cut who is connected."""
        self.do(self._stop())

    def close(self) -> None:
        """For good."""
        self.take_back()
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        # a browser that goes away in the middle of an answer sometimes leaves asyncio a transport that its loop does
        # not know any more; what leaves it there is not found yet. A worker ends with its process, this shop does not
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
            gc.collect()

    def get(self, path: str) -> Any:
        """The JSON of a path."""
        with urllib.request.urlopen(self.url + path, timeout=5) as response:  # noqa: S310
            return json.loads(response.read())

    async def _open(self) -> None:
        self.live = LiveTables(LiveTablesConfig("shop", self.folder, {}), TABLES)
        self._changes = Changes(self.live)
        for number in range(PARTITIONS):
            partition = Partition(number, TABLES, PartitionStore(self.folder / str(number)))
            self.live.owned[number] = Owned(partition, FakeWriter(number), asyncio.Lock())  # type: ignore[arg-type]
        self._session = aiohttp.ClientSession()
        await self._start()

    async def _alert(self, happened: Iterable[Transition]) -> None:
        self.alerts.learn(*happened)

    async def _fold(self, events: list[Event | tuple[Topic, bytes]]) -> None:
        records: defaultdict[tuple[int, Topic], list[Event | bytes | None]] = defaultdict(list)
        for index, event in enumerate(events):
            topic, value = event if isinstance(event, tuple) else (TOPIC_OF[type(event)], event)
            records[index % PARTITIONS, topic].append(value)
        for (number, topic), values in records.items():
            partition = self.live.owned[number].partition
            apply(partition, batch_of(topic, number, values, start=partition.positions.get(str(topic), 0)))
        for number in {number for number, _ in records}:
            settle(self.live.owned[number].partition, keep_rows=100_000)

    async def _start(self) -> None:
        app: Any = SimpleNamespace(
            conf=SimpleNamespace(canonical_url=self.url),
            router=SimpleNamespace(tables_metadata=lambda: {self.url: {}}),
            http_client=self._session,
        )
        peers = Peers(app, self.access.tokens)
        progress = ArchiveProgress(self.archiver, "hdfs://there/shopnow", peers)  # type: ignore[arg-type]
        application = web.Application(middlewares=[self._counting()])
        gather = Gather(peers, self.live, PARTITIONS)
        self.stream = Stream(Hub(Changed(gather, self._changes)), self.streams, self.alerts)
        self.alerts.on_records = self.stream.alerts_changed
        add_routes(
            application,
            gather,
            self.live,
            lambda: self.settled,
            lambda: {},
            progress,
            access=self.access,
            stream=self.stream,
            alerts=Alerts(self.alerts, peers),
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    def _counting(self) -> Any:
        @web.middleware
        async def count(request: web.Request, handler: Any) -> Any:
            self.asked.append(request.path_qs)
            self.at_once[request.path] += 1
            self.most_at_once[request.path] = max(self.most_at_once[request.path], self.at_once[request.path])
            try:
                await asyncio.sleep(self.pause_s)
                return await handler(request)
            finally:
                self.at_once[request.path] -= 1

        return count

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _close(self) -> None:
        await self._stop()
        await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        loop: Any = self._loop
        for _turn in range(20):  # of a browser that went in the middle of what it was sent, or just came
            for transport in list(loop._transports.values()):
                transport.abort()
            await asyncio.sleep(0.005)
        for owned in self.live.owned.values():
            owned.partition.store.close()
