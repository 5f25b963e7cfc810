"""What a compaction asks of a file system: the same of HDFS as of the one in memory that its tests are made on."""

import uuid
from collections.abc import Iterator
from typing import Protocol

import pytest

from shopnow_streams.errors import SinkUnavailable
from sinks.files import JoinableFiles
from sinks.hdfs import HdfsFiles
from sinks.local import LocalFiles
from sinks.memory import MemoryFiles


class Hdfs(Protocol):
    """The fixture's."""

    webhdfs_url: str


@pytest.fixture(params=["memory", "hdfs"])
def files(request: pytest.FixtureRequest) -> Iterator[JoinableFiles]:
    if request.param == "memory":
        yield MemoryFiles()
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


@pytest.mark.parametrize(("target", "sources"), [("day/a", ["day/b", "day/none"]), ("day/none", ["day/b"])])
def test_where_one_is_missing_none_is_touched(files: JoinableFiles, target: str, sources: list[str]) -> None:
    files.write("day/a", b"one")
    files.write("day/b", b"two")
    with pytest.raises((SinkUnavailable, FileNotFoundError)):
        files.concat(target, sources)
    assert names(files, "day") == {"a", "b"}
    assert (content(files, "day/a"), content(files, "day/b")) == (b"one", b"two")


def test_one_takes_the_place_of_another(files: JoinableFiles) -> None:
    files.write("day/a", b"one")
    files.write("day/_b", b"two")
    files.set_modified("day/_b", 1_764_331_200_000)
    files.replace("day/_b", "day/a")
    assert names(files, "day") == {"a"}
    assert content(files, "day/a") == b"two"
    entry = files.stat("day/a")
    assert entry is not None
    assert entry.modified_ms == 1_764_331_200_000


@pytest.mark.parametrize(("source", "target"), [("day/none", "day/a"), ("day/a", "day/none")])
def test_what_is_not_there_takes_no_place(files: JoinableFiles, source: str, target: str) -> None:
    files.write("day/a", b"one")
    with pytest.raises((SinkUnavailable, FileNotFoundError)):
        files.replace(source, target)
    assert names(files, "day") == {"a"}


def test_what_is_not_there_has_no_time(files: JoinableFiles) -> None:
    with pytest.raises(FileNotFoundError):
        files.set_modified("day/none", 1_764_331_200_000)


def test_a_local_directory_is_none_of_these() -> None:
    assert not issubclass(LocalFiles, JoinableFiles)
