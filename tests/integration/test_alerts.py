"""Alerts on a real broker: each transition is on the topic once, whoever is killed or stopped at which moment."""

import json
import signal
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from shopnow_streams.alerting.log import AlertLog
from shopnow_streams.errors import WriterFenced
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import ALERTS
from tests import oracle
from tests.chaos.traffic import PARTITIONS
from tests.conftest import WorkerProcess, eventually
from tests.integration.hook import SECRET, Hook
from tests.unit.alerts.facts import transition

pytestmark = pytest.mark.timeout(180)

SETTLE_S = 60.0
STOCK = "stock-mis-a-jour"
LOW, PLENTY = 3, 40


@pytest.fixture(scope="module", autouse=True)
def topics(kafka: KafkaBroker) -> None:
    KafkaAdmin(KafkaConnection(kafka.bootstrap)).create(PARTITIONS, 1)


def written(kafka: KafkaBroker) -> list[tuple[int, str, Any]]:
    """Offset, key and value of all that is committed on the topic."""
    client = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "test",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    client.assign([TopicPartition(ALERTS, 0, 0)])
    found = []
    try:
        while True:
            for message in client.consume(500, 0.1):
                error = message.error()
                if error is None:
                    key, value = message.key() or b"", message.value()
                    found.append((message.offset() or 0, key.decode(), json.loads(value or b"null")))
                elif error.code() == KafkaError._PARTITION_EOF:
                    return found
    finally:
        client.close()


class Shop:
    """Counts products, low and plenty in turn, and knows which transitions have to follow."""

    def __init__(self, kafka: KafkaBroker) -> None:
        self.expected: dict[str, list[str]] = defaultdict(list)
        self.counted_at: dict[str, tuple[int, int]] = {}
        self._kafka = kafka
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0})

    def send(self, topic: str, **event: Any) -> tuple[int, int]:
        """Where it is."""
        at: list[Any] = []
        value = json.dumps({"timestamp": datetime.now(UTC).isoformat(), **event}).encode()
        self._producer.produce(topic, value, on_delivery=lambda _error, message: at.append(message))
        assert self._producer.flush(30) == 0
        return at[0].partition(), at[0].offset()

    def turn(self, *products: int) -> None:
        """Each becomes low, or plenty, as it was not before."""
        for product in products:
            states = self.expected[f"low-stock:{product}"]
            states.append("resolved" if len(states) % 2 else "raised")
            units = LOW if states[-1] == "raised" else PLENTY
            self.counted_at[f"low-stock:{product}"] = self.send(STOCK, id_produit=product, stock=units)

    def told(self) -> bool:
        """Whether all is on the topic that has to be. Fails where anything else is."""
        states: dict[str, list[str]] = defaultdict(list)
        for _, key, value in written(self._kafka):
            assert key == value["id"]
            states[key].append(value["state"])
        for key, found in states.items():
            assert found == self.expected[key][: len(found)], (key, found, self.expected[key])
        return states == self.expected


Start = Callable[..., WorkerProcess]


def owned(worker: WorkerProcess) -> set[int]:
    try:
        return set(oracle.own_partitions(worker.url))
    except OSError:
        return set()


def on_duty(workers: list[WorkerProcess]) -> WorkerProcess:
    """The one that owns partition 0, once each owns some."""

    def found() -> WorkerProcess | None:
        parts = [owned(each) for each in workers]
        if not all(parts) or set().union(*parts) != set(range(PARTITIONS)):
            return None
        return next(each for each, numbers in zip(workers, parts, strict=True) if 0 in numbers)

    one: WorkerProcess = eventually(found, SETTLE_S)
    return one


