"""The peer on the JVM: which jars, and which command."""

from pathlib import Path

from benchmarks.kafka_streams import LOCK, SOURCE, KafkaStreams, peer_jars
from shopnow_streams.stack.jars import locked_jars, parse_lock


def version(coordinate: str) -> str:
    return coordinate.rsplit(":", 1)[1]


def test_it_is_of_the_version_of_the_stacks_kafka() -> None:
    by_name = {jar.coordinate.rsplit(":", 1)[0]: version(jar.coordinate) for jar in peer_jars()}
    assert by_name["org.apache.kafka:kafka-streams"] == by_name["org.apache.kafka:kafka-clients"]


def test_its_own_lock_names_nothing_that_the_stacks_lock_has() -> None:
    own = parse_lock(LOCK.read_text())["kafka-streams"]
    stack = {jar.coordinate.rsplit(":", 1)[0] for jar in locked_jars()["kafka"]}
    assert not stack & {jar.coordinate.rsplit(":", 1)[0] for jar in own}
    assert peer_jars() == (*own, *locked_jars()["kafka"])


def test_it_runs_from_its_source_with_all_jars_and_a_temporary_folder_of_its_own() -> None:
    assert SOURCE.exists()
    peer = KafkaStreams(Path("/jdk/bin/java"), (Path("/jars/a.jar"), Path("/jars/b.jar")))
    command = peer.command("h:9", "app", Path("/state"), all_tables=False)
    java, *flags, option, jars, source, bootstrap, application_id, folder = command
    assert (java, option, jars, source) == (Path("/jdk/bin/java"), "--class-path", "/jars/a.jar:/jars/b.jar", SOURCE)
    assert (bootstrap, application_id, folder) == ("h:9", "app", Path("/state"))
    assert "-Djava.io.tmpdir=/state" in flags
    assert peer.command("h:9", "app", Path("/state"), all_tables=True) == [*command, "all"]
