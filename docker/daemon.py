"""One daemon of the stack in the foreground of its container, set up as `make up` sets it up, and whether it is well.

`daemon.py run kafka` becomes that JVM, as do `namenode` and `datanode`; `daemon.py check kafka` ends with 0 where it
answers. What differs from `make up` is where they listen. In the containers' network each is reached under its own
name, and each keeps its data in a /data of its own.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from shopnow_streams.errors import StackError
from shopnow_streams.stack.hdfs import PROBE_S, Hdfs
from shopnow_streams.stack.jars import locked_jars
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import StackPorts

DATA = Path("/data")
JARS = Path("/opt/jars")
JAVA = Path("/usr/bin/java")
PORTS = StackPorts()
PUBLISHED_PORT = 19092  # for clients outside the network, who cannot resolve its names
ANY = "0.0.0.0"  # noqa: S104 - the containers' network; compose.yaml publishes on the loopback interface only

LISTENERS = {
    "listeners": f"PLAINTEXT://{ANY}:{PORTS.kafka},PUBLISHED://{ANY}:{PUBLISHED_PORT},"
    f"CONTROLLER://127.0.0.1:{PORTS.kafka_controller}",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PUBLISHED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
}

ADDRESSES = {
    "dfs.namenode.rpc-address": f"namenode:{PORTS.namenode_rpc}",
    "dfs.namenode.rpc-bind-host": ANY,
    "dfs.namenode.http-address": f"namenode:{PORTS.namenode_http}",
    "dfs.namenode.http-bind-host": ANY,
    "dfs.datanode.hostname": "datanode",
    "dfs.datanode.address": f"{ANY}:{PORTS.datanode}",
    "dfs.datanode.http.address": f"{ANY}:{PORTS.datanode_http}",
    "dfs.datanode.ipc.address": f"{ANY}:{PORTS.datanode_ipc}",
}


class Broker(KafkaBroker):
    """The broker: `kafka:9092` in the network, `published` (host:port) outside."""

    def __init__(self, jars: Sequence[Path], heap: str, published: str) -> None:
        super().__init__(
            DATA,
            port=PORTS.kafka,
            controller_port=PORTS.kafka_controller,
            java=JAVA,
            jars=jars,
            heap=heap,
            settings=LISTENERS | {"advertised.listeners": f"PLAINTEXT://kafka:{PORTS.kafka},PUBLISHED://{published}"},
        )


class HdfsServer(Hdfs):
    """`namenode` or `datanode`, each in a container of its own."""

    def __init__(self, name: str, jars: Sequence[Path], heap: str) -> None:
        super().__init__(DATA, ports=PORTS, java=JAVA, jars=jars, heap=heap, settings=ADDRESSES)
        self.name = name

    @property
    def webhdfs_url(self) -> str:
        """The NameNode's, in the network."""
        return f"http://namenode:{PORTS.namenode_http}"

    @property
    def uri(self) -> str:
        """The NameNode's, in the network."""
        return f"hdfs://namenode:{PORTS.namenode_rpc}"

    def answers(self) -> bool:
        """Whether it answers HTTP and, for the DataNode, whether a file can be written. Blocks for 6 s at most.

        The NameNode is well in safe mode too: it waits there for the DataNode, which waits for it to be well.
        """
        port = PORTS.namenode_http if self.name == "namenode" else PORTS.datanode_http
        try:
            answered = requests.get(f"http://127.0.0.1:{port}/jmx?qry=java.lang:type=Runtime", timeout=PROBE_S).ok
        except requests.RequestException:
            return False
        return answered and (self.name == "namenode" or super().answers())


def daemon(name: str, environment: Mapping[str, str]) -> Broker | HdfsServer:
    """The daemon of that name. HEAP is its -Xmx, KAFKA_PUBLISHED the broker's address (host:port) outside the network.

    Does no IO but to read the lock file. Raises KeyError for another name.
    """
    locked = locked_jars()["kafka" if name == "kafka" else "hdfs"]
    jars = [JARS / jar.path for jar in locked]
    if name == "kafka":
        published = environment.get("KAFKA_PUBLISHED", f"127.0.0.1:{PORTS.kafka}")
        return Broker(jars, environment.get("HEAP", "768m"), published)
    return HdfsServer(name, jars, environment.get("HEAP", "256m"))


def main(action: str, name: str) -> None:
    """Become the daemon (`run`), or say whether it is well (`check`)."""
    chosen = daemon(name, os.environ)
    if action == "check":
        sys.exit(0 if chosen.answers() else f"{name} does not answer")
    try:
        command = chosen.prepare() if isinstance(chosen, Broker) else chosen.prepare(name)
    except StackError as error:
        sys.exit(f"{name}: {error}")
    words = [str(word) for word in command]
    os.execv(words[0], words)  # noqa: S606 - so that the daemon itself gets the container's signals


if __name__ == "__main__":
    main(*sys.argv[1:])
