"""A real worker on a real broker: what comes in on the five topics, and what it then answers."""

import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

from shopnow_streams.delivery.worker import STOP_DEADLINE_S
from shopnow_streams.stack.kafka import KafkaBroker
from tests import oracle
from tests.chaos.fleet import make_topics, watching, wrong
from tests.chaos.traffic import CODECS, PARTITIONS, Sender, Sent, traffic
from tests.conftest import ROOT, WorkerProcess, eventually
from tests.integration.pushed import Pushed

pytestmark = pytest.mark.timeout(300)

SETTLE_S = 90.0
TERM_S = STOP_DEADLINE_S + 5
"""Mostly a second or two; but where Faust's own stop waits for ever, what decision 0005 promises."""
SAMPLE = b"""{
    "id_produit": 1597,
    "nom_produit": "T-shirt en coton bio",
    "prix": 29.99,
    "timestamp": "2025-11-28T10:30:00Z",
    "user_id": 123
}"""
"""The seed's message, as it stands in its journal."""

Start = Callable[..., WorkerProcess]


@pytest.fixture(scope="module", autouse=True)
def topics(kafka: KafkaBroker) -> None:
    make_topics(kafka.bootstrap)


def send(kafka: KafkaBroker, events: Iterator[Sent] | list[Sent], codecs: tuple[str, ...] = CODECS) -> None:
    sender = Sender(kafka.bootstrap, codecs)
    for event in events:
        sender.send(event)
    sender.flush()
    assert not sender.refused


def some(count: int, seed: int, bad_share: float = 0.02) -> Iterator[Sent]:
    return itertools.islice(traffic(seed, bad_share), count)


def settled(kafka: KafkaBroker, *workers: WorkerProcess) -> oracle.Answers:
    """The rows that the first of `workers` gives once they stand at the ends of all topics."""
    ends = oracle.read_ends(kafka.bootstrap)

    def rows() -> oracle.Answers | None:
        for each in workers:
            assert not each.ended(), each.log.read_text()[-4_000:]
        try:
            if not oracle.stands_at(workers[0].url, ends):
                return None
            answers = oracle.read_rows([each.url for each in workers])
        except (OSError, oracle.Incomplete):
            return None
        return answers if answers.offsets == ends else None

    answers: oracle.Answers = eventually(rows, SETTLE_S)
    return answers


def assert_as_the_log(kafka: KafkaBroker, *workers: WorkerProcess) -> oracle.Answers:
    answers = settled(kafka, *workers)
    assert oracle.differences(oracle.expected(oracle.read_log(kafka.bootstrap)), answers.tables) == []
    return answers


def wipe(worker: WorkerProcess) -> None:
    shutil.rmtree(Path(worker.environment["SHOPNOW_DATA_DIR"]))


def logged(worker: WorkerProcess) -> list[dict[str, Any]]:
    """All that a worker printed with SHOPNOW_LOG_FORMAT=json."""
    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert [line for line in lines if not {"time", "level", "logger", "event"} <= line.keys()] == []
    return lines


