"""The archive of a real worker: every record once, in Parquet, whatever happens to HDFS and to the worker."""

import signal
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer

from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import Topic
from sinks.open import open_sink
from sinks.sink import Sink
from tests.conftest import WorkerProcess, eventually

VIEW = '{{"id_produit": {0}, "nom_produit": "Café n° {0}", "prix": 1.5, "timestamp": "2025-11-28T10:30:00Z"}}'

MakeWorker = Callable[..., WorkerProcess]


def send(bootstrap: str, count: int, start: int = 0) -> None:
    """`count` views with every tenth record no event, to partitions in turn."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for number in range(start, start + count):
        value = b"no event" if number % 10 == 0 else VIEW.format(number).encode()
        producer.produce(Topic.PRODUCT_VIEWED, value, str(number).encode(), number % 4)
    assert producer.flush(30) == 0


def archived(sink: Sink) -> list[tuple[int, int, bytes, str | None]]:
    """(partition, offset, value, reason of rejection) of every archived record, in order."""
    rows: list[tuple[int, int, bytes, str | None]] = []
    for info in sink.segments(Topic.PRODUCT_VIEWED):
        table = pq.read_table(BytesIO(sink.read(info.path)))
        names = ("kafka_partition", "kafka_offset", "value", "rejected")
        rows.extend(zip(*(table[name].to_pylist() for name in names), strict=True))
    return sorted(rows)


def ends(kafka: KafkaBroker) -> dict[int, int]:
    marks = KafkaAdmin(KafkaConnection(kafka.bootstrap)).watermarks(Topic.PRODUCT_VIEWED)
    return {number: end for number, (_, end) in marks.items()}


def whole(sink: Sink, kafka: KafkaBroker) -> list[tuple[int, int, bytes, str | None]] | None:
    """The archive, once it has everything that Kafka has."""
    wanted = ends(kafka)
    have = sink.ends(Topic.PRODUCT_VIEWED, list(wanted))
    return archived(sink) if all((have[number] or 0) >= end for number, end in wanted.items()) else None


def assert_exactly_once(rows: list[tuple[int, int, bytes, str | None]], kafka: KafkaBroker) -> None:
    assert [row[:2] for row in rows] == [
        (number, offset) for number, end in ends(kafka).items() for offset in range(end)
    ]


@pytest.fixture
def settings() -> dict[str, str]:
    return {"archive_segment_age_s": "1", "session_timeout_s": "4"}


def test_every_record_is_archived_once_with_its_columns_and_raw_bytes(
    kafka: KafkaBroker, hdfs: Hdfs, worker: MakeWorker, settings: dict[str, str]
) -> None:
    root = f"{hdfs.uri}/{uuid.uuid4().hex}"
    running = worker("once", archive=root, archive_webhdfs=hdfs.webhdfs_url, **settings)
    running.start()
    eventually(lambda: (running.get("/health/ready") or {}).get("status") == "ready", 90)
    send(kafka.bootstrap, 1000)
    sink = open_sink(root, webhdfs=hdfs.webhdfs_url)
    rows = eventually(lambda: whole(sink, kafka), 60)
    assert_exactly_once(rows, kafka)
    assert {value for *_, value, _ in rows if value == b"no event"} == {b"no event"}
    assert sum(1 for *_, reason in rows if reason == "not-json") == 100
    assert running.get("/api/archive")["offsets"]["produit-consulte"] == {str(n): end for n, end in ends(kafka).items()}
    assert running.stop() == 0


def test_what_is_open_is_committed_when_the_worker_stops(
    kafka: KafkaBroker, worker: MakeWorker, tmp_path: Path
) -> None:
    root = (tmp_path / "archive").as_uri()
    running = worker("stopping", archive=root, archive_segment_age_s="3600")
    running.start()
    send(kafka.bootstrap, 100, 20_000)
    sink = open_sink(root)
    eventually(lambda: _held(running) > 0, 90)
    assert running.stop() == 0
    rows = archived(sink)
    assert rows, "what it held is gone"
    for number, end in ends(kafka).items():
        offsets = [offset for partition, offset, *_ in rows if partition == number]
        assert offsets == list(range(len(offsets))), "not a whole beginning of the partition"
        assert len(offsets) <= end
    running.environment["SHOPNOW_ARCHIVE_SEGMENT_AGE_S"] = "1"
    running.start()
    assert_exactly_once(eventually(lambda: whole(sink, kafka), 90), kafka)


def test_an_outage_of_hdfs_does_not_hold_up_the_live_side_and_loses_nothing(
    kafka: KafkaBroker, own_hdfs: Hdfs, worker: MakeWorker, settings: dict[str, str]
) -> None:
    root = f"{own_hdfs.uri}/outage"
    running = worker("outage", archive=root, archive_webhdfs=own_hdfs.webhdfs_url, **settings)
    running.start()
    sink = open_sink(root, webhdfs=own_hdfs.webhdfs_url)
    send(kafka.bootstrap, 400, 30_000)
    eventually(lambda: whole(sink, kafka), 90)
    own_hdfs.stop()
    send(kafka.bootstrap, 400, 31_000)
    wanted = sum(ends(kafka).values())
    eventually(lambda: _position(running) >= wanted, 30)
    eventually(lambda: (running.get("/api/archive") or {}).get("outage"), 60)
    assert running.get("/health/ready")["status"] == "ready"
    own_hdfs.start()
    assert_exactly_once(eventually(lambda: whole(sink, kafka), 120), kafka)


def test_workers_killed_and_stopped_while_they_archive_leave_each_offset_once(
    kafka: KafkaBroker, worker: MakeWorker, settings: dict[str, str], tmp_path: Path
) -> None:
    root = (tmp_path / "archive").as_uri()
    one, other = (worker("faults", archive=root, **settings) for _ in range(2))
    one.start()
    other.start()
    for round_ in range(4):
        send(kafka.bootstrap, 300, 40_000 + 1000 * round_)
        eventually(lambda: _position(one) + _position(other) > 0, 90)
        if round_ % 2:
            other.signal(signal.SIGSTOP)
            send(kafka.bootstrap, 300, 40_500 + 1000 * round_)
            # past its session: the other has taken over when it answers for all partitions
            eventually(lambda: (one.get("/api/products?limit=1") or {}).get("complete") or one.ended(), 60)
            other.signal(signal.SIGCONT)
        else:
            one.signal(signal.SIGKILL)
            one.process.wait() if one.process else None
            one.start()
        for each in (one, other):
            if each.ended():  # fenced, as it should be; a supervisor starts it again
                each.start()
    sink = open_sink(root)
    assert_exactly_once(eventually(lambda: _restarting(sink, kafka, one, other), 120), kafka)


def _restarting(sink: Sink, kafka: KafkaBroker, *workers: WorkerProcess) -> Any:
    for each in workers:
        if each.ended():
            each.start()
    return whole(sink, kafka)


@pytest.fixture
def own_hdfs(tmp_path: Path, java: Path) -> Iterator[Hdfs]:
    """An HDFS that a test may stop."""
    from shopnow_streams.stack.jars import fetch, locked_jars
    from shopnow_streams.stack.ports import StackPorts, free_ports
    from tests.conftest import CACHE

    jars = fetch(locked_jars()["hdfs"], CACHE / "jars")
    cluster = Hdfs(tmp_path / "hdfs", ports=StackPorts(*free_ports(7)), java=java, jars=jars, archives=CACHE / "cds")
    cluster.start()
    yield cluster
    cluster.stop()


def _position(running: WorkerProcess) -> int:
    offsets = (running.get("/api/products?limit=1") or {}).get("offsets", {})
    return sum(offsets.get("produit-consulte", {}).values())


def _held(running: WorkerProcess) -> int:
    return int((running.get("/api/archive") or {}).get("held_bytes", 0))
