"""The peer on the JVM: `KafkaStreamsPeer.java`, with the jars of the stack's lock and four of the peers' own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.jdk import find_jdk
from shopnow_streams.stack.jars import Fetched, Jar, fetch, locked_jars, parse_lock

LOCK = Path(__file__).with_name("jars.lock.toml")
SOURCE = Path(__file__).with_name("KafkaStreamsPeer.java")
# with G1, the default, it takes more processor time on two cores; it needs less than half of that heap, and with all
# tables about half: in a run with twice as much it collected garbage for longer
FLAGS = ("-Xmx1g", "-XX:+UseParallelGC")


@dataclass(frozen=True)
class KafkaStreams:
    """A Java and a class path that run the peer."""

    java: Path
    jars: tuple[Path, ...]

    def command(self, bootstrap: str, application_id: str, folder: Path, *, all_tables: bool) -> list[str | Path]:
        """The command line of a worker that keeps its state in `folder`; but for `all_tables` without windows."""
        temporary = f"-Djava.io.tmpdir={folder}"  # RocksDB unpacks its library there
        class_path = ":".join(map(str, self.jars))
        tables = ("all",) if all_tables else ()
        arguments = (SOURCE, bootstrap, application_id, folder, *tables)
        return [self.java, *FLAGS, temporary, "--class-path", class_path, *arguments]


def peer_jars() -> tuple[Jar, ...]:
    """What it runs with: Kafka Streams, its RocksDB, DataSketches, and the class path of the stack's broker."""
    return (*parse_lock(LOCK.read_text())["kafka-streams"], *locked_jars()["kafka"])


def kafka_streams(cache: Path, progress: Callable[[Fetched], None]) -> KafkaStreams:
    """Have it all in `cache`. Blocks for a download of 74 MB, once. Raises StackError, or JavaMissing for a JRE."""
    return KafkaStreams(find_jdk(cache), tuple(fetch(peer_jars(), cache / "jars", progress=progress)))
