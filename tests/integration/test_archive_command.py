"""`shopnow archive` beside a real worker, Kafka and HDFS: what is deleted and what goes bad is named and mended."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.open import open_sink
from tests.conftest import WorkerProcess, eventually
from tests.integration.test_archive import ends, send, whole

TOPIC = str(Topic.PRODUCT_VIEWED)
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def running(kafka: KafkaBroker, hdfs: Hdfs, worker: Callable[..., WorkerProcess]) -> WorkerProcess:
    """A worker that archives on HDFS, a segment a second."""
    root = f"{hdfs.uri}/{uuid.uuid4().hex}"
    made = worker("audited", archive=root, archive_webhdfs=hdfs.webhdfs_url, archive_segment_age_s="1")
    made.start()
    eventually(lambda: (made.get("/health/ready") or {}).get("status") == "ready", 90)
    return made


@pytest.fixture
def sink(running: WorkerProcess, hdfs: Hdfs) -> Archive:
    return open_sink(running.environment["SHOPNOW_ARCHIVE"], webhdfs=hdfs.webhdfs_url)


@pytest.fixture
def shopnow(running: WorkerProcess) -> Shell:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(Path(sys.executable).with_name("shopnow")), "archive", *words]
        environment = {**os.environ, **running.environment}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)

    return run


def test_a_file_that_is_gone_and_one_that_went_bad_are_named_and_mended_beside_the_worker(
    kafka: KafkaBroker, hdfs: Hdfs, sink: Archive, shopnow: Shell, running: WorkerProcess, tmp_path: Path
) -> None:
    for wave in range(5):
        send(kafka.bootstrap, 400, 1_000 * wave)
        eventually(lambda: whole(sink, kafka), 60)
    right = shopnow("verify")
    assert right.returncode == 0, right.stdout + right.stderr
    assert right.stdout.splitlines()[-1].startswith("right: 2,000 records in ")

    copy = tmp_path / "copy"
    for file in sink.segments(TOPIC):
        (copy / file.path).parent.mkdir(parents=True, exist_ok=True)
        (copy / file.path).write_bytes(sink.read(file.path))
    gone, bad = (list(sink.segments(TOPIC, partition))[1] for partition in (0, 1))
    data = sink.read(bad.path)
    for path in (gone.path, bad.path):
        sink.files.remove(path)
    quarter = len(data) // 4
    sink.files.write(bad.path, data[:quarter] + bytes(len(data) - 2 * quarter) + data[-quarter:])

    found: dict[str, Any] = json.loads(shopnow("verify", "--json").stdout)
    assert found["verdict"] == "wrong"
    assert [(each["kind"], each["partition"], each["first"], each["next"]) for each in found["findings"]] == [
        ("gap", 0, gone.span.first, gone.span.next),
        ("unreadable", 1, bad.span.first, bad.span.next),
    ]
    assert found["findings"][1]["path"] == bad.path
    wrong = shopnow("verify", TOPIC)
    assert wrong.returncode == 1
    assert bad.path in wrong.stdout
    assert sink.files.stat(gone.path) is None, "a dry run writes nothing"

    send(kafka.bootstrap, 400, 6_000)  # the worker archives while this is mended
    mended = shopnow("verify", "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert f"mended {TOPIC}/0" in mended.stdout
    eventually(lambda: whole(sink, kafka), 60)
    after = json.loads(shopnow("verify", "--json").stdout)
    assert (after["verdict"], after["findings"]) == ("right", [])
    assert sum(part["records"] for part in after["partitions"]) == sum(ends(kafka).values()) == 2_400
    same = shopnow("diff", copy.as_uri(), running.environment["SHOPNOW_ARCHIVE"], "--common")
    assert same.returncode == 0, same.stdout
    assert same.stdout.splitlines()[-1] == "same: 2,000 records in both"
    assert running.stop() == 0
