"""Tables from the archive are those that Kafka's records make, served or written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from faust.types import TP

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.expiry import Expirer
from shopnow_streams.archive.expiry import plan as plan_expiry
from shopnow_streams.errors import RebuildRefused
from shopnow_streams.events import TOPIC_OF, encode
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.encoding import decoder
from shopnow_streams.rebuild import state
from shopnow_streams.rebuild.archived import ALL_MS
from shopnow_streams.rebuild.serving import PastTables, positions
from shopnow_streams.rebuild.state import fold, plan, refuse_expired
from shopnow_streams.simulator.shoppers import shoppers, steady_clock
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.segments import Records, Segment, SegmentName, date_of
from tables.cut import Cut
from tables.partition import Partition
from tables.store import PartitionStore
from tests.fakes import apply, batch_of, settle
from tests.unit.archive.shelf import NOON_MS as SHELF_NOON_MS
from tests.unit.archive.shelf import TOPIC as SHELF_TOPIC
from tests.unit.archive.shelf import Shelf
from tests.unit.folds.strategies import NOON

PARTITIONS = 2
NOON_MS = int(NOON.timestamp() * 1000)
Values = dict[TP, list[bytes]]


def stamp_ms(offset: int) -> int:
    """A record a second: slower than the shop's clock, so that some events are ahead."""
    return NOON_MS + 1000 * offset


@pytest.fixture(scope="module")
def values() -> Values:
    """What a simulated shop sends, with some that is no event, by partition of a topic."""
    found: Values = {TP(str(topic), number): [] for topic in Topic for number in range(PARTITIONS)}
    for count, event in zip(range(600), shoppers("7", steady_clock(NOON, 5.0)), strict=False):
        at = TP(str(TOPIC_OF[type(event)]), count % PARTITIONS)
        found[at].append(b"no event" if count % 50 == 0 else encode(event))
    return found


@pytest.fixture(scope="module")
def catalogue(values: Values) -> Catalogue:
    """The same, archived: a record a second, a segment every hundred."""
    archive = Archive(MemoryFiles(), format_named("parquet"))
    for tp, sent in values.items():
        for first in range(0, len(sent), 100):
            part = enumerate(sent[first : first + 100], first)
            rows = [(offset, stamp_ms(offset), None, value) for offset, value in part]
            encoder = archive.form.encoder(tp.topic, tp.partition, first)
            encoder.add(Records.of(rows))
            name = SegmentName(tp.topic, tp.partition, first, date_of(rows[0][1]), archive.form.NAME)
            archive.commit(Segment(name, first + len(rows), encoder.finish(first + len(rows))))
    return Catalogue(archive, "memory:///")


@contextmanager
def partition_in(folder: Path, number: int) -> Iterator[Partition]:
    store = PartitionStore(folder / str(number))
    yield Partition(number, TABLES, store)
    store.close()


def rows_of(partition: Partition) -> dict[str, dict[Any, Any]]:
    return {name: dict(rows.everything()) for name, rows in partition.tables.items()}


def expected(values: Values, folder: Path, number: int, below: int = 10**9) -> dict[str, dict[Any, Any]]:
    """The rows of the records below an offset, as the live side folds them from Kafka."""
    with partition_in(folder, number) as live:
        for topic in Topic:
            if sent := values[TP(str(topic), number)][:below]:
                apply(live, batch_of(topic, number, sent, start=0, stamp_ms=stamp_ms))
        settle(live, keep_rows=10**6)  # windows go where they belong at a cut
        return rows_of(live)


def test_the_rows_are_those_of_the_live_side_and_every_cut_was_written(
    values: Values, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "CUT_ROWS", 50)
    monkeypatch.setattr(state, "KEEP_ROWS", 10)
    cuts: list[Cut] = []

    def write(cut: Cut) -> dict[str, int]:
        cuts.append(cut)
        return {"log": len(cuts)}

    planned = plan(catalogue, PARTITIONS)
    with partition_in(tmp_path / "rebuilt", 1) as rebuilt:
        count = fold(catalogue, rebuilt, planned, write, lambda _file, _records: None)
        assert rows_of(rebuilt) == expected(values, tmp_path / "live", 1)
        assert count == sum(len(sent) for tp, sent in values.items() if tp.partition == 1)
        assert rebuilt.positions == {str(t): len(values[TP(str(t), 1)]) for t in Topic if values[TP(str(t), 1)]}
    assert len(cuts) > 2
    assert all(not cut.rejects for cut in cuts), "they went to the reject topic when they came"
    last: dict[str, dict[bytes, bytes | None]] = {}
    for cut in cuts:
        for table, rows in cut.rows.items():
            last.setdefault(table, {}).update(rows)
    written = {
        table.name: {
            table.decode_key(key): decoder(table.state).decode(row)
            for key, row in last.get(table.name, {}).items()
            if row is not None
        }
        for table in TABLES
    }
    assert written == expected(values, tmp_path / "again", 1)


async def test_the_tables_as_of_a_moment_are_served(values: Values, catalogue: Catalogue, tmp_path: Path) -> None:
    past = PastTables(tmp_path / "past", PARTITIONS)
    files: list[str] = []
    live, records = past.fold(
        catalogue, plan(catalogue, PARTITIONS), NOON_MS + 30_000, lambda file, _: files.append(file.path)
    )
    sent = {tp: min(30, len(of)) for tp, of in values.items()}
    assert records == sum(sent.values())
    assert positions(live) == {str(t): {n: sent[TP(str(t), n)] for n in range(PARTITIONS)} for t in Topic}
    assert files
    for number, owned in live.owned.items():
        assert rows_of(owned.partition) == expected(values, tmp_path / f"live-{number}", number, below=30)
    async with TestServer(past.application(live, "here")) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url("/api/products")) as response:
            answer = await response.json()
        async with session.get(server.make_url("/health/ready")) as response:
            assert (await response.json())["status"] == "ready"
    assert answer["complete"] is True
    assert answer["items"]
    for owned in live.owned.values():
        owned.partition.store.close()


async def test_as_of_a_moment_before_all_there_is_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    past = PastTables(tmp_path, PARTITIONS)
    live, records = past.fold(catalogue, plan(catalogue, PARTITIONS), NOON_MS, lambda _file, _records: None)
    assert records == 0
    assert all(not any(rows.values()) for owned in live.owned.values() for rows in [rows_of(owned.partition)])
    for owned in live.owned.values():
        owned.partition.store.close()


def test_what_is_planned_is_every_partition_of_every_topic(catalogue: Catalogue) -> None:
    planned = plan(catalogue, PARTITIONS)
    assert planned.keys() == {TP(str(topic), number) for topic in Topic for number in range(PARTITIONS)}
    assert ALL_MS > NOON_MS


def test_what_was_expired_is_not_left_out_in_silence() -> None:
    shelf = Shelf()
    shelf.tile(0, 10, 20)
    refuse_expired(shelf.catalogue)
    tomorrow = date_of(SHELF_NOON_MS) + timedelta(days=1)
    for each in plan_expiry(shelf.catalogue.listing(SHELF_TOPIC).segments, tomorrow):
        Expirer(shelf.catalogue, tomorrow, lambda: None).expire(each)
    with pytest.raises(RebuildRefused, match=r"begins at offset 10.*--without-expired"):
        refuse_expired(shelf.catalogue)
