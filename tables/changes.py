"""Which rows of this worker's partitions changed since somebody looked. Costs nothing while nobody does."""

import asyncio
import secrets
from collections.abc import Mapping
from zlib import crc32

import msgspec

from tables.journal import NOWHERE, Journal, Mark
from tables.live import LiveTables
from tables.partition import Partition

KEEP_S = 300.0
"""Changes are noted for so long after somebody asked: who was cut off may come back."""

_NOTE_S = 1.0


class PartitionChanges(msgspec.Struct, frozen=True):
    """What changed in one partition, and where it stands now. `origin` is the same for offsets that can be compared:
    of the same application, topics and folds. `changed` is None where the journal does not reach back so far."""

    partition: int
    origin: int
    journal: int
    offsets: dict[str, int]
    changed: dict[str, list[str]] | None


class Changes:
    """The journals of the partitions that `live` owns, kept from the first question on."""

    def __init__(self, live: LiveTables, keep_s: float = KEEP_S) -> None:
        self._live = live
        self._keep_s = keep_s
        self._until_s = 0.0
        self._noting: asyncio.TimerHandle | None = None

    @property
    def kept(self) -> bool:
        """Whether changes are noted."""
        return self._noting is not None

    def since(self, marks: Mapping[int, Mark] | None) -> list[PartitionChanges]:
        """What changed in each partition of ours since its mark; no keys without `marks`, but where all stands."""
        self._keep()
        return [self._of(owned.partition, marks) for owned in list(self._live.owned.values())]

    def _of(self, partition: Partition, marks: Mapping[int, Mark] | None) -> PartitionChanges:
        journal = partition.journal or self._begin(partition)
        partition.note()
        if marks is None:
            keys: dict[str, list[str]] | None = {}
        else:
            found = journal.since(marks.get(partition.number, NOWHERE))
            keys = None if found is None else {table: [str(key) for key in keys] for table, keys in found.items()}
        origin = crc32(self._live.config.application_id.encode(), partition.origin)
        return PartitionChanges(partition.number, origin, journal.identity, dict(partition.positions), keys)

    def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        self._until_s = loop.time() + self._keep_s
        if self._noting is None:
            self._live.on_owned = self._begin
            self._noting = loop.call_later(_NOTE_S, self._note)
            for owned in self._live.owned.values():
                self._begin(owned.partition)

    @staticmethod
    def _begin(partition: Partition) -> Journal:
        journal = Journal(secrets.randbits(32), partition.positions)
        partition.watch(journal)
        return journal

    def _note(self) -> None:
        """Now and then, so that what was not asked for stays bounded too."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._until_s:
            self._noting = loop.call_later(_NOTE_S, self._note)
            for owned in self._live.owned.values():
                owned.partition.note()
            return
        self.end()

    def end(self) -> None:
        """Forget all, and note nothing until somebody asks again."""
        if self._noting is not None:
            self._noting.cancel()
        self._noting = None
        self._live.on_owned = _nothing
        for owned in self._live.owned.values():
            owned.partition.watch(None)


def _nothing(_partition: Partition) -> None:
    """Nobody looks."""
