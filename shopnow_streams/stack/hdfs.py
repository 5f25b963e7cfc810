"""HDFS on one machine: a NameNode and a DataNode."""

import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import requests

from shopnow_streams.errors import StackError
from shopnow_streams.stack.archive import QUIET, class_archive
from shopnow_streams.stack.ports import HOST, StackPorts
from shopnow_streams.stack.process import Command, JvmProcess, wait_ready

READY_S = 90.0
PROBE_S = 2.0
JMX = "jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
SERVERS = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
}

SETTINGS = {
    "dfs.replication": "1",
    "dfs.permissions.enabled": "false",
    "hadoop.security.group.mapping": "org.apache.hadoop.security.NullGroupsMapping",  # else it asks a shell
    # names: the DataNode gives itself out as the loopback address, to WebHDFS redirects and to Spark alike
    "dfs.datanode.hostname": HOST,
    "dfs.client.use.datanode.hostname": "true",
    "dfs.datanode.use.datanode.hostname": "true",
    "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    # time: out of safe mode as soon as the blocks are known; the DataNode knocks at a NameNode still starting
    "dfs.namenode.safemode.extension": "0",
    "dfs.heartbeat.interval": "1",  # s
    "ipc.client.connect.retry.interval": "100",  # ms
    "ipc.client.connect.max.retries": "300",  # after the last one it sleeps for 5 s
    # room: a file is refused where a whole block does not fit, and the NameNode wants 100 MB for itself
    "dfs.blocksize": str(32 << 20),
    "dfs.datanode.du.reserved": "0",
    "dfs.namenode.resource.du.reserved": str(16 << 20),
    # with one DataNode a busy one is still the best
    "dfs.namenode.redundancy.considerLoad": "false",
    "dfs.block.scanner.volume.bytes.per.second": "0",
}

