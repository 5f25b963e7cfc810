"""Our archive side as a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.ground import Ground
from benchmarks.worker import Worker, started


@contextmanager
def archiver(ground: Ground, application: str, form: str = "parquet") -> Iterator[Worker]:
    """The archive app, which writes files of that format where `ground` has the application's archive."""
    environment = ground.settings(application, ground.archive(application)) | {"SHOPNOW_ARCHIVE_FORMAT": form}
    command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.archive_app", "worker", "-l", "warn"]
    with started(command, ground.log(application), environment) as worker:
        yield worker
