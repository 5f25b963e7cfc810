"""What benchmarks stand on: a Kafka and an HDFS of their own with all events loaded, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.load import Traffic, load, mixed
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.local import LocalStack
from shopnow_streams.stack.ports import StackPorts, free_ports
from sinks.hdfs import HdfsFiles

PARTITIONS = 4


@dataclass(frozen=True)
class Ground:
    """A stack that has `events` in its topics, their values `value_bytes` long together; and a folder."""

    stack: LocalStack
    folder: Path
    events: int
    value_bytes: int

    def archive(self, application: str) -> str:
        """Where that application archives."""
        return f"{self.stack.hdfs_uri}/{application}"

    def files(self, application: str) -> HdfsFiles:
        """What stands there."""
        return HdfsFiles(f"/{application}", self.stack.webhdfs_url, "shopnow")

    def settings(self, application: str, archive: str) -> dict[str, str]:
        """The environment of a worker of that application; `archive` may be empty, for none."""
        (port,) = free_ports(1)
        return {
            "SHOPNOW_KAFKA": self.stack.bootstrap,
            "SHOPNOW_APPLICATION_ID": application,
            "SHOPNOW_DATA_DIR": str(self.folder / application),
            "SHOPNOW_WEB_PORT": str(port),
            "SHOPNOW_ARCHIVE": archive,
            "SHOPNOW_ARCHIVE_WEBHDFS": self.stack.webhdfs_url,
            "SHOPNOW_ARCHIVE_SEGMENT_AGE_S": "2",
        }

    def log(self, application: str) -> Path:
        """Where what that application says goes."""
        return self.folder / f"{application}.log"

    @contextmanager
    def room(self, application: str) -> Iterator[Path]:
        """A folder of that application's own, within the block."""
        folder = self.folder / application
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def ground(events: int, console: Console, traffic: Traffic = mixed) -> Iterator[Ground]:
    """Start the stack and load so many events of `traffic`: blocks for as long.

    Raises JavaMissing or another StackError.
    """
    with tempfile.TemporaryDirectory(prefix="shopnow-bench-") as folder:
        stack = LocalStack(Path(folder) / "stack", StackPorts(*free_ports(7)))
        stack.start()
        try:
            KafkaAdmin(KafkaConnection(stack.bootstrap)).create(PARTITIONS, 1)
            with Progress(console=console, transient=True) as progress:
                value_bytes = load(stack.bootstrap, events, traffic, progress)
            yield Ground(stack, Path(folder), events, value_bytes)
        finally:
            stack.stop()
