"""The archive's peer: which jars, and which command; and that it parses what our archive has columns for."""

import re
from pathlib import Path

from benchmarks.spark_archive import MAIN, SOURCE, SparkArchive, spark_jars
from shopnow_streams.topics import Topic
from sinks.columns import schema


def test_its_kafka_source_is_of_its_sparks_own_version() -> None:
    versions = {jar.coordinate.split(":")[2] for jar in spark_jars() if "org.apache.spark:" in jar.coordinate}
    names = {jar.coordinate.split(":")[1] for jar in spark_jars()}
    assert len(versions) == 1
    assert {"spark-sql_2.13", "spark-sql-kafka-0-10_2.13"} <= names


def test_it_runs_compiled_with_all_jars_and_a_temporary_folder_of_its_own() -> None:
    peer = SparkArchive(Path("/jdk/bin/java"), (Path("/classes"), Path("/jars/a.jar")))
    java, *flags, option, path, main, bootstrap, root, folder = peer.command("h:9", "hdfs://h:8/a", Path("/room"))
    assert (java, option, path, main) == (Path("/jdk/bin/java"), "--class-path", "/classes:/jars/a.jar", MAIN)
    assert (bootstrap, root, folder) == ("h:9", "hdfs://h:8/a", Path("/room"))
    assert "-Djava.io.tmpdir=/room" in flags


def test_it_archives_our_topics_and_the_same_columns_but_why_a_record_is_rejected() -> None:
    source = SOURCE.read_text()
    assert all(topic in source for topic in Topic)
    columns = source[source.index("COLUMNS = {") : source.index("public static void main")]
    names = {name for topic in Topic for name in schema(topic).names}
    assert {name for name in names if re.search(rf"\b{name}\b", columns)} == names - {"rejected"}
