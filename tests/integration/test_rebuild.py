"""An application rebuilt from the archive is the one that read it all from Kafka, and goes on as that one does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.events import TOPIC_OF, encode
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.encoding import decoder
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.simulator.shoppers import shoppers, steady_clock
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import Topic
from sinks.open import open_sink
from tests.conftest import WorkerProcess, eventually
from tests.unit.folds.strategies import NOON

MakeWorker = Callable[..., WorkerProcess]


def send(bootstrap: str, seed: str, count: int) -> None:
    """What a simulated shop sends, every fiftieth record no event."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for number, event in zip(range(count), shoppers(seed, steady_clock(NOON, 5.0)), strict=False):
        value = b"no event" if number % 50 == 0 else encode(event)
        producer.produce(str(TOPIC_OF[type(event)]), value, partition=number % 4)
    assert producer.flush(30) == 0


def ends(kafka: KafkaBroker) -> dict[str, dict[int, int]]:
    admin = KafkaAdmin(KafkaConnection(kafka.bootstrap))
    return {str(t): {number: end for number, (_, end) in admin.watermarks(str(t)).items()} for t in Topic}


def rows(worker: WorkerProcess, wanted: dict[str, dict[int, int]]) -> dict[tuple[str, int], Any] | None:
    """All rows of all partitions, once they stand at `wanted`."""
    found = {}
    for table in TABLES:
        for number, offsets, kept in WorkerApi(worker.url).rows(table.name) or []:
            if offsets != {topic: of[number] for topic, of in wanted.items() if of[number]}:
                return None
            decode = decoder(table.state).decode  # a sketch's bytes depend on the order of its customers
            found[table.name, number] = {key: decode(json.dumps(state).encode()) for key, state in kept}
    return found if len(found) == 4 * len(TABLES) else None


def shopnow(worker: WorkerProcess, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command, with the worker's settings."""
    return subprocess.run(
        [sys.executable, "-c", "from shopnow_streams.cli import main; main()", *arguments],
        env={**os.environ, **worker.environment, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_rebuilt_application_has_the_same_rows_and_goes_on_from_there(
    kafka: KafkaBroker, worker: MakeWorker, tmp_path: Path
) -> None:
    root = (tmp_path / "archive").as_uri()
    first = worker("first", archive=root, archive_segment_age_s="1")
    rebuilt = worker("rebuilt", archive=root, archive_embedded="no")
    first.start()
    send(kafka.bootstrap, "1", 3_000)
    wanted = ends(kafka)
    sink = open_sink(root)
    eventually(
        lambda: all(sink.ends(t, list(of)) == {n: end or None for n, end in of.items()} for t, of in wanted.items())
    )
    expected = eventually(lambda: rows(first, wanted))

    refused = shopnow(first, "rebuild")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "stop them, or rebuild under another" in refused.stderr

    done = shopnow(rebuilt, "rebuild", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "records": 3_000,
        "offsets": {topic: {str(n): end for n, end in of.items() if end} for topic, of in sorted(wanted.items())},
    }
    assert "--replace" in shopnow(rebuilt, "rebuild").stderr, "its tables are not overwritten unasked"

    send(kafka.bootstrap, "2", 1_000)
    rebuilt.start()
    after = ends(kafka)
    assert eventually(lambda: rows(rebuilt, after)) == eventually(lambda: rows(first, after)) != expected

    rebuilt.stop()
    again = shopnow(rebuilt, "rebuild", "--replace", "--json")
    assert again.returncode == 0, again.stderr
    rebuilt.start()
    assert eventually(lambda: rows(rebuilt, after)) == eventually(lambda: rows(first, after)), (
        "its old store is believed"
    )
