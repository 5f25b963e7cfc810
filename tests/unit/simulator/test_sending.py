"""Runs against librdkafka's mock broker: pace, faults, the end of a run, and a ledger that Kafka agrees with."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from shopnow_streams.cli.simulate import UntilStopped
from shopnow_streams.cli.simulate import simulate as command
from shopnow_streams.errors import DeliveryFailed, EventRejected, OffsetsLost, SettingsError
from shopnow_streams.events import decode
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.producer import ShopProducer
from shopnow_streams.simulator import Ledger, LedgerFile, Progress, SimulationOptions, simulate
from shopnow_streams.simulator import sending as module
from shopnow_streams.simulator.recount import HEADER, _read, ends, recount
from shopnow_streams.topics import Topic


@pytest.fixture
def kafka() -> Iterator[KafkaConnection]:
    """The mock broker of a producer, as others find it."""
    host = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": "1"})
    (broker,) = host.list_topics(timeout=10).brokers.values()
    for topic in Topic:
        host.list_topics(topic, timeout=10)  # makes it
    yield KafkaConnection(f"{broker.host}:{broker.port}")
    host.close()


@pytest.fixture(autouse=True)
def no_stragglers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on its way to the mock broker when a run has ended."""
    monkeypatch.setattr("shopnow_streams.simulator.recount.SETTLE_S", 0.0)


def records(kafka: KafkaConnection) -> list[Any]:
    until = ends(kafka)
    spans = {(topic, number): (0, end) for topic, ends_ in until.items() for number, end in ends_.items() if end}
    return list(_read(kafka, spans))


def same(one: Ledger, other: Ledger) -> bool:
    """Whether two ledgers of the same id counted the same."""
    counts = ("events", "malformed", "products", "orders", "stock", "hours")
    return all(getattr(one, name) == getattr(other, name) for name in counts)


def read_back(kafka: KafkaConnection, ledger: Ledger) -> Ledger:
    """The ledger again, counted from all that Kafka has."""
    again = Ledger(id=ledger.id)
    recount(kafka, again)
    return again


FAULTS = SimulationOptions(rate=None, seed=3, records=3_000, malformed=0.1, null_keys=0.2)


def with_ledger(options: SimulationOptions, path: Path, **changes: Any) -> SimulationOptions:
    fields = {name: getattr(options, name) for name in options.__dataclass_fields__}
    return SimulationOptions(**(fields | {"ledger": path} | changes))


