"""The local stack: Kafka and HDFS together, in one folder."""

import fcntl
import json
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shopnow_streams.errors import StackError
from shopnow_streams.stack.hdfs import Hdfs, hdfs_processes
from shopnow_streams.stack.jars import Fetched, fetch, locked_jars
from shopnow_streams.stack.java import find_java
from shopnow_streams.stack.kafka import KafkaBroker, broker_process
from shopnow_streams.stack.ports import StackPorts, listens, require_free
from shopnow_streams.stack.process import JvmProcess

HOME = Path("var/stack")
CACHE = Path("var/cache")
SERVICES = ("kafka", "hdfs")
ROOM_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Ready:
    """A service answers now."""

    service: str
    seconds: float
    kept: bool  # it was running already


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """How one process of the stack is."""

    process: str
    pid: int | None
    port: int  # the one that its clients use
    state: str  # running | starting | died | stopped
    uptime_s: float | None


Progress = Callable[[Fetched | Ready], None]


class LocalStack:
    """Kafka and HDFS on 127.0.0.1 with everything they keep below `home`.

    `cache` holds what stacks share: jars, class archives, and a JDK where the machine has none.
    Objects may come and go, in several Pythons; what runs is in the pid files.
    """

    def __init__(self, home: Path = HOME, ports: StackPorts | None = None, *, cache: Path = CACHE) -> None:
        self.home = home.absolute()
        self.cache = cache.absolute()
        self.ports = ports or self._started_ports() or StackPorts()

    @property
    def bootstrap(self) -> str:
        """What a Kafka client takes as `bootstrap.servers`."""
        return f"127.0.0.1:{self.ports.kafka}"

    @property
    def webhdfs_url(self) -> str:
        """What a WebHDFS client takes as its URL."""
        return f"http://127.0.0.1:{self.ports.namenode_http}"

    @property
    def hdfs_uri(self) -> str:
        """What Spark takes as its file system."""
        return f"hdfs://127.0.0.1:{self.ports.namenode_rpc}"

    def start(self, progress: Progress = lambda _: None, *, services: Collection[str] = SERVICES) -> None:
        """Start the `services` that do not run yet, both at once, and block until they answer.

        `progress` is called from this thread. Raises JavaMissing, PortBusy, ProcessDied or another StackError;
        then, and at Ctrl-C, what this call started is stopped again, and what ran before is left running.
        """
        with self._alone():
            self._require_room()
            begun = [process for process in self._processes(*services) if not process.alive()]
            self._require_ports(begun)
            java = find_java(self.cache / "jdk")
            locked = locked_jars()
            fetch([jar for name in services for jar in locked[name]], self.cache / "jars", progress=progress)
            self._start(services, begun, java, progress)

    def stop(self) -> None:
        """Stop whatever runs, all at once, in good order, and block until it is gone."""
        if not self.home.exists():
            return
        with self._alone(), ThreadPoolExecutor() as pool:
            list(pool.map(JvmProcess.stop, self._processes(*SERVICES)))

    def wipe(self) -> None:
        """Remove the data, logs and settings of a stopped stack; the cache stays. Raises StackError where it runs."""
        if any(process.alive() for process in self._processes(*SERVICES)):
            raise StackError(f"The stack in {self.home} is running: stop it before its data is removed.")
        shutil.rmtree(self.home, ignore_errors=True)

    def status(self) -> list[ProcessStatus]:
        """How each process is, in a fixed order. Blocks for a second at most."""
        ports = {
            "kafka": self.ports.kafka,
            "namenode": self.ports.namenode_http,
            "datanode": self.ports.datanode_http,
        }
        return [_status(process, ports[process.name]) for process in self._processes(*SERVICES)]

    def _start(self, services: Collection[str], begun: Collection[JvmProcess], java: Path, progress: Progress) -> None:
        kept = {name for name in services if not {p.name for p in self._processes(name)} & {p.name for p in begun}}
        cancelled = threading.Event()
        begun_s = time.monotonic()
        (self.home / "ports.json").write_text(json.dumps(asdict(self.ports)))
        with ThreadPoolExecutor() as pool:
            futures = {pool.submit(self._service(name, java).start, cancelled=cancelled): name for name in services}
            try:
                for future in as_completed(futures):
                    future.result()
                    name = futures[future]
                    progress(Ready(name, time.monotonic() - begun_s, name in kept))
            except BaseException:
                cancelled.set()
                _settle(futures)
                for process in begun:
                    process.stop()
                raise

    def _service(self, name: str, java: Path) -> KafkaBroker | Hdfs:
        jars = [self.cache / "jars" / jar.path for jar in locked_jars()[name]]
        archives = self.cache / "cds"
        if name == "hdfs":
            return Hdfs(self.home / name, ports=self.ports, java=java, jars=jars, archives=archives)
        return KafkaBroker(
            self.home / name,
            port=self.ports.kafka,
            controller_port=self.ports.kafka_controller,
            java=java,
            jars=jars,
            archives=archives,
        )

    def _processes(self, *services: str) -> list[JvmProcess]:
        found = {"kafka": (broker_process(self.home / "kafka"),), "hdfs": hdfs_processes(self.home / "hdfs")}
        return [process for name in services for process in found[name]]

    def _started_ports(self) -> StackPorts | None:
        """The ports of the last start in this home."""
        try:
            return StackPorts(**json.loads((self.home / "ports.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _require_room(self) -> None:
        for folder in (self.home, self.cache):
            _make(folder)
            free = shutil.disk_usage(folder).free
            if free < ROOM_BYTES:
                raise StackError(
                    f"Only {free >> 20} MB are free on the disk of {folder}, and Kafka and HDFS want 1024: make room."
                )

    def _require_ports(self, begun: Collection[JvmProcess]) -> None:
        if any(process.alive() for process in self._processes(*SERVICES)) and self._started_ports() != self.ports:
            raise StackError(f"The stack in {self.home} runs on other ports already: stop it, or use another home.")
        for process in begun:
            require_free(self.ports.of(process.name))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder against another start or stop of the same stack."""
        _make(self.home)
        with (self.home / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StackError(
                    f"Another command is starting or stopping the stack in {self.home}: wait until it is done."
                ) from error
            yield


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"{folder} cannot be made ({error.strerror}): choose another home or cache.") from error


def _status(process: JvmProcess, port: int) -> ProcessStatus:
    pid, uptime_s = process.pid, process.uptime_s
    if pid is None:
        # an orderly stop removes the pid file
        return ProcessStatus(process.name, None, port, "died" if process.pid_file.exists() else "stopped", None)
    return ProcessStatus(process.name, pid, port, "running" if listens(port) else "starting", uptime_s)


def _settle(futures: Collection[Future[None]]) -> None:
    """Block until all have ended, whichever way."""
    for future in futures:
        future.exception()
