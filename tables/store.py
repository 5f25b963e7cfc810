"""RocksDB below the tables: one database a partition number, for all tables of it, so that a cut is one write.

The store holds what the changelogs hold, or a little less after a crash; never more. `restore` makes up the rest. That
it is a little, RocksDB's own log sees to: what was last written to disk hours ago could miss tombstones that the
changelog has no more.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from weakref import WeakSet

import rocksdict

from shopnow_streams.errors import StoreBusy, StoreClosed
from tables.cut import Change, Row

_OFFSETS = b"\x00changelog-offset\x00"
_IDS = b"\x00changelog-id\x00"
_BLOCK_CACHE_BYTES = 8 << 20
_WRITE_BUFFER_BYTES = 8 << 20
_WRITE_ROWS = 1_000
"""In one call, which holds the interpreter for 2 ms."""


class PartitionStore:
    """The rows of every table in one partition, on disk under `path`. Not for use by two processes at once."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises StoreBusy where another process has it open."""
        self.path = path
        self._scans: WeakSet[Scan] = WeakSet()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = rocksdict.Rdict(str(path), _options())
        except Exception as error:
            if not _is_lock(str(error)):
                raise
            raise StoreBusy(
                f"another process has the table store {path} open: give each worker its own SHOPNOW_DATA_DIR"
            ) from error

    def get(self, table: bytes, key: bytes) -> bytes | None:
        """One row's value. `table` is `prefix(name)`."""
        value: bytes | None = self._db.get(table + key)
        return value

    def scan(self, table: bytes, start: bytes = b"") -> Iterator[Row]:
        """Rows of one table in order of key, from `start` on; a consistent view of the moment of the first one."""
        scan = Scan(self._db, table, start)
        self._scans.add(scan)
        return scan

    def changelog_offset(self, changelog: str) -> int | None:
        """The last offset of the changelog's partition that the store holds; None where it holds none."""
        raw: bytes | None = self._db.get(_OFFSETS + changelog.encode())
        return None if raw is None else int(raw)

    def changelog_id(self, changelog: str) -> str | None:
        """The id of the topic that the store was restored from: one made anew under the name has another."""
        raw: bytes | None = self._db.get(_IDS + changelog.encode())
        return None if raw is None else raw.decode()

    def identify(self, changelog: str, topic_id: str) -> None:
        """Note the id of a changelog, before anything of it is stored."""
        self._db.put(_IDS + changelog.encode(), topic_id.encode())

    def write(self, rows: Mapping[bytes, Iterable[Change]], changelog_offsets: Mapping[str, int]) -> None:
        """Write rows by table prefix (a value of None deletes), then the offsets they stand at.

        A kill in between leaves rows that are ahead of their offsets: the changelog, which has them all, is read again
        from there, and says the same.
        """
        for table, changed in rows.items():
            left = iter(changed)
            while some := list(islice(left, _WRITE_ROWS)):
                self._write(table, some)
        batch = rocksdict.WriteBatch(raw_mode=True)
        for changelog, offset in changelog_offsets.items():
            batch.put(_OFFSETS + changelog.encode(), b"%d" % offset)
        self._db.write(batch)

    def _write(self, table: bytes, changed: Iterable[Change]) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in changed:
            if value is None:
                delete(table + key)
            else:
                put(table + key, value)
        self._db.write(batch)

    def wipe(self) -> None:
        """Forget everything, and stay open."""
        self._db.close()
        rocksdict.Rdict.destroy(str(self.path), _options())
        self._db = rocksdict.Rdict(str(self.path), _options())

    def close(self) -> None:
        """Let go of the files; they stay for the next owner on this machine."""
        for scan in self._scans:
            scan.end()
        self._db.close()


class Scan(Iterator[Row]):
    """Rows of one table from a key on. Begins when it is first asked; raises StoreClosed where its store was closed."""

    def __init__(self, db: rocksdict.Rdict, table: bytes, start: bytes) -> None:
        self._db: rocksdict.Rdict | None = db
        self._table = table
        self._start = start
        self._cursor: Iterator[Any] | None = None
        self._done = False

    def __next__(self) -> Row:
        if self._db is None:
            raise StoreClosed("the partition was let go while its rows were read")
        if self._done:
            raise StopIteration
        if self._cursor is None:
            self._cursor = self._begun(self._db)
        for key, value in self._cursor:
            if key.startswith(self._table):
                return key[len(self._table) :], value
            break
        self._done = True
        raise StopIteration

    def _begun(self, db: rocksdict.Rdict) -> Iterator[Any]:
        return db.items(from_key=self._table + self._start)

    def end(self) -> None:
        """Let go of the store, which RocksDB would hold open."""
        self._db = self._cursor = None


def prefix(table: str) -> bytes:
    """What every key of a table begins with in the store."""
    return table.encode() + b"\x00"


def _is_lock(error: str) -> bool:
    """Whether RocksDB's words are those of a store that another process, or a scan of ours, has open."""
    return "While lock file" in error or "lock hold by current process" in error


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_open_files(64)
    options.set_memtable_prefix_bloom_ratio(0.1)  # most keys of orders are new: to know so must be cheap
    options.set_memtable_whole_key_filtering(True)
    options.set_keep_log_file_num(2)
    blocks = rocksdict.BlockBasedOptions()
    blocks.set_block_cache(rocksdict.Cache(_BLOCK_CACHE_BYTES))
    blocks.set_bloom_filter(10, block_based=False)
    options.set_block_based_table_factory(blocks)
    return options
