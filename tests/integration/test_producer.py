"""The door and the simulator against a real broker: killed, restarted, and asked afterwards what it has."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, TopicPartition

from shopnow_streams.events import ProductViewed, encode
from shopnow_streams.kafka_admin import KafkaAdmin
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import AsyncShopProducer, Delivery, ShopProducer, envoyer_evenement
from shopnow_streams.simulator import Ledger, LedgerFile, shoppers, steady_clock
from shopnow_streams.simulator.recount import recount
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import Topic
from tests.conftest import ROOT, eventually

PARTITIONS = 4
NOW = datetime(2025, 11, 28, 10, 30, tzinfo=UTC)
COUNTS = ("events", "malformed", "products", "orders", "stock", "hours")


@pytest.fixture
def connection(kafka: KafkaBroker) -> KafkaConnection:
    connection = KafkaConnection(kafka.bootstrap)
    KafkaAdmin(connection).create(PARTITIONS, 1)
    return connection


def viewed(product: int) -> ProductViewed:
    return ProductViewed(timestamp=NOW, id_produit=product, nom_produit="T-shirt en coton bio", prix=29.99)


def at(connection: KafkaConnection, delivery: Delivery) -> bytes | None:
    """The value that Kafka keeps there."""
    consumer = Consumer({**connection.librdkafka(), "group.id": "test"})
    try:
        consumer.assign([TopicPartition(delivery.topic, delivery.partition, delivery.offset)])
        message = consumer.poll(30)
        assert message is not None
        assert message.offset() == delivery.offset
        return message.value()
    finally:
        consumer.close()


def test_a_group_that_nobody_knows_committed_nothing(connection: KafkaConnection) -> None:
    """On a broker that had no group yet; asked otherwise, this ended the process."""
    admin = KafkaAdmin(connection)
    assert admin.group_offsets("nobody") == {}
    one = TopicPartition(Topic.PRODUCT_VIEWED, 1, 7)
    consumer = Consumer({**connection.librdkafka(), "group.id": "somebody"})
    consumer.commit(offsets=[one], asynchronous=False)
    consumer.close()
    assert admin.group_offsets("somebody") == {(str(Topic.PRODUCT_VIEWED), 1): 7}


def test_a_delivery_says_where_the_event_is(connection: KafkaConnection) -> None:
    with ShopProducer(connection) as shop:
        delivery = shop.send_and_wait(viewed(1597))
    assert at(connection, delivery) == encode(viewed(1597))
    assert abs(delivery.timestamp_ms / 1_000 - time.time()) < 60


def test_a_key_has_the_partition_that_other_clients_give_it(connection: KafkaConnection) -> None:
    with ShopProducer(connection) as shop:
        pending = [shop.send(viewed(product)) for product in range(200)]
        shop.flush()
    for product, each in enumerate(pending):
        assert each.result().partition == (murmur2(str(product).encode()) & 0x7FFFFFFF) % PARTITIONS


async def test_async_deliveries(connection: KafkaConnection) -> None:
    async with AsyncShopProducer(connection) as shop:
        pending = [await shop.send(event) for event in islice(shoppers(1, steady_clock(NOW, 10)), 5_000)]
        places = [await each for each in pending]
        assert len(set(places)) == 5_000
        alone = await asyncio.wait_for(await shop.send(viewed(1)), 30)
    assert alone not in places


def test_the_seed_s_function(connection: KafkaConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPNOW_KAFKA", connection.bootstrap)
    data = {"id_produit": 1597, "stock": 3, "timestamp": "2025-11-28T10:30:00Z", "entrepot": "Lyon"}
    delivery = envoyer_evenement("stock-mis-a-jour", data)
    assert b'"entrepot":"Lyon"' in (at(connection, delivery) or b"")


def test_a_broker_that_dies_loses_and_repeats_nothing(kafka: KafkaBroker, connection: KafkaConnection) -> None:
    stop = threading.Event()
    sent = []
    with ShopProducer(connection) as shop:

        def work() -> None:
            for event in shoppers(2, steady_clock(NOW, 10)):
                if stop.is_set():
                    return
                sent.append(shop.send(event))
                time.sleep(0.0005)

        before = _records(connection)
        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(2):
            time.sleep(1.0)
            kafka.kill()
            time.sleep(0.5)
            kafka.start()
        time.sleep(1.0)
        stop.set()
        thread.join()
        shop.flush(60)
    places = {pending.result(0) for pending in sent}
    assert len(places) == len(sent) > 500
    assert _records(connection) - before == len(sent)


class TestSimulator:
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger.json"

    def start(self, connection: KafkaConnection, ledger: Path, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from shopnow_streams.cli import main; main()",
                "simulate",
                "--ledger",
                ledger,
                *arguments,
            ],
            cwd=ROOT,
            env=os.environ | {"SHOPNOW_KAFKA": connection.bootstrap},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def check(self, connection: KafkaConnection, path: Path) -> Ledger:
        """The ledger is closed, and is what Kafka has of it, counted from the first offset."""
        ledger = LedgerFile(path).load()
        assert ledger.closed
        again = Ledger(id=ledger.id)
        recount(connection, again)
        for name in COUNTS:
            assert getattr(again, name) == getattr(ledger, name), name
        return ledger

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_it_with_its_books_closed(
        self, connection: KafkaConnection, ledger: Path, number: int
    ) -> None:
        process = self.start(connection, ledger, "--rate", "2000", "--malformed", "0.05", "--null-keys", "0.1")
        eventually(ledger.exists)
        time.sleep(1.0)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert sum(self.check(connection, ledger).events.values()) > 100

    def test_kill_9_loses_nothing(self, connection: KafkaConnection, ledger: Path) -> None:
        chance = random.Random(9)
        for runs in range(1, 6):
            process = self.start(connection, ledger, "--rate", "max", "--malformed", "0.02", "--null-keys", "0.05")
            eventually(lambda runs=runs: ledger.exists() and LedgerFile(ledger).load().runs == runs)  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 1.5))
            process.kill()
            process.communicate(timeout=60)
            assert not LedgerFile(ledger).load().closed
        process = self.start(connection, ledger, "--rate", "max", "--events", "1000")
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert b"was not closed" in said
        kept = self.check(connection, ledger)
        assert kept.runs == 6
        assert sum(kept.events.values()) > 2_000


def _records(connection: KafkaConnection) -> int:
    return sum(topic.offsets for topic in KafkaAdmin(connection).topics())
