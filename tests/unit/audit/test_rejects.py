"""The reject topic as rows: which records of ours were set aside."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import KafkaError

from shopnow_streams.audit import rejects
from shopnow_streams.audit.files import RowFile
from shopnow_streams.audit.rejects import STRANGERS, Rejects, complete_rejects, read_rejects
from shopnow_streams.audit.rows import REJECTIONS, reasons
from shopnow_streams.audit.snapshot import EventTime, Snapshot
from shopnow_streams.errors import KafkaUnavailable
from shopnow_streams.kafka_config import KafkaConnection
from shopnow_streams.topics import REJECTS
from tests.fakes import FakeClient, Record

STANDING = {2: {"produit-consulte": 10}}
EOF = Record(at=(REJECTS, 0), failure=KafkaError(KafkaError._PARTITION_EOF))


class Reject(Record):
    """A record of the reject topic."""

    def __init__(self, offset: int, headers: list[tuple[str, bytes]] | None) -> None:
        super().__init__(offset, at=(REJECTS, 0))
        self._headers = headers

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self._headers


def reject(at: int, partition: bytes, offset: bytes, topic: bytes = b"produit-consulte") -> Reject:
    return Reject(
        at, [("reason", b"not-json"), ("topic", topic), ("partition", partition), ("offset", offset), ("detail", b"")]
    )


Read = Any


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Reads a topic of these records, the first of which is at `first`."""

    def of(records: list[Any], first: int = 0, end: bool = True) -> Any:
        client = FakeClient({(REJECTS, 0): records})
        after = records[-1].offset() + 1 if records else first
        if end:
            client.failing_at[((REJECTS, 0), after)] = EOF
        monkeypatch.setattr(rejects, "Consumer", client)
        monkeypatch.setattr(
            rejects, "KafkaAdmin", lambda _: type("Admin", (), {"watermarks": lambda *_: {0: (first, after)}})()
        )
        found = read_rejects(KafkaConnection("127.0.0.1:1"), STANDING, tmp_path / "rejects.parquet")
        assert client.closed
        assert client.config["isolation.level"] == "read_committed"
        rows = pq.read_table(found.file)
        return found, [tuple(row.values()) for row in rows.to_pylist()]

    return of


def test_a_row_a_record_below_the_offsets_and_one_that_came_twice_is_two(read: Read) -> None:
    found, rows = read([reject(0, b"2", b"9"), reject(1, b"2", b"10"), reject(2, b"1", b"3"), reject(3, b"2", b"9")])
    assert rows == [(2, "produit-consulte 9", "not-json")] * 2
    assert (found.count, found.whole) == (2, True)


@pytest.mark.parametrize("headers", [None, [], [("topic", b"x")], [("topic", b"\xff"), ("reason", b"r")]])
def test_what_is_no_reject_is_not_passed_over(read: Read, headers: list[tuple[str, bytes]] | None) -> None:
    _, rows = read([Reject(5, headers)])
    assert rows == [(STRANGERS, f"{REJECTS} 0:5", "no reject of ours")]


def test_a_topic_whose_beginning_is_gone_is_not_whole(read: Read) -> None:
    found, rows = read([reject(7, b"2", b"9")], first=7)
    assert (found.whole, len(rows)) == (False, 1)


def test_an_empty_topic_is_read_without_waiting(read: Read) -> None:
    found, rows = read([])
    assert (found.count, rows) == (0, [])


def test_a_kafka_that_gives_no_more_is_said(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "_IDLE_S", 0.0)
    with pytest.raises(KafkaUnavailable, match="gives no more"):
        read([reject(0, b"2", b"9")], end=False)


def counted(tmp_path: Path, by_reason: dict[str, int]) -> Snapshot:
    with RowFile(tmp_path / "rejections.parquet", REJECTIONS.schema()) as file:
        file.add((2, "produit-consulte", reasons(by_reason)))
    return Snapshot(REJECTIONS.name, 2, {"produit-consulte": 10}, 1, tmp_path / "rejections.parquet", EventTime(0, 0))


@pytest.mark.parametrize(
    ("whole", "within_s", "reads"), [(True, 60.0, 3), (False, 60.0, 1), (True, -1.0, 1)], ids=["waits", "part", "over"]
)
def test_what_the_workers_counted_is_waited_for_where_it_can_still_come(
    whole: bool, within_s: float, reads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([Rejects(tmp_path, count, whole) for count in (0, 4, 5)])
    asked: list[Any] = []

    def read_some(_connection: KafkaConnection, at: Any, _file: Path) -> Rejects:
        asked.append(at)
        return next(found)

    monkeypatch.setattr(rejects, "read_rejects", read_some)
    monkeypatch.setattr(rejects, "_PAUSE_S", 0.0)
    monkeypatch.setattr(rejects, "SENT_WITHIN_S", within_s)
    snapshot = counted(tmp_path, {"not-json": 3, "not-valid": 2})
    complete_rejects(KafkaConnection("127.0.0.1:1"), [snapshot], tmp_path / "rejects.parquet", lambda _: None)
    assert asked == [{2: {"produit-consulte": 10}}] * reads
