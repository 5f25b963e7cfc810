"""A store of its own for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tables.store import PartitionStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PartitionStore]:
    opened = PartitionStore(tmp_path / "store")
    yield opened
    opened.close()
