"""What a worker does with the store it finds at a start: older than the changelog, or of one that is gone."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from shopnow_streams.stack.kafka import KafkaBroker
from tests import oracle
from tests.chaos.fleet import make_topics
from tests.chaos.traffic import Sender, traffic
from tests.conftest import WorkerProcess, eventually

pytestmark = pytest.mark.timeout(300)
SETTLE_S = 90.0


@pytest.fixture(scope="module", autouse=True)
def topics(kafka: KafkaBroker) -> None:
    make_topics(kafka.bootstrap)


def send(kafka: KafkaBroker, count: int, seed: int) -> None:
    sender = Sender(kafka.bootstrap)
    for event in itertools.islice(traffic(seed), count):
        sender.send(event)
    sender.flush()
    assert not sender.refused


def assert_as_the_log(kafka: KafkaBroker, worker: WorkerProcess) -> None:
    """Once all is folded, every row is what the log says."""
    ends = oracle.read_ends(kafka.bootstrap)

    def rows() -> oracle.Answers | None:
        assert not worker.ended(), worker.log.read_text()[-4_000:]
        try:
            if not oracle.stands_at(worker.url, ends):
                return None
            answers = oracle.read_rows([worker.url])
        except (OSError, oracle.Incomplete):
            return None
        return answers if answers.offsets == ends else None

    answers = eventually(rows, SETTLE_S)
    assert oracle.differences(oracle.expected(oracle.read_log(kafka.bootstrap)), answers.tables) == []


def data_dir(worker: WorkerProcess) -> Path:
    return Path(worker.environment["SHOPNOW_DATA_DIR"])


def test_a_store_that_is_older_than_the_changelog_catches_up(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    one = worker("older")
    send(kafka, 3_000, seed=1)
    one.start()
    assert_as_the_log(kafka, one)
    assert one.stop() == 0
    shutil.copytree(data_dir(one), tmp_path / "old")
    one.start()
    send(kafka, 3_000, seed=2)
    assert_as_the_log(kafka, one)
    assert one.stop() == 0
    shutil.rmtree(data_dir(one))
    (tmp_path / "old").rename(data_dir(one))
    one.start()
    assert_as_the_log(kafka, one)


def test_a_store_of_a_changelog_that_is_gone_is_discarded(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess]
) -> None:
    one = worker("gone")
    send(kafka, 3_000, seed=3)
    one.start()
    assert_as_the_log(kafka, one)
    assert one.stop() == 0
    delete_changelogs(kafka, "gone")
    one.start()
    assert_as_the_log(kafka, one)
    assert "read anew" in one.log.read_text()


def test_a_store_of_a_changelog_that_is_gone_is_discarded_though_its_successor_is_longer(
    kafka: KafkaBroker, worker: Callable[..., WorkerProcess]
) -> None:
    one, other = worker("successor"), worker("successor")
    send(kafka, 3_000, seed=4)
    one.start()
    assert_as_the_log(kafka, one)
    assert one.stop() == 0
    delete_changelogs(kafka, "successor")
    other.environment["SHOPNOW_FLUSH_INTERVAL_S"] = "0.1"
    other.start()
    for seed in range(5, 11):
        send(kafka, 2_000, seed)
        assert_as_the_log(kafka, other)
    assert other.stop() == 0
    one.start()
    assert_as_the_log(kafka, one)


def delete_changelogs(kafka: KafkaBroker, application_id: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    names = [name for name in admin.list_topics(timeout=30).topics if name.startswith(f"{application_id}-")]
    assert names
    for future in admin.delete_topics(names).values():
        future.result(30)
    eventually(lambda: not set(names) & set(admin.list_topics(timeout=30).topics))
