"""Real daemons for the tests that need them: started by the suite on free ports, ended by pid."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shopnow_streams.stack import ports
from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.jars import fetch, locked_jars
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import StackPorts, free_ports

if TYPE_CHECKING:  # most tests need no Spark, which takes a second to import
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "var" / "cache"
SPARK = ("test_spark", "test_jobs", "test_recount", "test_compaction")
"""Files whose tests use the session's Spark."""
LONGEST = (*SPARK, "test_audit", "test_dashboard", "test_worker", "test_restore")
"""Files whose tests take longest, the longest first."""


def pytest_configure() -> None:
    """Give each of pytest-xdist's processes ports of its own: a port is free until whoever chose it listens there."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    share = (ports.FREE_TO - ports.FREE_FROM) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    ports.FREE_FROM += number * share
    ports.FREE_TO = ports.FREE_FROM + share


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes each takes the next file: the longest first, so that none is waited for alone at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadfile, files of Spark go to one process: it has one Spark, slow in its first minute."""
    from xdist.scheduler import LoadFileScheduling

    if config.getvalue("dist") != "loadfile":
        return None
    scheduling = LoadFileScheduling(config, log)
    file_of = scheduling._split_scope
    scheduling._split_scope = lambda name: "spark" if Path(file_of(name)).stem in SPARK else file_of(name)
    return scheduling


@pytest.fixture(scope="session")
def java() -> Path:
    return find_java(CACHE)


@pytest.fixture(scope="session")
def spark(java: Path) -> "Iterator[SparkSession]":
    """One Spark for the session, which is slow only in its first minute. Commands that are tested start their own."""
    from shopnow_streams.batch.session import spark_session

    settings = {
        # plans of a few rows take longer to think over than to run
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.hadoop.parquet.hadoop.vectored.io.enabled": "false",  # by other threads bytes are not counted
    }
    with spark_session("local[2]", java=java, settings=settings) as session:
        yield session


def a_kafka(home: Path, java: Path) -> KafkaBroker:
    port, controller_port = free_ports(2)
    return KafkaBroker(
        home,
        port=port,
        controller_port=controller_port,
        java=java,
        jars=fetch(locked_jars()["kafka"], CACHE / "jars"),
        archives=CACHE / "cds",
    )


@pytest.fixture(scope="session")
def kafka_storage(tmp_path_factory: pytest.TempPathFactory, java: Path) -> Path:
    """An empty broker's data: formatting it takes a JVM two seconds, copying it nothing."""
    home = tmp_path_factory.mktemp("kafka-storage")
    a_kafka(home, java).prepare()
    return home / "data"


@contextmanager
def started_kafka(home: Path, java: Path, storage: Path) -> Iterator[KafkaBroker]:
    """A broker of its own for whoever asks."""
    shutil.copytree(storage, home / "data")
    broker = a_kafka(home, java)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory, java: Path, kafka_storage: Path) -> Iterator[KafkaBroker]:
    """A broker for a module, since all of them use the same five topics."""
    with started_kafka(tmp_path_factory.mktemp("kafka"), java, kafka_storage) as broker:
        yield broker


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory, java: Path) -> Iterator[Hdfs]:
    """One HDFS for the session; tests keep apart by their root."""
    cluster = Hdfs(
        tmp_path_factory.mktemp("hdfs"),
        ports=StackPorts(*free_ports(7)),
        java=java,
        jars=fetch(locked_jars()["hdfs"], CACHE / "jars"),
        archives=CACHE / "cds",
    )
    cluster.start()
    yield cluster
    cluster.stop()


@dataclass
class WorkerProcess:
    """A real `faust worker`, by its pid."""

    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", "worker", "-l", "info"],
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self, timeout_s: float = 30.0) -> int:
        """TERM, and wait; KILL where that does not end it. Gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(10)

    def get(self, path: str) -> Any:
        """The JSON of a path; an error answer's JSON as well. None where the worker does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:  # noqa: S310
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())
        except (OSError, ValueError):
            return None


@pytest.fixture
def worker(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Makes workers of one application; all that a test made are ended after it."""
    made: list[WorkerProcess] = []

    def make(application_id: str, **settings: str) -> WorkerProcess:
        number = len(made)
        (port,) = free_ports(1)
        environment = {
            "SHOPNOW_KAFKA": kafka.bootstrap,
            "SHOPNOW_APPLICATION_ID": application_id,
            "SHOPNOW_DATA_DIR": str(tmp_path / f"worker-{number}"),
            "SHOPNOW_WEB_PORT": str(port),
            "SHOPNOW_ARCHIVE": "",
            **{f"SHOPNOW_{name.upper()}": value for name, value in settings.items()},
        }
        made.append(WorkerProcess(port, environment, tmp_path / f"worker-{number}.log"))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None:
            each.process.kill()
            each.process.wait(10)


def eventually(holds: Callable[[], Any], timeout_s: float = 60.0, every_s: float = 0.2) -> Any:
    """The first true result of `holds`; fails the test after `timeout_s`, showing the last one."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s; last: {result!r}")
        time.sleep(every_s)
