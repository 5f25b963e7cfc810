"""The writer on a real broker: one that was fenced says so, whatever it has under way, and writes nothing more."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from shopnow_streams.errors import WriterFenced
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.topics import REJECTS
from tables.cut import Change, Cut
from tables.writer import PartitionWriter
from tests.oracle import read_log

TABLES = ("products", "stock", "orders", "hours", "positions")
CHANGELOGS = {table: f"fenced-{table}-changelog" for table in TABLES}
ATTEMPTS = 10


@pytest.fixture(scope="module")
def bootstrap(kafka: KafkaBroker) -> Iterator[str]:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topics = [*CHANGELOGS.values(), *({REJECTS} - admin.list_topics(timeout=30).topics.keys())]
    for made in admin.create_topics([NewTopic(topic, 4, 1) for topic in topics]).values():
        made.result(30)
    yield kafka.bootstrap
    for deleted in admin.delete_topics(list(CHANGELOGS.values())).values():
        deleted.result(30)


def cut_of(rows: int) -> Cut:
    changed: dict[str, list[Change]] = {table: [(b"%d" % row, b"x" * 100) for row in range(rows)] for table in TABLES}
    return Cut(1, changed, {}, [])


def test_a_writer_that_was_fenced_says_so_however_many_errors_come_at_once(bootstrap: str) -> None:
    """Each topic's request is refused by itself, and librdkafka reports and logs each of them."""
    for attempt in range(ATTEMPTS):
        zombie, owner = (
            PartitionWriter({"bootstrap.servers": bootstrap}, f"fenced-{attempt}", 1, CHANGELOGS) for _ in range(2)
        )
        try:
            zombie.open()
            ends = zombie.commit(cut_of(1))
            assert ends.keys() == set(CHANGELOGS.values())
            owner.open()
            with pytest.raises(WriterFenced, match=f"partition 1: another worker took over .fenced-{attempt}"):
                zombie.commit(cut_of(2_000))
            owner.commit(cut_of(1))
        finally:
            zombie.close()
            owner.close()
    written = read_log(bootstrap, list(CHANGELOGS.values())).records
    assert len(written) == ATTEMPTS * 2 * len(TABLES)