def test_each_transition_is_on_the_topic_once_whoever_is_killed_or_stopped(
    kafka: KafkaBroker, worker: Start, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    shop = Shop(kafka)
    with Hook() as hook:
        workers = [
            worker(
                "alerting",
                session_timeout_s="3",
                flush_interval_s="0.2",
                alerts_interval_s="0.2",
                alert_low_stock="5",
                alert_unpaid_minutes="0.02",
                alert_webhook_url=hook.url,
                alert_webhook_secret_file=str(tmp_path / "secret"),
            )
            for _ in range(3)
        ]
        for each in workers:
            each.start()
        duty = on_duty(workers)
        shop.turn(1, 2, 3)
        eventually(shop.told, SETTLE_S)
        shop.turn(1, 2)
        shop.send("commande-validee", id_commande="C-1", user_id=7, articles=[], montant_total=10.0)
        shop.expected["unpaid-order:C-1"].append("raised")
        eventually(shop.told, SETTLE_S)

        shop.turn(1, 2)  # it may have written this, or not, or be about to
        duty.signal(signal.SIGKILL)
        shop.turn(3, 4)
        shop.send("paiement-accepte", id_commande="C-1", user_id=7, montant=9.0, moyen_paiement="carte")
        shop.expected["unpaid-order:C-1"].append("resolved")
        shop.expected["payment-mismatch:C-1"].append("raised")
        eventually(shop.told, SETTLE_S)

        workers.remove(duty)
        duty = on_duty(workers)
        (other,) = (each for each in workers if each is not duty)
        shop.turn(1, 2, 3)
        duty.signal(signal.SIGSTOP)
        eventually(lambda: owned(other) == set(range(PARTITIONS)), SETTLE_S)
        shop.turn(4, 5)
        eventually(shop.told, SETTLE_S)
        shop.turn(1, 5)
        duty.signal(signal.SIGCONT)  # it is not what it was, and may not say a word
        shop.turn(2)
        eventually(shop.told, SETTLE_S)
        eventually(lambda: duty.ended() or 0 not in owned(duty), SETTLE_S)
        shop.turn(1, 2, 3, 4, 5)
        eventually(shop.told, SETTLE_S)

        on_topic = written(kafka)
        last = {key: value for _, key, value in on_topic}
        for key, (partition, offset) in shop.counted_at.items():
            assert last[key]["offsets"][STOCK][str(partition)] > offset
        answer = eventually(lambda: (all := other.get("/api/alerts?state=any")) and all["judged_at"] and all)
        assert {item["id"]: item["state"] for item in answer["items"]} == {
            key: states[-1] for key, states in shop.expected.items()
        }
        assert answer["complete"]
        assert datetime.now(UTC) - datetime.fromisoformat(answer["judged_at"]) < timedelta(seconds=30)
        eventually(lambda: len(hook.once) >= len(on_topic), SETTLE_S)
        assert hook.once == [value for _, _, value in on_topic]
        assert (hook.forged, hook.requests > len(hook.taken)) == ([], True)


def test_who_was_fenced_writes_nothing_more_and_the_next_one_knows_what_is_open(kafka: KafkaBroker) -> None:
    before = len(written(kafka))
    librdkafka = {"bootstrap.servers": kafka.bootstrap}
    zombie, owner = (AlertLog(librdkafka, "fenced") for _ in range(2))
    try:
        zombie.take_over()
        (first,) = zombie.write([transition("low-stock", "900", "raised")])
        register = owner.take_over()
        assert "low-stock:900" in register.open
        assert register.end > first.offset
        with pytest.raises(WriterFenced, match=r"^alerts: another worker took over \(fenced-alerts"):
            zombie.write([transition("low-stock", "900", "resolved")])
        (second,) = owner.write([transition("low-stock", "900", "resolved")])
        assert [(offset, value["state"]) for offset, _, value in written(kafka)[before:]] == [
            (first.offset, "raised"),
            (second.offset, "resolved"),
        ]
        owner.write([], ["low-stock:900"])
        assert written(kafka)[-1][1:] == ("low-stock:900", None)
    finally:
        zombie.close()
        owner.close()


def test_the_topic_keeps_the_last_of_each_alert_and_every_transition_for_a_week(kafka: KafkaBroker) -> None:
    assert KafkaAdmin(KafkaConnection(kafka.bootstrap)).watermarks(ALERTS).keys() == {0}
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    (future,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, ALERTS)]).values()
    config = {name: entry.value for name, entry in future.result(30).items()}
    assert config["cleanup.policy"] == "compact"
    assert config["min.compaction.lag.ms"] == config["delete.retention.ms"] == str(7 * 24 * 3_600 * 1_000)
