"""Archives in memory."""

import pytest

from sinks.faults import FaultyFiles
from sinks.memory import MemoryFiles
from tests.unit.archive.shelf import Shelf


@pytest.fixture(params=["parquet", "jsonl"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """An empty archive, of either format."""
    return Shelf(request.param)


@pytest.fixture
def faulty() -> FaultyFiles:
    """Files that fail to order."""
    return FaultyFiles(MemoryFiles())
