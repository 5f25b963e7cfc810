"""`shopnow audit` on real workers, Kafka, HDFS and Spark: right while they work, and what is wrong is named."""

import itertools
import json
import os
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import Topic
from sinks.open import open_sink
from tests import oracle
from tests.chaos.fleet import make_topics
from tests.chaos.traffic import PARTITIONS, Sender, Sent, traffic
from tests.conftest import WorkerProcess, eventually

pytestmark = pytest.mark.timeout(1_200)

TABLES = ["products", "stock", "orders", "hours", "rejections", "activity", "shop", "shoppers", "late", "rejects"]
SETTLE_S = 90.0

Start = Callable[..., WorkerProcess]


@contextmanager
def shopping(bootstrap: str) -> Iterator[None]:
    """Events of all topics, good and bad, for as long as the block lasts."""
    done = threading.Event()

    def send() -> None:
        sender = Sender(bootstrap)
        for event in traffic(seed=31, bad_share=0.05):
            sender.send(event)
            if done.wait(0.01):
                break
        sender.flush()

    shop = threading.Thread(target=send, name="shop")
    shop.start()
    try:
        yield
    finally:
        done.set()
        shop.join()


def the_days_before() -> Iterator[Sent]:
    """A view an hour, in each partition in turn: windows of all lengths, and some that are forgotten."""
    for number in range(24 * 100, 0, -1):
        moment = datetime(2025, 11, 28, 18, tzinfo=UTC) - timedelta(hours=number)
        event = {
            "id_produit": 1,
            "nom_produit": "T-shirt",
            "prix": 9.9,
            "user_id": number % 50,
            "timestamp": moment.isoformat(),
        }
        yield Sent("produit-consulte", None, json.dumps(event).encode(), number % PARTITIONS)


def shopnow_audit(worker: WorkerProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it, with the worker's settings."""
    command = [str(Path(sys.executable).with_name("shopnow")), "audit", "--worker", worker.url, *words]
    environment = {**os.environ, **worker.environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment, check=False)


def snapshot(workers: list[WorkerProcess], table: str, partition: int) -> dict[str, Any]:
    """The rows of a partition by key, of whichever worker has it."""
    for each in workers:
        try:
            url = f"{each.url}/internal/snapshot/{table}/{partition}"
            with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
                return dict(map(json.loads, response.read().splitlines()[1:-1]))
        except OSError:
            continue
    return {}


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {table["table"]: table["rows"] for table in told["tables"]}


def test_every_row_of_workers_at_work_and_then_the_one_that_is_wrong(
    kafka: KafkaBroker, hdfs: Hdfs, worker: Start
) -> None:
    make_topics(kafka.bootstrap)
    settings = {
        "archive": f"{hdfs.uri}/{uuid.uuid4().hex}",
        "archive_webhdfs": hdfs.webhdfs_url,
        "archive_segment_age_s": "10",
        "session_timeout_s": "4",
    }
    workers = [worker("audited", **settings), worker("audited", **settings)]
    sender = Sender(kafka.bootstrap, ("zstd",))  # one producer sends a partition's records in their order
    for event in itertools.chain(the_days_before(), itertools.islice(traffic(seed=30, bad_share=0.02), 6_000)):
        sender.send(event)
    sender.flush()
    for each in workers:
        each.start()
    eventually(lambda: all(owns(each) for each in workers), SETTLE_S)
    sink = open_sink(settings["archive"], webhdfs=hdfs.webhdfs_url)
    eventually(lambda: sink.end(Topic.PRODUCT_VIEWED, 0), SETTLE_S)

    with shopping(kafka.bootstrap):
        right = shopnow_audit(workers[0], "--json")
        ends = oracle.read_ends(kafka.bootstrap)
    assert (right.returncode, right.stderr) == (0, ""), right.stdout + right.stderr
    told = json.loads(right.stdout)
    assert (told["verdict"], told["differences"], told["shown"]) == ("right", 0, [])
    assert [table["table"] for table in told["tables"]] == TABLES
    assert {table["partitions"] for table in told["tables"]} == {PARTITIONS}
    assert all(rows > 0 for rows in counted(told).values())
    offsets = {topic: {int(n): at for n, at in stands.items()} for topic, stands in told["offsets"].items()}
    assert any(low < high for stands in offsets.values() for low, high in stands.values())  # it moved meanwhile
    assert any(high < ends[topic][n] for topic, stands in offsets.items() for n, (_, high) in stands.items())
    log = oracle.read_log(kafka.bootstrap)
    at_first = oracle.expected(log, {topic: {n: low for n, (low, _) in at.items()} for topic, at in offsets.items()})
    assert counted(told)["orders"] >= len(at_first["orders"])

    before = snapshot(workers, "products", 2)["0"]
    windows = snapshot(workers, "activity", 2)
    assert {key[0] for key in windows} == {"m", "h", "d"}
    hour, row = next((key, row) for key, row in sorted(windows.items()) if key.startswith("h"))
    for each in workers:
        assert each.stop() == 0
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    wrong_row = json.dumps(before | {"views": before["views"] + 1}).encode()
    producer.produce("audited-products-changelog", wrong_row, b"%019d" % 0, 2)
    producer.produce(
        "audited-activity-changelog", json.dumps(row | {"views": row["views"] + 1}).encode(), hour.encode(), 2
    )
    reject = oracle.read_log(kafka.bootstrap, [oracle.REJECTS]).records[0]
    producer.produce(oracle.REJECTS, reject.value, reject.key, headers=dict(reject.headers))
    assert producer.flush(30) == 0
    workers[0].start()
    eventually(lambda: len(snapshot(workers[:1], "products", 2)) and owns(workers[0]) == PARTITIONS, SETTLE_S)

    some = ("products", "activity", "rejects")  # all were right before, and are the same
    wrong = shopnow_audit(workers[0], "--json", *(f"--table={name}" for name in some))
    assert (wrong.returncode, wrong.stderr) == (1, ""), wrong.stdout + wrong.stderr
    told = json.loads(wrong.stdout)
    assert [table["table"] for table in told["tables"]] == ["products", "rejections", "activity", "rejects"]
    source = {name: value.decode() for name, value in reject.headers.items()}
    assert told["shown"] == [
        {
            "table": "products",
            "partition": 2,
            "key": "0",
            "field": "views",
            "live": before["views"] + 1,
            "batch": before["views"],
        },
        {
            "table": "activity",
            "partition": 2,
            "key": hour,
            "field": "views",
            "live": row["views"] + 1,
            "batch": row["views"],
        },
        {
            "table": "rejects",
            "partition": int(source["partition"]),
            "key": f"{source['topic']} {source['offset']}",
            "field": "copies",
            "live": 2,
            "batch": 1,
        },
    ]
    assert (told["verdict"], told["wrong_rows"], told["differences"]) == ("wrong", 3, 3)


def owns(worker: WorkerProcess) -> int:
    """How many partitions the worker answers for."""
    try:
        return len(oracle.own_partitions(worker.url))
    except OSError:
        return 0
