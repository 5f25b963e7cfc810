"""One Kafka broker that is its own controller (KRaft)."""

import base64
import subprocess
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shopnow_streams.errors import StackError
from shopnow_streams.stack.archive import QUIET, class_archive
from shopnow_streams.stack.ports import HOST, listens
from shopnow_streams.stack.process import Command, JvmProcess, wait_ready

READY_S = 90.0
# G1's threads cost more than its shorter pauses bring, on a heap this small
FLAGS = ("-XX:+UseSerialGC",)

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # what a single broker must say
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # each partition of these is a folder with files, made and recovered at a start; the defaults are 50
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # a topic comes into being with the partitions that it must have, never by a typo
    "auto.create.topics.enable": "false",
    "log.retention.hours": "168",
    # a worker joins at once, and a dead one is noticed within 3 s where a test asks for it
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # a broker that was killed may not register again before its session has ended: 9 s by default
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # its default takes 128 MB of the heap; the cleaner goes over a log of more than a million keys twice
    "log.cleaner.dedupe.buffer.size": str(32 << 20),
    "num.network.threads": "2",
    "num.io.threads": "4",
}

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
# three hundred lines of settings at every start
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
"""


def broker_process(home: Path) -> JvmProcess:
    """The broker's JVM in `home`, running or not."""
    return JvmProcess("kafka", home.absolute())


class KafkaBroker:
    """A broker on 127.0.0.1 that keeps its settings, data, log and pid file in `home`.

    `heap` is the JVM's -Xmx, `flags` are its other flags; `settings` go into server.properties over ours.
    `archives` is a folder for class archives, shared by brokers; without one the JVM starts slower.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int,
        controller_port: int,
        java: Path,
        jars: Sequence[Path],
        archives: Path | None = None,
        heap: str = "768m",
        flags: Sequence[str] = FLAGS,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.absolute()
        self.port = port
        self.controller_port = controller_port
        self.process = broker_process(self.home)
        self._java = java
        # absolute, since whoever stops it may stand in another folder
        self._jars = [jar.absolute() for jar in jars]
        self._archives = archives.absolute() if archives else None
        self._heap = heap
        self._flags = tuple(flags)
        self._settings = dict(settings or {})

    @property
    def bootstrap(self) -> str:
        """What a client takes as `bootstrap.servers`."""
        return f"{HOST}:{self.port}"

    def server_properties(self, data: Path) -> str:
        """The text of server.properties, with its logs in `data`."""
        settings = SETTINGS | {
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "log.dirs": str(data),
        }
        return "".join(f"{key}={value}\n" for key, value in (settings | self._settings).items())

    def start(self, *, cancelled: threading.Event | None = None) -> None:
        """Start it, formatting its storage the first time, and block until it answers; kept where it runs already.

        Raises ProcessDied or StackError where it does not come up; what was started is then stopped again.
        """
        kept = self.process.alive()
        if not kept:
            archive = class_archive(self._archives, "kafka", self._java, self._jars)
            self.process.start(self.prepare(archive.flags), archive=archive.written)
        try:
            wait_ready([self.process], self.answers, READY_S, cancelled=cancelled)
        except BaseException:
            if not kept:
                self.process.kill()  # not TERM: at an orderly end it would archive the few classes that it has
            raise

    def prepare(self, flags: Sequence[str] = QUIET) -> Command:
        """Write the settings and format the storage the first time; the command line, with `flags` for the JVM.

        Blocks for seconds where it formats. Raises StackError where it cannot.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "log4j2.properties").write_text(LOG4J)
        settings = self.home / "server.properties"
        settings.write_text(self.server_properties(self._data))
        self._format()
        return (*self._jvm(f"-Xmx{self._heap}", *flags, *self._flags), "kafka.Kafka", settings)

    def answers(self) -> bool:
        """Whether it answers the Kafka protocol. Blocks for two seconds at most."""
        if not listens(self.port):
            return False
        try:
            # log_level 0: librdkafka would write to our stderr while the broker is still starting
            client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(client.list_topics(timeout=2.0).brokers)
        except KafkaException:
            return False

    def stop(self) -> None:
        """Stop it in good order and block until it is gone."""
        self.process.stop()

    def kill(self) -> None:
        """End it with SIGKILL and block until it is gone; `start` then recovers its data."""
        self.process.kill()

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _jvm(self, *flags: str) -> Command:
        return (
            self._java,
            *flags,
            f"-XX:ErrorFile={self.home}/hs_err_%p.log",
            f"-Djava.io.tmpdir={self.home}",  # Jetty would leave folders in the system's
            f"-Dlog4j2.configurationFile={(self.home / 'log4j2.properties').as_uri()}",
            "-cp",
            ":".join(map(str, self._jars)),
        )

    def _format(self) -> None:
        """Give the storage its identity. The folder gets its name only when whole, so a cut leaves none behind."""
        if self._data.exists():
            return
        part = self.home / "data.part"
        properties = self.home / "format.properties"
        properties.write_text(self.server_properties(part))
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        command = (
            *self._jvm("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            "--cluster-id",
            identity,
            "--config",
            properties,
        )
        ran = subprocess.run(command, capture_output=True, text=True, timeout=READY_S, check=False)
        if ran.returncode != 0:
            raise StackError(f"Kafka's storage in {part} could not be formatted:\n{(ran.stdout + ran.stderr)[-2000:]}")
        properties.unlink()
        part.rename(self._data)