LOG4J = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %m (%c)%n
# there is no native library in the jars, and none is needed
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
"""


def hdfs_processes(home: Path) -> tuple[JvmProcess, ...]:
    """The JVMs of the NameNode and the DataNode in `home`, running or not."""
    return tuple(JvmProcess(name, home.absolute()) for name in SERVERS)


class Hdfs:
    """A NameNode and a DataNode on 127.0.0.1 that keep settings, data, logs and pid files in `home`.

    `heap` is the -Xmx of each; `settings` go into hdfs-site.xml over ours. `archives` is a folder for class
    archives, shared by several; without one the JVMs start slower.
    """

    def __init__(
        self,
        home: Path,
        *,
        ports: StackPorts,
        java: Path,
        jars: Sequence[Path],
        archives: Path | None = None,
        heap: str = "256m",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.absolute()
        self.ports = ports
        self.processes = hdfs_processes(self.home)
        self._java = java
        # absolute, since whoever stops it may stand in another folder
        self._jars = [jar.absolute() for jar in jars]
        self._archives = archives.absolute() if archives else None
        self._heap = heap
        self._settings = dict(settings or {})

    @property
    def webhdfs_url(self) -> str:
        """What a WebHDFS client takes as its URL."""
        return f"http://{HOST}:{self.ports.namenode_http}"

    @property
    def uri(self) -> str:
        """What Hadoop's own client, and so Spark, takes as its file system."""
        return f"hdfs://{HOST}:{self.ports.namenode_rpc}"

    def site_xml(self) -> str:
        """The text of hdfs-site.xml; core-site.xml is the same."""
        settings = SETTINGS | {
            "fs.defaultFS": self.uri,
            "hadoop.tmp.dir": str(self.home / "tmp"),
            "dfs.namenode.name.dir": self._names.as_uri(),
            "dfs.datanode.data.dir": self._blocks.as_uri(),
            "dfs.namenode.rpc-address": f"{HOST}:{self.ports.namenode_rpc}",
            "dfs.namenode.http-address": f"{HOST}:{self.ports.namenode_http}",
            "dfs.datanode.address": f"{HOST}:{self.ports.datanode}",
            "dfs.datanode.http.address": f"{HOST}:{self.ports.datanode_http}",
            "dfs.datanode.ipc.address": f"{HOST}:{self.ports.datanode_ipc}",
        }
        rows = "".join(
            f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
            for name, value in (settings | self._settings).items()
        )
        return f"<configuration>\n{rows}</configuration>\n"

    def start(self, *, cancelled: threading.Event | None = None) -> None:
        """Start both, formatting the NameNode the first time, and block until a file can be written.

        What runs already is kept. Raises ProcessDied or StackError where they do not come up; what this call
        started is then stopped again.
        """
        begun = [process for process in self.processes if not process.alive()]
        try:
            archives = [class_archive(self._archives, each.name, self._java, self._jars) for each in begun]
            commands = [self.prepare(each.name, of.flags) for each, of in zip(begun, archives, strict=True)]
            for process, command, archive in zip(begun, commands, archives, strict=True):
                process.start(command, archive=archive.written)
            wait_ready(self.processes, self.answers, READY_S, cancelled=cancelled)
        except BaseException:
            for process in begun:
                process.kill()  # not TERM: at an orderly end it would archive the few classes that it has
            raise

    def prepare(self, server: str, flags: Sequence[str] = QUIET) -> Command:
        """Write the settings; for the `namenode`, make an empty file system the first time, with no blocks.

        Gives the command line that runs that server, with `flags` for the JVM. Blocks for seconds where it formats.
        Raises StackError where it cannot.
        """
        self._write_conf()
        if server == "namenode":
            self._format()
        return (*self._jvm(*flags), SERVERS[server])

    def answers(self) -> bool:
        """Whether WebHDFS answers, out of safe mode, with a DataNode that has room. Blocks for 4 s at most."""
        try:
            beans = requests.get(f"{self.webhdfs_url}/{JMX}", timeout=PROBE_S).json()["beans"]
            if not beans or beans[0]["FSState"] != "Operational" or not beans[0]["NumLiveDataNodes"]:
                return False
            # a DataNode is live when it has registered, but gets no block before it has told of its disk
            if not beans[0]["CapacityRemaining"]:
                return False
            return requests.get(f"{self.webhdfs_url}/webhdfs/v1/?op=GETFILESTATUS", timeout=PROBE_S).ok
        except (requests.RequestException, KeyError):
            return False

    def stop(self) -> None:
        """Stop both in good order and block until they are gone."""
        for process in reversed(self.processes):
            process.stop()

    def kill(self) -> None:
        """End both with SIGKILL and block until they are gone; `start` then recovers their data."""
        for process in self.processes:
            process.kill()

    @property
    def _names(self) -> Path:
        return self.home / "names"

    @property
    def _blocks(self) -> Path:
        return self.home / "blocks"

    @property
    def _conf(self) -> Path:
        return self.home / "conf"

    def _jvm(self, *flags: str) -> Command:
        return (
            self._java,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # these two are idle mostly: quick to start is what counts
            f"-Xmx{self._heap}",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",  # else WebHDFS answers 500 on Java 17 and newer
            *flags,
            f"-XX:ErrorFile={self.home}/hs_err_%p.log",
            f"-Djava.io.tmpdir={self.home}",  # Jetty would leave folders in the system's
            "-cp",
            # the folder comes last: no class archive can be made of a class path with jars after a folder
            ":".join(map(str, (*self._jars, self._conf))),
        )

    def _write_conf(self) -> None:
        for server in ("hdfs", "datanode"):  # the HTTP servers look for these, and serve nothing from them
            (self._conf / "webapps" / server / "WEB-INF").mkdir(parents=True, exist_ok=True)
        (self._conf / "log4j.properties").write_text(LOG4J)
        for name in ("core-site.xml", "hdfs-site.xml"):
            (self._conf / name).write_text(self.site_xml())

    def _format(self) -> None:
        """Make an empty file system. The folder gets its name only when whole, so a cut leaves none behind."""
        if self._names.exists():
            return
        part = self.home / "names.part"
        command = (
            *self._jvm(),
            SERVERS["namenode"],
            f"-Ddfs.namenode.name.dir={part.as_uri()}",
            "-format",
            "-force",
            "-nonInteractive",
        )
        ran = subprocess.run(command, capture_output=True, text=True, timeout=READY_S, check=False)
        if ran.returncode != 0:
            end = (ran.stdout + ran.stderr)[-2000:]
            raise StackError(f"The NameNode's folder {part} could not be formatted:\n{end}")
        shutil.rmtree(self._blocks, ignore_errors=True)  # of another file system: the DataNode would refuse this one
        part.rename(self._names)
