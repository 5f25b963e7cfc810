"""Rows of all workers to files: whoever owns a partition is found, and half an answer is no answer."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopnow_streams.audit import rows, snapshot
from shopnow_streams.audit.snapshot import Workers, highest, rules_of, standing, windows_at
from shopnow_streams.errors import AuditImpossible

RULES = snapshot.EventTime(lateness_ms=3_600_000, skew_ms=60_000)
HEAD = {"partition": 3, "offsets": {"stock-mis-a-jour": 7}, "event_time": {"lateness_ms": 3_600_000, "skew_ms": 60_000}}
ROW = ["5", {"units": 2, "counted_at": "2025-11-28T12:00:00Z", "counts": 1}]
END = {"rows": 1}


@dataclass
class FakeWorker:
    """A worker that answers what it is told, one answer after the other; the last one again and again."""

    url: str = ""
    knows: list[str] = field(default_factory=list)
    answers: list[tuple[int, list[Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    token: str = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        if path == "/internal/workers":
            told = {"application": "shop", "partitions": 4, "workers": self.knows or [self.url]}
            return 200, json.dumps(told).encode()
        self.asked.append(path)
        status, lines = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, b"".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
        )


MakeWorker = Callable[..., FakeWorker]


@pytest.fixture
def make_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorker]:
    monkeypatch.setattr(snapshot, "_PAUSE_S", 0.01)
    servers = []

    def make(*answers: tuple[int, list[Any]]) -> FakeWorker:
        fake = FakeWorker(answers=list(answers))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.headers.get("Authorization", "") == fake.token
                status, body = fake.answer(self.path) if known else (401, b"")
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing on standard error."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        fake.url = f"http://127.0.0.1:{server.server_port}"
        return fake

    yield make
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


WHOLE = (200, [HEAD, ROW, END])
NOT_MINE = (404, [{"detail": "partition 3 is not of this worker"}])


def ask(worker: FakeWorker, file: Path, owner_within_s: float = 5.0) -> snapshot.Snapshot:
    return Workers(worker.url, owner_within_s=owner_within_s).snapshot(rows.STOCK, 3, file)


def test_rows_become_a_file_that_spark_reads_exactly(make_worker: MakeWorker, tmp_path: Path) -> None:
    never = ["6", {"units": 2**63, "counted_at": "0001-01-01T00:00:00+23:59", "counts": 0}]
    old = ["7\n", {"units": 1, "counted_at": "0001-01-01T00:00:00.000001Z", "counts": 1}]
    worker = make_worker((200, [HEAD, ROW, never, old, {"rows": 3}]))
    found = ask(worker, tmp_path / "stock" / "3.parquet")
    assert (found.table, found.partition, found.offsets, found.rows) == ("stock", 3, {"stock-mis-a-jour": 7}, 3)
    table = pq.read_table(found.file)
    assert table.schema.field("counted_at").type == pa.timestamp("us", "UTC")
    assert table["partition"].to_pylist() == [3, 3, 3]
    assert table["key"].to_pylist() == ["5", "6", "7\n"]
    assert [int(units) for units in table["units"].to_pylist()] == [2, 2**63, 1]
    assert table["counted_at"].cast(pa.int64()).to_pylist() == [1_764_331_200_000_000, None, -62_135_596_799_999_999]


def test_an_empty_table_is_a_file_without_rows(make_worker: MakeWorker, tmp_path: Path) -> None:
    found = ask(make_worker((200, [HEAD, {"rows": 0}])), tmp_path / "none.parquet")
    assert (found.rows, pq.read_table(found.file).num_rows) == (0, 0)


@pytest.mark.parametrize(
    "cut",
    [
        (200, []),
        (200, [HEAD]),
        (200, [HEAD, ROW]),
        (200, [HEAD, ROW, b'{"rows": 1']),
        (200, [HEAD, ROW, ROW, END]),
        (200, [HEAD, END]),
        (500, [{"detail": "the worker failed on this"}]),
        (503, [b"not JSON"]),
    ],
    ids=["nothing", "head", "no-end", "half-an-end", "more-rows", "fewer-rows", "failed", "proxy"],
)
def test_half_an_answer_is_asked_for_again(cut: tuple[int, list[Any]], make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker(cut, WHOLE)
    found = ask(worker, tmp_path / "file.parquet")
    assert (found.rows, pq.read_table(found.file).num_rows) == (1, 1)
    assert worker.asked == ["/internal/snapshot/stock/3"] * 2


def test_the_owner_is_found_and_asked_first_from_then_on(make_worker: MakeWorker, tmp_path: Path) -> None:
    one, other = make_worker(NOT_MINE), make_worker(WHOLE)
    one.knows = [one.url, other.url]
    workers = Workers(one.url)
    for _ in range(2):
        assert workers.snapshot(rows.STOCK, 3, tmp_path / "file.parquet").rows == 1
    assert (len(one.asked), len(other.asked)) == (1, 2)


def test_a_partition_that_moves_is_asked_of_its_next_owner(make_worker: MakeWorker, tmp_path: Path) -> None:
    one, other = make_worker((200, [HEAD, ROW]), NOT_MINE), make_worker(NOT_MINE, NOT_MINE, WHOLE)
    one.knows = [one.url, other.url]
    assert ask(one, tmp_path / "file.parquet").rows == 1
    assert len(other.asked) == 3


def test_a_worker_that_is_gone_does_not_stand_in_the_way(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker(WHOLE)
    worker.knows = ["http://127.0.0.1:1", worker.url]
    assert ask(worker, tmp_path / "file.parquet").rows == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NOT_MINE, "it is not of http"),
        ((200, [HEAD, ROW]), "cut after 1 rows"),
        ((500, [{"detail": "a bug"}]), "a bug"),
    ],
)
def test_a_partition_that_nobody_answers_for_is_given_up(
    answer: tuple[int, list[Any]], why: str, make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker(answer)
    with pytest.raises(AuditImpossible, match=f"no worker answered for partition 3 of stock: .*{why}"):
        ask(worker, tmp_path / "file.parquet", owner_within_s=0.1)
    assert len(worker.asked) > 1


@pytest.mark.parametrize(
    "state",
    [
        {"units": 2, "counted_at": "2025-11-28T12:00:00Z", "counts": 1, "reserved": 4},
        {"units": 2, "counted_at": "2025-11-28T12:00:00Z"},
        {"units": "2", "counted_at": "2025-11-28T12:00:00Z", "counts": 1},
    ],
    ids=["a-field-more", "a-field-less", "of-another-type"],
)
def test_rows_that_the_audit_does_not_know_are_not_passed_over(
    state: dict[str, Any], make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker((200, [HEAD, ["5", state], END]))
    with pytest.raises(AuditImpossible, match="rows of stock that this audit does not know"):
        ask(worker, tmp_path / "file.parquet")


def test_no_worker_is_said() -> None:
    with pytest.raises(AuditImpossible, match=r"no worker answers at http://127.0.0.1:1 \(Connection refused\)"):
        Workers("http://127.0.0.1:1/").described()


def test_something_else_than_a_worker_is_said(make_worker: MakeWorker) -> None:
    worker = make_worker((404, []))
    with pytest.raises(AuditImpossible, match="answers 404"):
        Workers(f"{worker.url}/elsewhere").described()


def test_each_table_stands_where_it_was_read_and_the_archive_must_be_at_the_highest(tmp_path: Path) -> None:
    taken = [
        snapshot.Snapshot(table, partition, {"produit-consulte": offset}, 0, tmp_path, RULES)
        for table, partition, offset in (("products", 0, 5), ("products", 1, 9), ("hours", 0, 6), ("hours", 1, 8))
    ]
    assert standing(taken, "products") == {0: {"produit-consulte": 5}, 1: {"produit-consulte": 9}}
    assert highest(taken) == {"produit-consulte": {0: 6, 1: 9}}


def test_where_the_windows_of_each_partition_stood_comes_with_its_rows(make_worker: MakeWorker, tmp_path: Path) -> None:
    found = ask(make_worker((200, [HEAD | {"stands": "2025-11-28T12:00:00+01:00"}, ROW, END])), tmp_path / "3.parquet")
    assert windows_at([found], "stock") == {3: datetime(2025, 11, 28, 11, tzinfo=UTC)}
    assert windows_at([found], "products") == {}
    assert windows_at([ask(make_worker(WHOLE), tmp_path / "3.parquet")], "stock") == {}


def test_workers_that_do_not_agree_on_what_is_late_are_not_compared(tmp_path: Path) -> None:
    taken = [
        snapshot.Snapshot("late", number, {}, 0, tmp_path, snapshot.EventTime(lateness_ms, 0))
        for number, lateness_ms in enumerate((5, 5, 6))
    ]
    assert rules_of(taken[:2]) == snapshot.EventTime(5, 0)
    with pytest.raises(AuditImpossible, match="SHOPNOW_ALLOWED_LATENESS_S"):
        rules_of(taken)


def test_it_says_who_asks(make_worker: MakeWorker, tmp_path: Path) -> None:
    worker = make_worker(WHOLE)
    worker.token = "Bearer one-of-sixteen-chars"  # noqa: S105
    with pytest.raises(AuditImpossible, match="SHOPNOW_WEB_TOKENS_FILE"):
        Workers(worker.url).described()
    workers = Workers(worker.url, headers={"Authorization": worker.token})
    assert workers.snapshot(rows.STOCK, 3, tmp_path / "3.parquet").rows == 1