def test_the_ledger_is_what_kafka_has(kafka: KafkaConnection, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    done = simulate(kafka, with_ledger(FAULTS, path))
    ledger = LedgerFile(path).load()
    assert done.ledger == ledger
    assert ledger.closed
    assert (done.sent, done.acknowledged, done.in_flight, done.failed) == (3_000, 3_000, 0, 0)
    assert sum(ledger.events.values()) + sum(ledger.malformed.values()) == 3_000
    assert sum(ledger.malformed.values()) == done.malformed
    assert 200 < done.malformed < 400
    assert same(read_back(kafka, ledger), ledger)


def test_records_are_as_asked_for(kafka: KafkaConnection, tmp_path: Path) -> None:
    done = simulate(kafka, with_ledger(FAULTS, tmp_path / "ledger.json"))
    assert done.ledger is not None
    seen: Counter[str] = Counter()
    for record in records(kafka):
        assert record.headers() == [(HEADER, done.ledger.id.encode())]
        seen["null key"] += record.key() is None
        try:
            event = decode(record.topic(), record.value())
        except EventRejected:
            seen["malformed"] += 1
        else:
            seen["keyed"] += record.key() is not None
            assert abs(event.timestamp - datetime.now(UTC)) < timedelta(minutes=5)
    assert seen["malformed"] == done.malformed
    assert 450 < seen["null key"] < 750


def test_a_second_run_adds_to_the_ledger(kafka: KafkaConnection, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    for runs in (1, 2, 3):
        simulate(kafka, with_ledger(FAULTS, path, records=500))
        ledger = LedgerFile(path).load()
        assert ledger.runs == runs
        assert sum(ledger.events.values()) + sum(ledger.malformed.values()) == 500 * runs
        assert same(read_back(kafka, ledger), ledger)
    assert len(ledger.orders) == ledger.events[Topic.ORDER_PLACED]  # no run uses another's order ids


def test_other_senders_are_not_counted(kafka: KafkaConnection, tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    simulate(kafka, with_ledger(FAULTS, one, records=400))
    simulate(kafka, with_ledger(FAULTS, other, records=300))
    simulate(kafka, SimulationOptions(rate=None, records=200))
    for path, count in ((one, 400), (other, 300)):
        ledger = LedgerFile(path).load()
        again = read_back(kafka, ledger)
        assert sum(again.events.values()) + sum(again.malformed.values()) == count
        assert same(again, ledger)


def test_a_run_that_died_is_read_back(kafka: KafkaConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.json"
    simulate(kafka, with_ledger(FAULTS, path, records=500))
    monkeypatch.setattr(module._Run, "close", lambda *_: Progress())  # dies before it can close its books
    simulate(kafka, with_ledger(FAULTS, path, records=700))
    assert not LedgerFile(path).load().closed
    monkeypatch.undo()
    simulate(kafka, with_ledger(FAULTS, path, records=100))
    ledger = LedgerFile(path).load()
    assert ledger.closed
    assert sum(ledger.events.values()) + sum(ledger.malformed.values()) == 1_300
    assert same(read_back(kafka, ledger), ledger)


@pytest.mark.parametrize("save_every_s", [0.0, 3_600.0])
def test_a_failed_delivery_ends_in_a_recount(
    kafka: KafkaConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_every_s: float
) -> None:
    path = tmp_path / "ledger.json"
    monkeypatch.setattr("shopnow_streams.simulator.book.SAVE_EVERY_S", save_every_s)
    sent = 0

    class Doubtful(ShopProducer):
        def send_raw(self, topic: str, value: Any, key: Any = None, headers: Any = None) -> Any:
            nonlocal sent
            sent += 1
            pending = super().send_raw(topic, value, key, headers)
            if sent == 300:
                self.flush()  # Kafka has it, and yet its sender hears that it failed
                pending._failure = DeliveryFailed("in doubt")
            return pending

    monkeypatch.setattr(module, "ShopProducer", Doubtful)
    with pytest.raises(DeliveryFailed, match="1 of 1000 records were not acknowledged; the first: in doubt"):
        simulate(kafka, with_ledger(FAULTS, path, records=1_000))
    ledger = LedgerFile(path).load()
    assert ledger.closed
    assert sum(ledger.events.values()) + sum(ledger.malformed.values()) == 1_000
    assert same(read_back(kafka, ledger), ledger)


def test_offsets_that_kafka_does_not_have(kafka: KafkaConnection, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    LedgerFile(path).save(Ledger(closed=False, next_offsets={"produit-consulte": {0: 10**6}}))
    with pytest.raises(OffsetsLost, match="begin a new ledger"):
        simulate(kafka, SimulationOptions(records=1, ledger=path))


def test_the_same_seed_sends_the_same(kafka: KafkaConnection) -> None:
    for _ in range(2):
        simulate(kafka, SimulationOptions(rate=None, seed=5, records=400, start=datetime(2025, 11, 28, tzinfo=UTC)))
    keys = Counter(
        (record.topic(), record.key())
        for record in records(kafka)
        if record.topic() in ("produit-consulte", "article-ajoute")
    )
    assert all(count % 2 == 0 for count in keys.values())


def test_the_rate_is_kept(kafka: KafkaConnection) -> None:
    seen: list[Progress] = []
    done = simulate(kafka, SimulationOptions(rate=400, duration_s=1.5), seen.append)
    assert 300 <= done.sent <= 610  # fewer only where the machine stalled for a second
    assert len(seen) > 4
    assert seen[-1] == done
    assert 0 < seen[-1].per_second < 450


def test_a_slow_rate_sends_at_once_and_then_waits(kafka: KafkaConnection) -> None:
    began = time.monotonic()
    assert simulate(kafka, SimulationOptions(rate=0.01, duration_s=0.5)).sent == 1
    assert time.monotonic() - began < 10


def test_it_stops_when_told_and_waits_for_what_it_sent(kafka: KafkaConnection) -> None:
    stop = threading.Event()
    done = simulate(kafka, SimulationOptions(rate=None), lambda at: stop.set() if at.sent > 1_000 else None, stop)
    assert done.acknowledged == done.sent > 1_000


def test_days_long_past(kafka: KafkaConnection) -> None:
    start = datetime(2025, 11, 21, tzinfo=UTC)
    simulate(kafka, SimulationOptions(rate=500, duration_s=1.0, start=start, speed=86_400))
    moments = [decode(record.topic(), record.value()).timestamp for record in records(kafka)]
    assert start <= min(moments) < start + timedelta(hours=6)
    assert start + timedelta(hours=12) < max(moments) < start + timedelta(days=2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": -1},
        {"duration_s": -1},
        {"records": -1},
        {"speed": 0},
        {"malformed": 1.0},
        {"null_keys": 2},
        {"start": datetime(2025, 11, 21)},
    ],
)
def test_options_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        SimulationOptions(**wrong)


class TestCommand:
    def test_runs(self, kafka: KafkaConnection, tmp_path: Path) -> None:
        path = tmp_path / "ledger.json"
        arguments = ["--rate", "max", "--events", "300", "--seed", "7", "--ledger", str(path)]
        ran = CliRunner().invoke(command, arguments, env={"SHOPNOW_KAFKA": kafka.bootstrap}, catch_exceptions=False)
        assert ran.exit_code == 0
        assert "Kafka has 300 records (0 malformed)" in ran.stdout
        assert sum(LedgerFile(path).load().events.values()) == 300

    def test_speaks_json(self, kafka: KafkaConnection) -> None:
        ran = CliRunner().invoke(
            command, ["--rate", "max", "--events", "10", "--json"], env={"SHOPNOW_KAFKA": kafka.bootstrap}
        )
        assert '"acknowledged": 10' in ran.stdout

    @pytest.mark.parametrize(
        "arguments", [["--rate", "0"], ["--rate", "fast"], ["--start", "hier"], ["--start", "2025-11-28T10:00:00"]]
    )
    def test_refuses(self, arguments: list[str]) -> None:
        assert CliRunner().invoke(command, arguments).exit_code == 2

    def test_a_second_signal_is_impatience(self) -> None:
        stop = UntilStopped()
        stop._heard(2, None)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            stop._heard(2, None)
