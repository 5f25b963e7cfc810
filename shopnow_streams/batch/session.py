"""A Spark session that begins and ends with a command: quiet, on UTC, and no JVM left behind."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from shopnow_streams.errors import SparkMissing

LOCAL = "local[*]"
MEMORY = "1g"
JVM_ENDS_WITHIN_S = 10.0
LOG_TAIL = 2_000  # characters


@contextmanager
def spark_session(
    master: str = LOCAL, *, java: Path | None = None, memory: str = MEMORY, settings: Mapping[str, str] = {}
) -> Iterator[SparkSession]:
    """A new session on `master`; the JVM ends with the `with` block. One at a time in a process.

    `java` is the executable to run, JAVA_HOME's or the PATH's where it is None; `memory` the driver's, which on a
    local master is all there is. `settings` are Spark's own, and win. Blocks for seconds.
    Raises SparkMissing, with the end of the JVM's log, where Spark does not start.
    """
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # it prints what is raised anyway, as JSON
    with tempfile.TemporaryDirectory(prefix="shopnow-spark-", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "jvm.log")
        conf = SparkConf(loadDefaults=False)
        for name, value in (_settings(master, memory, folder) | dict(settings)).items():
            conf.set(name, value)
        gateway = _launch(conf, java, log)
        try:
            session = _connect(conf, gateway, log)
            try:
                yield session
            finally:
                session.stop()
        finally:
            _end(gateway)


def _settings(master: str, memory: str, folder: str) -> dict[str, str]:
    anywhere = {
        "spark.master": master,
        "spark.app.name": "shopnow",
        "spark.driver.memory": memory,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        # else each expression walks the stack of Python, for messages that `failures` makes a sentence of
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        # DataNodes are reached by the names that they give themselves out as, like WebHDFS reaches them
        "spark.hadoop.dfs.client.use.datanode.hostname": "true",
        # a NameNode that is not there is an answer after seconds, not minutes
        "spark.hadoop.ipc.client.connect.max.retries": "3",
        "spark.hadoop.ipc.client.connect.max.retries.on.timeouts": "2",
    }
    if not master.startswith("local"):
        return anywhere
    return anywhere | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": folder,
        "spark.sql.shuffle.partitions": "4",
        # half the CPU time of a short job goes into compiling Spark well, which three million rows do not bring back
        # and native parts of codecs are unpacked where they are removed again
        "spark.driver.extraJavaOptions": f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir={folder}",
    }


def _launch(conf: SparkConf, java: Path | None, log: Path) -> Any:
    """Start the JVM, what it prints going to `log`: it would be mixed into what the command prints."""
    before = os.environ.get("JAVA_HOME")
    if java is not None:
        os.environ["JAVA_HOME"] = str(java.resolve().parent.parent)
    try:
        with log.open("wb") as output:
            return launch_gateway(conf, {"stdout": output, "stderr": output})  # type: ignore[no-untyped-call]
    except PySparkRuntimeError as error:
        raise _not_started(log) from error
    finally:
        if before is not None:
            os.environ["JAVA_HOME"] = before
        elif java is not None:
            del os.environ["JAVA_HOME"]


def _connect(conf: SparkConf, gateway: Any, log: Path) -> SparkSession:
    try:
        return SparkSession(SparkContext(conf=conf, gateway=gateway))
    except Py4JError as error:
        raise _not_started(log) from error


def _end(gateway: Any) -> None:
    """End the JVM and block until it is gone: PySpark would leave that to the end of this process, or later."""
    gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None  # what a next session looks at
    jvm = gateway.proc
    if jvm is None:  # spark-submit started us, and not we the JVM
        return
    jvm.stdin.close()  # which it takes for our end
    try:
        jvm.wait(JVM_ENDS_WITHIN_S)
    except TimeoutExpired:
        jvm.kill()
        jvm.wait()
    except BaseException:  # Ctrl-C
        jvm.kill()
        jvm.wait()
        raise


def _not_started(log: Path) -> SparkMissing:
    said = log.read_text(errors="replace").strip()[-LOG_TAIL:]
    return SparkMissing(f"Spark did not start. It needs Java 17 or 21, and a --master that answers. It said:\n{said}")
