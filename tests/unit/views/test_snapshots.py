"""A snapshot is of one moment, says so, and says when it is not whole."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from shopnow_streams.errors import StoreClosed
from shopnow_streams.events import Event, ProductViewed
from shopnow_streams.folds import TABLES
from shopnow_streams.topics import Topic
from shopnow_streams.views import snapshots as snapshots_module
from tables.rows import Rows
from tests.fakes import apply, batch_of
from tests.unit.folds.strategies import NOON
from tests.unit.views.conftest import MakeWorker, Worker

RULES = {"lateness_ms": 3_600_000, "skew_ms": 60_000}
Everything = Iterator[tuple[Any, Any]]


def view(product: int) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


async def read(worker: Worker, table: str, number: int) -> list[Any]:
    async with worker.session.get(worker.server.make_url(f"/internal/snapshot/{table}/{number}")) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/x-ndjson"
        return [msgspec.json.decode(line) for line in (await response.read()).splitlines()]


async def test_a_partition_is_read_whole_beyond_any_limit_of_rows(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.reads.MAX_RANKED_ROWS", 1)
    worker.fold(2, Topic.PRODUCT_VIEWED, [view(number) for number in range(1_201)])  # half stored, half in memory
    head, *rows, end = await read(worker, "products", 2)
    assert head == {"partition": 2, "offsets": {"produit-consulte": 1_201}, "stands": None, "event_time": RULES}
    assert sorted(int(key) for key, _ in rows) == list(range(1_201))
    assert {state["views"] for _, state in rows} == {1}
    assert end == {"rows": 1_201}


async def test_a_table_without_rows_is_a_beginning_and_an_end(worker: Worker) -> None:
    assert await read(worker, "orders", 3) == [
        {"partition": 3, "offsets": {}, "stands": None, "event_time": RULES},
        {"rows": 0},
    ]
    head, _ = await read(worker, "shop", 3)
    assert head["stands"] == "1970-01-01T00:00:00Z"


async def test_what_is_folded_while_it_is_read_is_not_in_it(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(number) for number in range(600)])
    partition = worker.live.owned[0].partition
    reading = snapshots_module._write
    folded = 0

    async def fold_and_write(*args: Any) -> None:
        nonlocal folded
        start = partition.positions["produit-consulte"]
        apply(partition, batch_of(Topic.PRODUCT_VIEWED, 0, [view(7), view(599), view(9_000)], start=start))
        folded += 1
        await reading(*args)

    monkeypatch.setattr(snapshots_module, "_write", fold_and_write)
    head, *rows, end = await read(worker, "products", 0)
    assert folded >= 4
    assert (head["offsets"], end) == ({"produit-consulte": 600}, {"rows": 600})
    assert sum(state["views"] for _, state in rows) == 600


async def test_the_loop_has_its_turn_while_a_partition_is_read(worker: Worker) -> None:
    worker.fold(0, Topic.PRODUCT_VIEWED, [view(number) for number in range(2_000)])
    turns, done = 0, asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await read(worker, "products", 0)
    done.set()
    await counting
    assert turns >= 2_000 / snapshots_module._SLICE_ROWS


async def test_a_partition_let_go_of_in_the_middle_has_no_end(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.fold(1, Topic.PRODUCT_VIEWED, [view(number) for number in range(1_000)])
    everything = Rows.everything

    def let_go(rows: Rows[Any]) -> Everything:
        found = everything(rows)

        def some() -> Everything:
            for _ in range(300):
                yield next(found)
            raise StoreClosed("let go of")

        return some()

    monkeypatch.setattr(Rows, "everything", let_go)
    head, *rows = await read(worker, "products", 1)
    assert head["partition"] == 1
    assert len(rows) == 250  # whole slices
    assert not [row for row in rows if isinstance(row, dict)]


async def test_a_reader_that_takes_nothing_is_let_go(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots_module, "_WRITE_S", 0.2)
    long = "x" * 900  # megabytes in all: more than the sockets hold
    views = [ProductViewed(timestamp=NOON, id_produit=number, nom_produit=long, prix=1.0) for number in range(15_000)]
    worker.fold(0, Topic.PRODUCT_VIEWED, views)
    let_go = asyncio.Event()
    monkeypatch.setattr(snapshots_module.logger, "info", lambda *_, **_fields: let_go.set())
    loop = asyncio.get_running_loop()
    with socket.create_connection((worker.server.host, worker.server.port)) as reader:
        reader.setblocking(False)
        await loop.sock_sendall(reader, b"GET /internal/snapshot/products/0 HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            await let_go.wait()
            got = b""
            with contextlib.suppress(ConnectionResetError):
                while more := await loop.sock_recv(reader, 1 << 20):
                    got += more
    assert got.startswith(b"HTTP/1.1 200")
    assert b'{"rows":' not in got


@pytest.mark.parametrize(
    ("path", "status"), [("products/1", 404), ("products/x", 404), ("products/9", 404), ("nothing/0", 400)]
)
async def test_what_this_worker_does_not_have_is_a_problem(make_worker: MakeWorker, path: str, status: int) -> None:
    worker: Worker = await make_worker([0])
    await worker.get(f"/internal/snapshot/{path}", status)


async def test_a_partition_whose_store_is_closed_is_not_of_this_worker(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_rows: Rows[Any]) -> Everything:
        raise StoreClosed("let go of")

    monkeypatch.setattr(Rows, "everything", closed)
    await worker.get("/internal/snapshot/products/1", 404)


async def test_each_worker_knows_all(make_worker: MakeWorker) -> None:
    one, other = await make_worker([0, 1]), await make_worker([2, 3])
    told = await one.get("/internal/workers")
    assert told == await other.get("/internal/workers")
    assert told == {
        "application": "shop",
        "partitions": 4,
        "tables": [definition.name for definition in TABLES],
        "workers": sorted(str(worker.server.make_url("")).rstrip("/") for worker in (one, other)),
    }
