"""The store: rows and offsets in one write, tables that keep apart, one owner."""

import subprocess
import sys
from pathlib import Path

import pytest

from shopnow_streams.errors import StoreBusy
from tables.store import PartitionStore, prefix

A, AB, B = prefix("a"), prefix("ab"), prefix("b")


def test_what_was_written_is_there_after_it_was_closed_and_opened(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "store")
    store.write({A: [(b"k", b"v")]}, {"a-changelog": 41})
    store.close()
    reopened = PartitionStore(tmp_path / "store")
    assert reopened.get(A, b"k") == b"v"
    assert reopened.changelog_offset("a-changelog") == 41
    reopened.close()


def test_nothing_is_there_at_first(store: PartitionStore) -> None:
    assert store.get(A, b"k") is None
    assert list(store.scan(A)) == []
    assert store.changelog_offset("a-changelog") is None


def test_rows_and_offsets_are_written_together_or_not_at_all(store: PartitionStore) -> None:
    store.write({A: [(b"k", b"old")]}, {"a-changelog": 1})
    with pytest.raises(ValueError, match="bytes"):
        store.write({A: [(b"k", b"new"), (b"l", "text")]}, {"a-changelog": 2})  # type: ignore[list-item]
    assert dict(store.scan(A)) == {b"k": b"old"}
    assert store.changelog_offset("a-changelog") == 1


def test_offsets_are_kept_apart_by_changelog(store: PartitionStore) -> None:
    store.write({}, {"shop-a-changelog": 3, "shop-ab-changelog": 0})
    assert store.changelog_offset("shop-a-changelog") == 3
    assert store.changelog_offset("shop-ab-changelog") == 0
    assert store.changelog_offset("shop-") is None


def test_a_value_of_none_deletes_and_the_last_of_a_key_stands(store: PartitionStore) -> None:
    store.write({A: [(b"k", b"1"), (b"l", b"1")]}, {})
    store.write({A: [(b"k", None), (b"l", None), (b"l", b"2")]}, {})
    assert list(store.scan(A)) == [(b"l", b"2")]


def test_a_scan_stays_within_its_table(store: PartitionStore) -> None:
    rows = [(b"", b"0"), (b"\x00", b"1"), (b"b\x00", b"2"), (b"\xff" * 4, b"3")]
    for table in (A, AB, B):
        store.write({table: [(key, table + value) for key, value in rows]}, {"log": 1})
    for table in (A, AB, B):
        assert list(store.scan(table)) == [(key, table + value) for key, value in rows]


def test_a_scan_from_a_key_on_begins_at_it_or_after_it(store: PartitionStore) -> None:
    store.write({A: [(b"%d" % number, b"") for number in (1, 3, 5)], AB: [(b"9", b"")]}, {})
    assert [key for key, _ in store.scan(A, b"3")] == [b"3", b"5"]
    assert [key for key, _ in store.scan(A, b"4")] == [b"5"]
    assert [key for key, _ in store.scan(A, b"6")] == []


def test_a_scan_is_of_the_moment_of_its_first_row(store: PartitionStore) -> None:
    store.write({A: [(b"1", b"old"), (b"2", b"old")]}, {})
    rows = store.scan(A)
    next(rows)
    store.write({A: [(b"2", b"new"), (b"3", b"new")]}, {})
    assert list(rows) == [(b"2", b"old")]


def test_wiped_it_is_as_new_and_open(store: PartitionStore) -> None:
    store.write({A: [(b"k", b"v")]}, {"a-changelog": 41})
    store.wipe()
    assert list(store.scan(A)) == []
    assert store.changelog_offset("a-changelog") is None
    store.write({A: [(b"k", b"w")]}, {})
    assert store.get(A, b"k") == b"w"


def test_what_was_wiped_stays_so(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "store")
    store.write({A: [(b"k", b"v")]}, {"a-changelog": 41})
    store.wipe()
    store.close()
    reopened = PartitionStore(tmp_path / "store")
    assert list(reopened.scan(A)) == []
    reopened.close()


def test_a_second_owner_is_told_so_and_the_first_is_not_disturbed(store: PartitionStore) -> None:
    with pytest.raises(StoreBusy, match="SHOPNOW_DATA_DIR") as caught:
        PartitionStore(store.path)
    assert str(store.path) in str(caught.value)
    store.write({A: [(b"k", b"v")]}, {})
    assert store.get(A, b"k") == b"v"


def test_closed_it_may_be_opened_by_another(tmp_path: Path) -> None:
    PartitionStore(tmp_path / "store").close()
    PartitionStore(tmp_path / "store").close()


def test_closed_with_a_scan_unfinished_it_may_be_opened_all_the_same(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "store")
    store.write({A: [(b"1", b""), (b"2", b"")]}, {})
    rows = store.scan(A)
    next(rows)
    store.close()
    try:
        PartitionStore(tmp_path / "store").close()
    finally:
        del rows


def test_folders_above_it_are_made(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "new" / "tables" / "0")
    assert store.path.is_dir()
    store.close()


_LOCK = "store.py takes every fault whose text has 'lock' in it (a path, 'block checksum mismatch') for a lock held"


def test_a_fault_that_is_not_a_lock_is_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "clocks" / "store"  # the fault's text names the path, and the path has "lock" in it
    PartitionStore(path).close()
    (path / "CURRENT").write_bytes(b"MANIFEST-999999\n")
    with pytest.raises(Exception, match=r"MANIFEST|another process") as caught:
        PartitionStore(path)
    assert not isinstance(caught.value, StoreBusy)


def test_a_damaged_store_is_not_said_to_be_another_process(tmp_path: Path) -> None:
    store = PartitionStore(tmp_path / "store")
    store.write({A: [(b"%06d" % number, b"value") for number in range(1_000)]}, {})
    store.close()
    PartitionStore(tmp_path / "store").close()  # the log becomes a table file
    files = sorted((tmp_path / "store").glob("*.sst"))
    assert files, "no table file to damage"
    for file in files:
        content = bytearray(file.read_bytes())
        content[-500:-60] = b"\xff" * 440
        file.write_bytes(content)
    with pytest.raises(Exception, match=r"(?i)corruption|another process") as caught:
        PartitionStore(tmp_path / "store")
    assert not isinstance(caught.value, StoreBusy)


WRITES_FOR_EVER = """
import sys
from itertools import count
from pathlib import Path
from tables.store import PartitionStore, prefix

store = PartitionStore(Path(sys.argv[1]))
for number in count():
    store.write({prefix("t"): [(b"%09d" % (1_000 * number + row), b"x" * 100) for row in range(1_000)]}, {"c": number})
    print(number, flush=True)
"""


def test_after_a_kill_it_stands_at_an_offset_below_which_every_row_is_there(tmp_path: Path) -> None:
    """And it is at most one write behind what came before the kill."""
    path = tmp_path / "store"
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(150):  # 15 MB: more than stay in memory
            assert writer.stdout.readline()
        writer.kill()
        written = 150 + writer.stdout.read().count(b"\n")
    store = PartitionStore(path)
    offset = store.changelog_offset("c")
    rows = [int(key) for key, _ in store.scan(prefix("t"))]
    store.close()
    assert offset in (written - 1, written)
    assert rows == list(range(len(rows)))
    assert len(rows) >= 1_000 * (offset + 1)