def assert_metrics_are_those_of_the_docs(worker: WorkerProcess) -> None:
    with urllib.request.urlopen(f"{worker.url}/metrics", timeout=10) as response:  # noqa: S310
        assert response.status == 200
        families = {family.name for family in text_string_to_metric_families(response.read().decode())}
    named = re.findall(r"^\| `(shopnow_\w+?)(?:_total)?` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    assert {name for name in families if name.startswith("shopnow_")} == set(named)


def committed(kafka: KafkaBroker, group: str) -> oracle.Offsets:
    """What the group committed of the five topics."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    offsets: oracle.Offsets = {}
    for at in sorted(future.result(30).topic_partitions, key=lambda at: (at.topic, at.partition)):
        if at.topic in oracle.TOPICS and at.offset > 0:
            offsets.setdefault(at.topic, {})[at.partition] = at.offset
    return offsets


def test_the_sample_of_the_seed_byte_for_byte(kafka: KafkaBroker, worker: Start) -> None:
    send(kafka, [Sent("produit-consulte", None, SAMPLE, None)])
    one = worker("sample")
    one.start()
    product = eventually(lambda: (found := one.get("/api/products/1597")) and found.get("views") and found, SETTLE_S)
    assert (product["name"], product["views"], product["complete"]) == ("T-shirt en coton bio", 1, True)


def test_everything_that_foreign_producers_send_is_counted_once(
    kafka: KafkaBroker, worker: Start, tmp_path: Path
) -> None:
    one = worker("everything", archive=f"file://{tmp_path / 'archive'}")
    others = oracle.read_log(kafka.bootstrap, [oracle.REJECTS])
    send(kafka, some(2_000, seed=1))
    one.start()
    send(kafka, some(4_000, seed=2, bad_share=0.2))
    for codec in CODECS:  # each alone in its batches, good and bad
        send(kafka, some(300, seed=3), (codec,))
    answers = assert_as_the_log(kafka, one)
    log = oracle.read_log(kafka.bootstrap)
    assert {topic for topic, _, _, reason, _, _ in oracle.expected_rejects(log) if reason == "not-valid"} == set(
        oracle.TOPICS
    )
    assert oracle.reject_differences(log, oracle.read_log(kafka.bootstrap, [oracle.REJECTS]).since(others)) == []
    assert answers.offsets == oracle.read_ends(kafka.bootstrap)
    ready = one.get("/health/ready")
    assert (ready["status"], ready["lag"]) == ("ready", 0)
    for name in itertools.islice(answers.tables["orders"], 50):
        assert oracle.order(one.url, name) == answers.tables["orders"][name]
    assert one.get("/api/orders/jamais")["status"] == 404
    assert_metrics_are_those_of_the_docs(one)


def test_a_worker_ends_in_time_and_goes_on_from_there(kafka: KafkaBroker, worker: Start) -> None:
    one = worker("goes-on", log_format="json")
    others = oracle.read_log(kafka.bootstrap, [oracle.REJECTS])
    send(kafka, some(2_000, seed=4))
    one.start()
    before = assert_as_the_log(kafka, one)
    with Pushed(one.url) as pushed:
        eventually(lambda: pushed.last_id)
        started = time.monotonic()
        assert one.stop() == 0
        assert time.monotonic() - started < TERM_S
        assert pushed.ended.wait(5)
        assert pushed.named("dropped") == [{"reason": "stopping"}]
    assert committed(kafka, "goes-on") == oracle.read_ends(kafka.bootstrap)
    one.start()
    assert settled(kafka, one) == before
    assert one.stop() == 0
    wipe(one)
    one.start()
    assert settled(kafka, one) == before
    send(kafka, some(1_000, seed=5))
    assert_as_the_log(kafka, one)
    rejects = oracle.read_log(kafka.bootstrap, [oracle.REJECTS]).since(others)
    assert oracle.reject_differences(oracle.read_log(kafka.bootstrap), rejects) == []
    lines = logged(one)
    assert [line["partitions"] for line in lines if line["logger"] == "tables.restore"] == [list(range(PARTITIONS))] * 3
    assigned = [line for line in lines if line["event"].startswith("Setting newly assigned partitions")]
    assert [line["group"] for line in assigned] == ["goes-on"] * 3
    assert all(line["partitions"]["produit-consulte"] == list(range(PARTITIONS)) for line in assigned)


@pytest.mark.parametrize("joins", ["while it stops", "before it stops"])
def test_a_worker_ends_in_time_though_the_group_rebalances(kafka: KafkaBroker, worker: Start, joins: str) -> None:
    application_id = "ends-" + joins.split()[0]
    one, other = worker(application_id, session_timeout_s="3"), worker(application_id, session_timeout_s="3")
    one.start()
    settled(kafka, one)
    other.start()
    asked = other if joins == "while it stops" else one  # the newcomer joins; the old member does at its next heartbeat
    seen = one.log.read_text().count("(Re-)joining group") if asked is one else 0
    eventually(lambda: asked.log.read_text().count("(Re-)joining group") > seen, SETTLE_S, every_s=0.005)
    started = time.monotonic()
    code = one.stop(90)
    assert (code, time.monotonic() - started < TERM_S) == (0, True), one.log.read_text()[-3_000:]


def test_what_a_foreign_transaction_aborted_is_not_counted(kafka: KafkaBroker, worker: Start) -> None:
    one = worker("aborted")
    one.start()
    foreign = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "foreign"})
    foreign.init_transactions(30)
    for number, end in enumerate((foreign.commit_transaction, foreign.abort_transaction) * 3):
        foreign.begin_transaction()
        for event in some(100, seed=10 + number):
            foreign.produce(event.topic, event.value, event.key, partition=number % PARTITIONS)
        foreign.flush(30)
        end(30)
    send(kafka, [Sent(topic, None, b"fin", number) for topic in oracle.TOPICS for number in range(PARTITIONS)])
    assert_as_the_log(kafka, one)


def test_two_workers_share_the_partitions_and_each_answers_for_all(kafka: KafkaBroker, worker: Start) -> None:
    one, other = worker("two", session_timeout_s="4"), worker("two", session_timeout_s="4")
    send(kafka, some(2_000, seed=6))
    one.start()
    other.start()
    send(kafka, some(2_000, seed=7))
    eventually(lambda: partitions_of(one) and partitions_of(other), SETTLE_S)
    rows = assert_as_the_log(kafka, one, other)
    assert assert_as_the_log(kafka, other, one) == rows
    assert partitions_of(one) | partitions_of(other) == set(range(PARTITIONS))
    answer = one.get("/api/funnel")
    assert (answer["complete"], answer["partitions"]) == (True, {"answered": 4, "of": 4})
    with Pushed(one.url) as pushed:
        eventually(lambda: pushed.last_id)
        send(kafka, some(300, seed=30))
        assert_as_told(settled(kafka, one, other), one, pushed)
    send(kafka, some(300, seed=31))
    with Pushed(other.url, pushed.last_id) as pushed:
        assert_as_told(settled(kafka, one, other), one, pushed)
        assert pushed.named("reset") == []
    with watching([one.url], every_s=0.1) as said:
        send(kafka, some(500, seed=8))
        other.signal(signal.SIGKILL)
        incomplete = eventually(lambda: (found := one.get("/api/funnel")) and not found["complete"] and found)
        assert incomplete["partitions"]["answered"] < incomplete["partitions"]["of"] == PARTITIONS
        send(kafka, some(500, seed=9))
        assert_as_the_log(kafka, one)
    assert wrong(said(), oracle.Totals(oracle.read_log(kafka.bootstrap))) == []
    assert said()


def assert_as_told(answers: oracle.Answers, worker: WorkerProcess, pushed: Pushed) -> None:
    """What was pushed, up to where the answers stand, is what the worker answers; all partitions are in it."""

    def as_far() -> bool:
        events = [body for name, body, event_id in pushed.heard if event_id]
        offsets = {topic: {int(at): to for at, to in of.items()} for topic, of in events[-1]["offsets"].items()}
        return bool(offsets == answers.offsets)

    eventually(as_far, SETTLE_S)
    for name, path in (("products", "/api/products/"), ("stock", "/api/stock/"), ("orders", "/api/orders/")):
        rows = pushed.rows(name)
        assert rows
        for key, row in itertools.islice(rows.items(), 50):
            told = worker.get(path + urllib.parse.quote(key, safe=""))
            assert told == {**told, **row}


def partitions_of(worker: WorkerProcess) -> set[int]:
    """The partition numbers that this worker owns."""
    try:
        return set(oracle.own_partitions(worker.url))
    except OSError:
        return set()


@pytest.mark.parametrize(("command", "named"), [("agents", "fold-produit-consulte"), ("tables", "products")])
def test_faust_s_own_lists_need_no_kafka(command: str, named: str, tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "shopnow_streams.app", command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "SHOPNOW_KAFKA": "127.0.0.1:1", "SHOPNOW_DATA_DIR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert named in listed.stdout
    assert not (tmp_path / "none").exists()


# from here on each test leaves the topics in a state that others would not expect


def test_a_topic_that_was_recreated_is_refused_though_it_has_more_records_than_the_old_one(
    kafka: KafkaBroker, worker: Start
) -> None:
    one = worker("recreated", log_format="json")
    send(kafka, some(1_000, seed=20))
    one.start()
    before = assert_as_the_log(kafka, one)
    assert one.stop() == 0
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_topics(["stock-mis-a-jour"]).values():
        future.result(30)
    eventually(lambda: "stock-mis-a-jour" not in admin.list_topics(timeout=30).topics)
    make_topics(kafka.bootstrap)
    longer = max(before.offsets["stock-mis-a-jour"].values()) + 10
    send(kafka, [Sent("stock-mis-a-jour", None, b"neuf", number % PARTITIONS) for number in range(longer * PARTITIONS)])
    one.start()
    eventually(one.ended, SETTLE_S)
    assert one.process is not None
    assert one.process.returncode not in (0, None)
    refusal = r"OffsetsLost.*stock-mis-a-jour partition \d: the topic was deleted and made anew"
    said = [line for line in logged(one) if re.search(refusal, line["event"])]
    assert said
    for line in said:
        assert (line["topic"], line["partition"] in range(PARTITIONS)) == ("stock-mis-a-jour", True)
    assert before.offsets["stock-mis-a-jour"][0] > 1


def test_a_worker_is_ready_though_the_last_of_a_topic_is_a_transaction_s_marker(
    kafka: KafkaBroker, worker: Start
) -> None:
    foreign = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "marker"})
    foreign.init_transactions(30)
    foreign.begin_transaction()
    foreign.produce("stock-mis-a-jour", b'{"id_produit":1,"stock":1,"timestamp":"2026-11-27T18:00:00Z"}', partition=0)
    foreign.flush(30)
    foreign.abort_transaction(30)
    one = worker("marker")
    one.start()
    eventually(lambda: (one.get("/health/ready") or {}).get("status") == "ready", SETTLE_S)
    eventually(lambda: (one.get("/health/ready") or {}).get("lag") == 0, SETTLE_S)


def test_a_reject_that_fills_a_record_to_the_broker_s_limit_stops_nothing(kafka: KafkaBroker, worker: Start) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 1_048_588})
    refused: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refused.append(error)

    producer.produce("produit-consulte", b"{" + b"x" * 1_048_400, on_delivery=delivered)
    assert producer.flush(30) == 0
    assert not refused
    one = worker("large")
    one.start()
    assert_as_the_log(kafka, one)
