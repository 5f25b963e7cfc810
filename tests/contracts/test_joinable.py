"""What a compaction asks of a file system: the same of HDFS as of the one in memory that its tests are made on."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from shopnow_streams.archive.compaction import MOST_PIECES
from shopnow_streams.errors import SinkUnavailable
from sinks.faults import Call, FaultyFiles, FaultyJoinableFiles
from sinks.files import JoinableFiles
from sinks.hdfs import HdfsFiles
from sinks.local import LocalFiles
from sinks.memory import MemoryFiles


class Hdfs(Protocol):
    """The fixture's."""

    webhdfs_url: str


@pytest.fixture(params=["memory", "faults", "hdfs"])
def files(request: pytest.FixtureRequest) -> Iterator[JoinableFiles]:
    if request.param == "memory":
        yield MemoryFiles()
    elif request.param == "faults":
        yield FaultyJoinableFiles(MemoryFiles())  # without a fault planned it is as good as any
    else:
        hdfs: Hdfs = request.getfixturevalue("hdfs")
        yield HdfsFiles(f"/join-{uuid.uuid4().hex}", hdfs.webhdfs_url, "shopnow")


def names(files: JoinableFiles, path: str) -> set[str]:
    return {entry.name for entry in files.list(path)}


def content(files: JoinableFiles, path: str) -> bytes:
    entry = files.stat(path)
    assert entry is not None
    return files.read(path, 0, entry.size)


def test_many_become_one(files: JoinableFiles) -> None:
    for name, data in (("a", b"one"), ("b", b"two"), ("_c", b"x" * 1_000_000)):
        files.write(f"day/{name}", data)
    files.concat("day/a", ["day/b", "day/_c"])
    assert names(files, "day") == {"a"}
    assert content(files, "day/a") == b"onetwo" + b"x" * 1_000_000
    files.write("day/d", b"!")
    files.concat("day/a", ["day/d"])
    assert content(files, "day/a").endswith(b"x!")


def test_as_many_as_a_compaction_names_at_once(files: JoinableFiles) -> None:
    """All in one request, whose length is bounded."""
    names_of_all = [f"produit-consulte/date=2025-11-28/produit-consulte+0+{n:020d}.parquet" for n in range(MOST_PIECES)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: files.write(each[1], b"%3d" % each[0]), enumerate(names_of_all)))
    files.concat(names_of_all[0], names_of_all[1:])
    assert content(files, names_of_all[0]) == b"".join(b"%3d" % number for number in range(MOST_PIECES))


@pytest.mark.parametrize(("target", "sources"), [("day/a", ["day/b", "day/none"]), ("day/none", ["day/b"])])
def test_where_one_is_missing_none_is_touched(files: JoinableFiles, target: str, sources: list[str]) -> None:
    files.write("day/a", b"one")
    files.write("day/b", b"two")
    with pytest.raises((SinkUnavailable, FileNotFoundError)):
        files.concat(target, sources)
    assert names(files, "day") == {"a", "b"}
    assert (content(files, "day/a"), content(files, "day/b")) == (b"one", b"two")


def test_what_was_joined_can_be_cut_off_again(files: JoinableFiles) -> None:
    for name, data in (("a", b"one"), ("b", b"two"), ("c", b"three")):
        files.write(f"day/{name}", data)
    files.concat("day/a", ["day/b", "day/c"])
    files.truncate("day/a", 6)
    assert content(files, "day/a") == b"onetwo"
    files.truncate("day/a", 6)
    assert content(files, "day/a") == b"onetwo", "a second time it changes nothing"


@pytest.mark.parametrize(("path", "length"), [("day/none", 1), ("day/a", 4)])
def test_only_what_is_there_is_cut(files: JoinableFiles, path: str, length: int) -> None:
    files.write("day/a", b"one")
    with pytest.raises((SinkUnavailable, FileNotFoundError)):
        files.truncate(path, length)
    assert names(files, "day") == {"a"}
    assert content(files, "day/a") == b"one"


def test_a_file_says_when_it_was_closed(files: JoinableFiles) -> None:
    files.write("day/a", b"one")
    files.set_modified("day/a", 1_764_331_200_000)
    entry = files.stat("day/a")
    assert entry is not None
    assert entry.modified_ms == 1_764_331_200_000


def test_what_is_not_there_has_no_time(files: JoinableFiles) -> None:
    with pytest.raises(FileNotFoundError):
        files.set_modified("day/none", 1_764_331_200_000)


def test_a_local_directory_is_none_of_these() -> None:
    assert not issubclass(LocalFiles, JoinableFiles)
    assert not issubclass(FaultyFiles, JoinableFiles)


@pytest.mark.parametrize(
    ("call", "given"),
    [("concat", ("day/a", ["day/b"])), ("truncate", ("day/a", 1)), ("set_modified", ("day/a", 1_764_331_200_000))],
)
def test_faults_to_order(call: Call, given: tuple[Any, ...]) -> None:
    files = MemoryFiles()
    files.write("day/a", b"one")
    files.write("day/b", b"two")
    before = sorted(files.list("day"))
    faulty = FaultyJoinableFiles(files)
    faulty.plan(call, "refused", "unanswered")
    with pytest.raises(SinkUnavailable, match="refused"):
        getattr(faulty, call)(*given)
    assert sorted(files.list("day")) == before
    with pytest.raises(SinkUnavailable, match="unanswered"):
        getattr(faulty, call)(*given)
    assert sorted(files.list("day")) != before
    assert faulty.calls == [call, call]
