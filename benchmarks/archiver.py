"""Our archive side as a process of its own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.ground import Ground
from benchmarks.worker import Worker, started


@contextmanager
def archiver(ground: Ground, application: str, settings: Mapping[str, str] = {}) -> Iterator[Worker]:
    """The archive app, which writes where `ground` has the application's archive; `settings` are over its own."""
    environment = {**ground.settings(application, ground.archive(application)), **settings}
    command = [sys.executable, "-m", "faust", "-A", "shopnow_streams.archive_app", "worker", "-l", "warn"]
    with started(command, ground.log(application), environment) as worker:
        yield worker
