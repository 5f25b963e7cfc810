"""The peer of the archive: `SparkArchivePeer.java`, with Spark and its Kafka source from the peers' lock."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.jdk import find_jdk
from benchmarks.kafka_streams import LOCK
from shopnow_streams.errors import StackError
from shopnow_streams.stack.jars import Fetched, Jar, fetch, parse_lock

SOURCE = Path(__file__).with_name("SparkArchivePeer.java")
MAIN = SOURCE.stem
# the driver's default heap; with G1, the default, it takes more processor time on two cores
FLAGS = ("-Xmx1g", "-XX:+UseParallelGC")
# what Spark's own launcher opens to it
OPENED = (
    "java.io",
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)


@dataclass(frozen=True)
class SparkArchive:
    """A Java and a class path that run the peer."""

    java: Path
    class_path: tuple[Path, ...]

    def command(self, bootstrap: str, root: str, folder: Path) -> list[str | Path]:
        """The command line that archives what Kafka has into `root`, with its temporary files in `folder`."""
        opened = (f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED)
        temporary = f"-Djava.io.tmpdir={folder}"
        class_path = ":".join(map(str, self.class_path))
        return [self.java, *FLAGS, *opened, temporary, "--class-path", class_path, MAIN, bootstrap, root, folder]


def spark_jars() -> tuple[Jar, ...]:
    """What it runs with."""
    return parse_lock(LOCK.read_text())["spark-archive"]


def spark_archive(cache: Path, classes: Path, progress: Callable[[Fetched], None]) -> SparkArchive:
    """Have the jars in `cache` and the peer compiled in `classes`. Blocks for a download of 219 MB, once.

    Raises StackError where a jar is not to be had or the peer does not compile, JavaMissing for a JRE.
    """
    java = find_jdk(cache)
    jars = tuple(fetch(spark_jars(), cache / "jars", progress=progress))
    # by its module: a JDK's `javac` is not always beside the `java` that was found
    compiler: list[str | Path] = [java, "-m", "jdk.compiler/com.sun.tools.javac.Main"]
    command = [*compiler, "-d", classes, "-cp", ":".join(map(str, jars)), SOURCE]
    compiled = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if compiled.returncode != 0:
        raise StackError(f"{SOURCE.name} does not compile with {java}:\n{compiled.stdout}{compiled.stderr}")
    return SparkArchive(java, (classes, *jars))
