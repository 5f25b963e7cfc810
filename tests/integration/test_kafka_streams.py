"""The peer on Kafka Streams keeps the rows that our folds make of the same records, all tables of them.

Else the benchmark would compare two different pieces of work.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from faust.types import TP

from benchmarks.kafka_streams import KafkaStreams, kafka_streams
from benchmarks.load import mixed
from benchmarks.worker import Group, started
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import JavaMissing
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.distinct import FEW
from shopnow_streams.folds.shoppers import NO_ORDER_MS
from shopnow_streams.folds.windows import MINUTE
from shopnow_streams.stack.kafka import KafkaBroker
from tables.partition import Partition
from tables.store import PartitionStore
from tables.windowed import WindowedRows
from tests import oracle
from tests.chaos.fleet import make_topics
from tests.chaos.traffic import PARTITIONS
from tests.conftest import CACHE
from tests.fakes import Record, apply
from tests.integration import streams_rows

pytestmark = pytest.mark.timeout(300)

APPLICATION = "peer"
EVENTS = 10_000
CUSTOMERS = 60
STEP = timedelta(seconds=20)
"""More than two days of event time in all: some minutes have become days."""
START = datetime(2025, 11, 28, 12, tzinfo=UTC)
PARIS = timezone(timedelta(hours=1))


@pytest.fixture(scope="module")
def peer() -> KafkaStreams:
    try:
        return kafka_streams(CACHE, lambda _: None)
    except JavaMissing as missing:
        pytest.skip(str(missing))


def traffic() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The benchmark's mix with fewer customers, so that they come back, and with what is rare in a load."""
    for number, (topic, key, value) in enumerate(mixed(EVENTS)):
        event = json.loads(value)
        if "user_id" in event:
            event["user_id"] = None if topic == "produit-consulte" and number % 7 == 0 else event["user_id"] % CUSTOMERS
        if "articles" in event and number % 3 == 0:
            event["articles"][1]["id_produit"] = event["articles"][0]["id_produit"]
        yield topic, key, event | {"timestamp": moment(number).isoformat()}


def moment(number: int) -> datetime:
    """Mostly one after another, with a while of being late, too late, or ahead."""
    if number % 400 == 11:
        return datetime.now(UTC) + timedelta(days=1)
    behind = {7: timedelta(hours=3), 9: timedelta(minutes=50)}.get(number % 50, timedelta(0))
    return (START + number * STEP - behind).astimezone(PARIS if number % 5 == 0 else UTC)


def send(kafka: KafkaBroker, events: Iterator[tuple[str, str, dict[str, Any]]]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
    for topic, key, event in events:
        producer.produce(topic, json.dumps(event), key)
    assert producer.flush(30) == 0


def partitions(log: oracle.Log, folder: Path) -> list[Partition]:
    """Ours of the same records, with nothing moved yet."""
    made = [Partition(number, TABLES, PartitionStore(folder / str(number))) for number in range(PARTITIONS)]
    records: dict[tuple[str, int], list[Record]] = {}
    for each in log.records:
        record = Record(each.offset, each.value, each.key, stamp_ms=each.stamp_ms)
        records.setdefault((each.topic, each.partition), []).append(record)
    for (topic, number), of in records.items():
        apply(made[number], Batch(TP(topic, number), of, 0, 1))
    return made


def move(rows: WindowedRows[Any], moment: datetime) -> None:
    """All that is due by then, in as many steps as it takes."""
    before = None
    while rows.stands != before:
        before = rows.stands
        rows.advance(moment)


def caught_up(kafka: KafkaBroker, peer: KafkaStreams, folder: Path) -> list[Partition]:
    """Run the peer until it has folded all there is, and moved what is due by then; ours of the same, moved as far."""
    folder.mkdir()
    log = oracle.read_log(kafka.bootstrap)
    ours = partitions(log, folder / "ours")
    clocks = {("activity", one.number): MINUTE.start(one.clock) for one in ours}
    command = peer.command(kafka.bootstrap, APPLICATION, folder, all_tables=True)
    group = Group(kafka.bootstrap, APPLICATION)
    with started(command, folder / "log", {}) as worker:
        worker.until(lambda: group.assigned(PARTITIONS), give_up_s=120)
        worker.until(lambda: group.committed() >= len(log.records), give_up_s=120)
        worker.until(lambda: clocks.items() <= streams_rows.stands(kafka.bootstrap, APPLICATION).items(), 60)
    for (table, number), moment in streams_rows.stands(kafka.bootstrap, APPLICATION).items():
        rows = ours[number].tables[table]
        assert isinstance(rows, WindowedRows)
        move(rows, moment)
    return ours


def assert_same_rows(kafka: KafkaBroker, ours: list[Partition]) -> None:
    theirs = streams_rows.rows(kafka.bootstrap, APPLICATION)
    for partition in ours:
        for table in streams_rows.FORMS:
            expected = dict(partition.tables[table].everything())
            assert theirs[table, partition.number] == expected, (table, partition.number)


def test_every_row_is_as_ours_and_a_peer_that_starts_anew_goes_on_from_its_changelogs(
    kafka: KafkaBroker, peer: KafkaStreams, tmp_path: Path
) -> None:
    make_topics(kafka.bootstrap)
    events = traffic()
    send(kafka, islice(events, EVENTS // 2))
    assert_same_rows(kafka, caught_up(kafka, peer, tmp_path / "first"))
    send(kafka, events)
    ours = caught_up(kafka, peer, tmp_path / "second")
    assert_same_rows(kafka, ours)
    assert_of_every_kind(ours)


def assert_of_every_kind(ours: list[Partition]) -> None:
    """Else little would have been compared."""
    moved = sum((partition.moved for partition in ours), Counter())
    assert set(moved) == {("activity", "longer"), ("shop", "longer"), ("shoppers", "forgotten")}
    activity, shop, shoppers, late = (
        [row for partition in ours for row in partition.tables[table].everything()]
        for table in ("activity", "shop", "shoppers", "late")
    )
    assert {str(key)[0] for key, _ in (*activity, *shop)} == {"m", "h", "d"}
    assert max(row.viewers.count for _, row in shop if row.viewers) > FEW
    assert {len(row.visits) for _, row in shoppers} >= {1, 2}
    assert any(len(row.cart) > 1 for _, row in shoppers)
    assert any(row.cart and row.ordered_ms != NO_ORDER_MS for _, row in shoppers)
    assert any(row.late for _, row in late)
    assert any(row.ahead for _, row in late)
