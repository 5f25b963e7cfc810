"""`shopnow archive compact` on a real HDFS, by a real Spark, read by another one at every moment."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, SparkSession

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.compaction import plan
from shopnow_streams.archive.compactor import Compactor, pieces
from shopnow_streams.archive.exclusive import LOCK
from shopnow_streams.archive.sealing import Sealer
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.hdfs import HdfsFiles
from sinks.open import open_sink
from sinks.segments import Records, Segment, SegmentName, date_of
from tests.conftest import eventually

TOPIC = Topic.STOCK_UPDATED
NOON_MS = 1_764_331_200_000  # 2025-11-28 12:00 UTC
DAY_MS = 86_400_000
SEGMENTS, ROWS = 6, 3_000
ALL = SEGMENTS * ROWS + 1
"""Rows of the archive: a day of segments, and one record of the day after."""

CHECKSUM = """SELECT count(*), sum(crc32(concat(
    cast(concat_ws(' ', kafka_offset, unix_millis(kafka_timestamp), coalesce(length(kafka_key), -1),
                   coalesce(length(value), -1), '') AS BINARY),
    coalesce(kafka_key, CAST('' AS BINARY)), coalesce(value, CAST('' AS BINARY)))))"""
"""As docs/archive.md has it."""

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def splitting(spark: SparkSession) -> SparkSession:
    own = spark.newSession()
    own.conf.set("spark.sql.files.maxPartitionBytes", "4096")
    own.conf.set("spark.sql.files.openCostInBytes", "1")
    return own


@pytest.fixture
def url(hdfs: Hdfs) -> str:
    return f"{hdfs.uri}/{uuid.uuid4().hex}"


@pytest.fixture
def archive(hdfs: Hdfs, url: str) -> Archive:
    made = open_sink(url, webhdfs=hdfs.webhdfs_url)
    for number in range(SEGMENTS):
        put(made, number * ROWS, ROWS, NOON_MS)
    put(made, SEGMENTS * ROWS, 1, NOON_MS + DAY_MS)
    return made


def put(archive: Archive, first: int, count: int, at_ms: int) -> None:
    encoder = archive.form.encoder(TOPIC, 0, first)
    event = b'{"id_produit":%d,"stock":1,"timestamp":"2025-11-28T12:00:00Z"}'
    encoder.add(Records.of((first + row, at_ms, None, event % (row % 99)) for row in range(count)))
    name = SegmentName(TOPIC, 0, first, date_of(at_ms), archive.form.NAME)
    archive.commit(Segment(name, first + count, encoder.finish(first + count)))


@pytest.fixture
def shopnow(hdfs: Hdfs, url: str, tmp_path: Path) -> Shell:
    environment = {**os.environ, "SHOPNOW_ARCHIVE": url, "SHOPNOW_ARCHIVE_WEBHDFS": hdfs.webhdfs_url}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(*words), capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path, check=False
        )

    return run


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from shopnow_streams.cli import main; main()", "archive", *words]


def offsets(table: DataFrame) -> list[int] | None:
    """The offsets that are read, in order; None where a file is not there any more, or is shorter than it was."""
    try:
        return sorted(row[0] for row in table.select("kafka_offset").collect())
    except Py4JJavaError as error:
        said = str(error)
        assert "FAILED_READ_FILE" in said or "FileNotFound" in said, said[:2_000]
        return None


class Stepwise(HdfsFiles):
    """Tells `joined` of the moment between the two steps."""

    joined: Callable[[], None]

    def concat(self, target: str, sources: Sequence[str]) -> None:
        super().concat(target, sources)
        self.joined()


def test_what_spark_planned_before_a_step_is_read_as_it_was_or_fails(
    splitting: SparkSession, hdfs: Hdfs, url: str, archive: Archive
) -> None:
    """Each file's table lists it now, in splits of 4 kB, and opens it whenever it is asked."""
    catalogue = Catalogue(archive, url)
    first, second, *_ = listed = catalogue.listing(TOPIC).segments
    at_first, at_second, before = (
        splitting.read.parquet(*(f"{url}/{file.path}" for file in files)) for files in ([first], [second], listed)
    )
    assert offsets(before) == list(range(ALL))
    between: list[DataFrame] = []

    def joined() -> None:
        assert offsets(at_first) == list(range(ROWS)), "only its own rows, which the others had beside them"
        assert offsets(at_second) is None
        assert offsets(before) is None
        between.append(splitting.read.parquet(f"{url}/{TOPIC}"))
        assert between[0].rdd.getNumPartitions() > 2, "nothing is split"
        assert offsets(between[0]) == list(range(ALL))

    files = Stepwise(f"/{url.rpartition('/')[2]}", hdfs.webhdfs_url, "shopnow")
    files.joined = joined
    (run,) = plan(pieces(catalogue, listed), date_of(NOON_MS + DAY_MS))
    Compactor(files, lambda: None).compact(run)
    assert offsets(at_first) == list(range(ROWS))
    assert offsets(between[0]) in (list(range(ALL)), None)
    after = splitting.read.parquet(f"{url}/{TOPIC}")
    assert offsets(after) == list(range(ALL))
    assert len(after.inputFiles()) == 2
    assert after.where("id_produit = 7").count() == SEGMENTS * len(range(7, ROWS, 99))
    sealed = Sealer(Catalogue(archive, url), TOPIC, lambda: None).seal(NOON_MS + HOUR_MS, {0: ALL}).sealed
    after.createOrReplaceTempView("records")
    (mine,) = splitting.sql(
        f"{CHECKSUM} FROM records WHERE kafka_timestamp < timestamp_millis({NOON_MS + HOUR_MS})"
    ).collect()
    assert (mine[0], mine[1]) == (sealed[0].partitions[0][0].records, sealed[0].partitions[0][0].checksum)


def test_killed_it_has_lost_nothing_and_is_finished_by_the_next_one(
    hdfs: Hdfs, url: str, archive: Archive, shopnow: Shell, tmp_path: Path
) -> None:
    planned = shopnow("compact", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines()[-1] == "6 segments would become 1 files"
    environment = {**os.environ, "SHOPNOW_ARCHIVE": url, "SHOPNOW_ARCHIVE_WEBHDFS": hdfs.webhdfs_url}
    with subprocess.Popen(
        command("compact"), env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as killed:
        eventually(lambda: archive.files.stat(LOCK), 60, every_s=0.05)
        killed.kill()
    refused = shopnow("compact")
    assert refused.returncode == 1
    assert "`shopnow archive compact`, process " in refused.stderr
    assert "--take-over" in refused.stderr
    assert shopnow("verify", "--no-kafka").returncode == 1, "files may be on their way"

    done = shopnow("compact", "--take-over", "--json")
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)
    assert (run["segments"], run["first"], run["next"], run["failed"]) == (SEGMENTS, 0, SEGMENTS * ROWS, None)
    entry = archive.files.stat(run["path"])
    assert entry is not None
    assert entry.size == run["compacted_bytes"] < run["bytes"]
    verified = shopnow("verify", "--no-kafka")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"right: {ALL:,} records in 2 segments" in verified.stdout
    assert archive.end(TOPIC, 0) == ALL
    again = shopnow("compact", "--dry-run")
    assert again.stdout.startswith("nothing to compact")
