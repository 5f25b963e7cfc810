"""What Faust sees of a table's store: a view on the partition stores that `LiveTables` owns.

Registered as `shopnow://` under the entry point `faust.stores`. Faust's recovery asks it how far it is, and finds
nothing left to do; rows are written by flushes alone, so whoever sets one through Faust is told so.
"""

from collections.abc import Iterator
from typing import Any

from faust.stores.base import SerializedStore
from faust.types import TP

from tables.store import PartitionStore, prefix


class Store(SerializedStore[Any, Any]):
    """One table over all partitions that this worker owns."""

    @property
    def _stores(self) -> dict[int, PartitionStore]:
        app: Any = self.app
        return {number: owned.partition.store for number, owned in app.live.owned.items()}

    def persisted_offset(self, tp: TP) -> int | None:
        """The last changelog offset in the store."""
        store = self._stores.get(tp.partition)
        return None if store is None else store.changelog_offset(tp.topic)

    def _get(self, key: bytes) -> bytes | None:
        for store in self._stores.values():
            value = store.get(prefix(self.table_name), key)
            if value is not None:
                return value
        return None

    def _set(self, key: bytes, value: bytes | None) -> None:
        raise NotImplementedError(f"rows of {self.table_name} come from its folds alone")

    def _del(self, key: bytes) -> None:
        raise NotImplementedError(f"rows of {self.table_name} come from its folds alone")

    def _clear(self) -> None:
        raise NotImplementedError(f"rows of {self.table_name} come from its folds alone")

    def reset_state(self) -> None:
        """`faust reset`: other than the changelog, a table's rows are forgotten by deleting the data directory."""
        raise NotImplementedError(
            "stop the worker and delete its SHOPNOW_DATA_DIR: rows are restored from the changelogs"
        )

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """The changelogs are the backup."""
        raise NotImplementedError("the changelog topics are the tables' backup")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        """The changelogs are the backup."""
        raise NotImplementedError("the changelog topics are the tables' backup")

    def _iteritems(self) -> Iterator[tuple[bytes, bytes]]:
        for store in self._stores.values():
            yield from store.scan(prefix(self.table_name))

    def _iterkeys(self) -> Iterator[bytes]:
        for key, _ in self._iteritems():
            yield key

    def _itervalues(self) -> Iterator[bytes | None]:
        for _, value in self._iteritems():
            yield value

    def _size(self) -> int:
        return sum(1 for _ in self._iteritems())

    def _contains(self, key: bytes) -> bool:
        return self._get(key) is not None
