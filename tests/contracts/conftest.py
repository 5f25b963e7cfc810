"""The archives that the contract of a sink is tested on: memory, a directory, our own WebHDFS, and the real one."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sinks.files import Files
from sinks.hdfs import HdfsFiles
from sinks.local import LocalFiles
from sinks.memory import MemoryFiles
from tests.unit.sinks.webhdfs import WebHdfs

OpenFiles = Callable[[], Files]
"""Opens the same tree again, as another process would."""


@pytest.fixture
def webhdfs() -> Iterator[WebHdfs]:
    """A WebHDFS that fails to order."""
    server = WebHdfs()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "local", "webhdfs", "hdfs"])
def open_files(request: pytest.FixtureRequest, tmp_path: Path) -> OpenFiles:
    """Opens an empty tree."""
    if request.param == "memory":
        files = MemoryFiles()
        return lambda: files
    if request.param == "local":
        return lambda: LocalFiles(tmp_path / "archive")
    root = f"/contracts/{uuid.uuid4().hex}"
    cluster: Any = request.getfixturevalue(request.param)
    url = cluster.url if request.param == "webhdfs" else cluster.webhdfs_url
    return lambda: HdfsFiles(root, url, "shopnow")
