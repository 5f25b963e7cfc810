"""The tables as of a past moment, served read-only: the API of a worker that stands still."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from faust.types import TP

from shopnow_streams.archive.catalogue import Catalogue, SegmentFile
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.watermark import STANDARD, EventTime
from shopnow_streams.rebuild.state import Done, fold
from shopnow_streams.topics import Topic
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.routes import add_routes
from shopnow_streams.views.snapshots import Snapshots
from tables.cut import Cut
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.store import PartitionStore
from tables.writer import PartitionWriter


class Nobody(Peers):
    """No other worker: all partitions are here."""

    def __init__(self, own: str) -> None:
        super().__init__(None)
        self._own = own

    @property
    def own(self) -> str:
        """Our address."""
        return self._own

    @property
    def hosts(self) -> list[str]:
        """None."""
        return []


class NoWriter(PartitionWriter):
    """The writer of tables that do not change."""

    def __init__(self, partition: int) -> None:
        self.partition = partition

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class PastTables:
    """Tables of `partitions` partitions in `folder`, folded up to `until_ms`. Nothing of it reaches Kafka."""

    folder: Path
    partitions: int
    event_time: EventTime = STANDARD

    def fold(
        self, catalogue: Catalogue, planned: Mapping[TP, list[SegmentFile]], until_ms: int, done: Done
    ) -> tuple[LiveTables, int]:
        """The tables, and the number of records in them. Blocks; raises SinkUnavailable, ArchiveCorrupt."""
        live = LiveTables(LiveTablesConfig("as-of", self.folder, {}), TABLES)
        records = 0
        for number in range(self.partitions):
            partition = Partition(number, TABLES, PartitionStore(self.folder / str(number)), self.event_time)
            records += fold(catalogue, partition, planned, _no_changelog, done, until_ms)
            live.owned[number] = Owned(partition, NoWriter(number), asyncio.Lock())
        return live, records

    def application(self, live: LiveTables, own: str) -> web.Application:
        """The API on them, to be served at the address `own`."""
        application = web.Application()
        peers = Nobody(own)
        gather, snapshots = Gather(peers, live, self.partitions), Snapshots(peers, live, self.partitions)
        add_routes(application, gather, live, lambda: True, lambda: {}, snapshots=snapshots)
        return application


def positions(live: LiveTables) -> dict[str, dict[int, int]]:
    """Where they stand: next offset by topic and partition."""
    return {
        str(topic): {
            number: owned.partition.positions[topic]
            for number, owned in live.owned.items()
            if topic in owned.partition.positions
        }
        for topic in Topic
    }


def _no_changelog(_cut: Cut) -> dict[str, int]:
    return {}
