"""The local stack for real: JVMs on free ports, data that survives them, nothing left behind."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import requests
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shopnow_streams.errors import PortBusy
from shopnow_streams.stack.hdfs import Hdfs
from shopnow_streams.stack.jars import Fetched, fetch, locked_jars
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.local import LocalStack, Ready
from shopnow_streams.stack.ports import StackPorts, free_ports
from tests.conftest import CACHE

TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("stack"), StackPorts.free(), cache=CACHE)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def broker(tmp_path: Path, java: Path) -> Iterator[KafkaBroker]:
    port, controller_port = free_ports(2)
    jars = fetch(locked_jars()["kafka"], CACHE / "jars")
    broker = KafkaBroker(
        tmp_path / "kafka",
        port=port,
        controller_port=controller_port,
        java=java,
        jars=jars,
        archives=CACHE / "cds",
    )
    yield broker
    broker.stop()


def make_topic(bootstrap: str) -> str:
    name = f"t-{uuid4().hex}"
    client = AdminClient({"bootstrap.servers": bootstrap})
    client.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])[name].result(TIMEOUT_S)
    return name


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(TIMEOUT_S) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": uuid4().hex,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 3000,
        }
    )
    try:
        consumer.subscribe([topic])
        return [message.value() for message in consumer.consume(count, TIMEOUT_S)]
    finally:
        consumer.close()


def jvms(home: Path) -> list[int]:
    """The pids of all processes whose command line names that folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in word for word in process.info["cmdline"] or ())
    ]


def test_a_message_comes_back_at_once(stack: LocalStack) -> None:
    topic = make_topic(stack.bootstrap)
    produce(stack.bootstrap, topic, b"one", b"two")
    begun_s = time.monotonic()
    assert consume(stack.bootstrap, topic, 2) == [b"one", b"two"]
    assert time.monotonic() - begun_s < 10  # Kafka's own default makes a new group wait; ours does not


def test_a_transaction_is_read_once_committed(stack: LocalStack) -> None:
    topic = make_topic(stack.bootstrap)
    producer = Producer({"bootstrap.servers": stack.bootstrap, "transactional.id": uuid4().hex})
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    producer.produce(topic, b"committed")
    producer.commit_transaction(TIMEOUT_S)
    assert consume(stack.bootstrap, topic, 1) == [b"committed"]


def test_a_topic_is_not_made_by_a_typo(stack: LocalStack) -> None:
    client = AdminClient({"bootstrap.servers": stack.bootstrap})
    name = uuid4().hex
    client.list_topics(name, timeout=TIMEOUT_S)
    assert name not in client.list_topics(timeout=TIMEOUT_S).topics


def test_a_file_is_written_renamed_and_read_over_webhdfs(stack: LocalStack) -> None:
    files = f"{stack.webhdfs_url}/webhdfs/v1"
    created = requests.put(f"{files}/a/part?op=CREATE", data=b"hello", timeout=TIMEOUT_S)
    assert created.status_code == 201
    renamed = requests.put(f"{files}/a/part?op=RENAME&destination=/a/whole", timeout=TIMEOUT_S)
    assert renamed.json() == {"boolean": True}
    assert requests.get(f"{files}/a/whole?op=OPEN", timeout=TIMEOUT_S).content == b"hello"
    taken = requests.put(f"{files}/b?op=CREATE", data=b"other", timeout=TIMEOUT_S)
    assert taken.ok
    onto = requests.put(f"{files}/b?op=RENAME&destination=/a/whole", timeout=TIMEOUT_S)
    assert onto.json() == {"boolean": False}  # what lets one writer of the archive win


def test_everything_listens_on_loopback_only(stack: LocalStack) -> None:
    listening = {
        connection.laddr.ip
        for row in stack.status()
        for connection in psutil.Process(row.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_second_start_keeps_what_runs(stack: LocalStack) -> None:
    before = [row.pid for row in stack.status()]
    steps: list[Fetched | Ready] = []
    LocalStack(stack.home, stack.ports, cache=CACHE).start(steps.append)
    assert [row.pid for row in stack.status()] == before
    assert sorted(step.service for step in steps if isinstance(step, Ready) and step.kept) == ["hdfs", "kafka"]


def test_a_port_of_a_running_stack_is_refused_to_another(stack: LocalStack, tmp_path: Path) -> None:
    other = LocalStack(tmp_path, stack.ports, cache=CACHE)
    kafka = next(row for row in stack.status() if row.process == "kafka")
    with pytest.raises(PortBusy, match=rf"{stack.ports.kafka} .*java \(pid {kafka.pid}\)"):
        other.start()
    assert jvms(tmp_path) == []


def test_a_killed_broker_comes_back_with_its_messages(broker: KafkaBroker) -> None:
    broker.start()
    topic = make_topic(broker.bootstrap)
    produce(broker.bootstrap, topic, b"before")
    broker.kill()
    assert not broker.process.alive()
    broker.start()
    produce(broker.bootstrap, topic, b"after")
    assert consume(broker.bootstrap, topic, 2) == [b"before", b"after"]
    broker.stop()
    assert jvms(broker.home) == []


def test_a_stopped_or_killed_hdfs_comes_back_with_its_files(tmp_path: Path, java: Path) -> None:
    hdfs = Hdfs(
        tmp_path / "hdfs",
        ports=StackPorts.free(),
        java=java,
        jars=fetch(locked_jars()["hdfs"], CACHE / "jars"),
        archives=CACHE / "cds",
    )
    url = f"{hdfs.webhdfs_url}/webhdfs/v1/kept"
    try:
        hdfs.start()
        assert requests.put(f"{url}?op=CREATE", data=b"kept", timeout=TIMEOUT_S).status_code == 201
        hdfs.kill()
        hdfs.start()
        assert requests.get(f"{url}?op=OPEN", timeout=TIMEOUT_S).content == b"kept"
        hdfs.stop()
        hdfs.start()
        assert requests.get(f"{url}?op=OPEN", timeout=TIMEOUT_S).content == b"kept"
    finally:
        hdfs.stop()
    assert jvms(hdfs.home) == []


def test_stop_leaves_nothing_running_and_keeps_the_data(tmp_path: Path) -> None:
    home = tmp_path / "stack"
    stack = LocalStack(home, StackPorts.free(), cache=CACHE)
    try:
        stack.start()
        assert [row.state for row in stack.status()] == ["running"] * 3
        assert len(jvms(home)) == 3
    finally:
        LocalStack(home).stop()  # another Python would know no more than the folder
    assert jvms(home) == []
    assert [row.state for row in stack.status()] == ["stopped"] * 3
    assert (home / "kafka" / "data" / "meta.properties").exists()
    stack.wipe()
    assert not home.exists()
