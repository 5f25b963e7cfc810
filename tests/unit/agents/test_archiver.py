"""The archiver on an archive in memory: every record once, whatever the archive does, and nobody waits without need."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import archiver as archiving
from agents.archiver import Archiver
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.faults import FaultyFiles
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.rotation import Rotation
from tests.fakes import Record

VIEWS = str(Topic.PRODUCT_VIEWED)
PARQUET = format_named("parquet")


def batch(start: int, end: int, partition: int = 0, topic: str = VIEWS) -> Batch:
    return Batch(TP(topic, partition), [Record(offset, b"%d" % offset) for offset in range(start, end)], start, 1, end)


def make_archiver(files: Any, rows: int = 10, buffer_bytes: int = 1 << 20) -> Archiver:
    """One that closes a segment at `rows`, and whose partitions begin at offset 0 in Kafka."""
    archiver = Archiver(Archive(files, PARQUET), PARQUET, Rotation(1 << 30, rows, 3600), buffer_bytes)
    for partition in range(4):
        archiver.begin(TP(VIEWS, partition), 0)
    return archiver


def archived(files: Any, partition: int = 0) -> list[int]:
    """The offsets in the archive, in the order of its segments."""
    archive = Archive(files, PARQUET)
    offsets: list[int] = []
    for info in archive.segments(VIEWS, partition):
        offsets += pq.read_table(BytesIO(archive.read(info.path)))["kafka_offset"].to_pylist()
    return offsets


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "FIRST_RETRY_S", 0.001)


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles(MemoryFiles())


@pytest.fixture
async def archiver(files: FaultyFiles) -> AsyncIterator[Archiver]:
    archiver = make_archiver(files)
    yield archiver
    await archiver.flush()


async def test_a_segment_closes_when_it_is_full_and_the_rest_waits(archiver: Archiver, files: FaultyFiles) -> None:
    durable: dict[TP, int] = {}
    archiver.on_durable = durable.update
    assert await archiver.take(batch(0, 6))
    assert await archiver.take(batch(6, 12))
    assert await archiver.take(batch(12, 15))
    await asyncio.gather(*(one.committing for one in archiver.partitions.values() if one.committing))
    assert archived(files) == list(range(12))
    assert durable == {TP(VIEWS, 0): 12}
    await archiver.flush()
    assert archived(files) == list(range(15))
    assert durable == {TP(VIEWS, 0): 15}


@pytest.mark.parametrize("start", [3, 9])
async def test_a_batch_that_is_not_the_next_one_is_refused(archiver: Archiver, start: int) -> None:
    assert await archiver.take(batch(0, 6))
    assert not await archiver.take(batch(start, 12))
    assert archiver.next_offset(TP(VIEWS, 0)) == 6


async def test_the_archive_is_looked_at_once_for_all_partitions_of_a_topic(files: FaultyFiles) -> None:
    first = make_archiver(files)
    for partition in range(4):
        assert await first.take(batch(0, 5 + partition, partition))
    await first.flush()
    second = make_archiver(files)
    files.calls.clear()
    assert not await second.take(batch(0, 4, 2)), "the archive is further than that"
    looks = files.calls.count("list")
    assert [second.next_offset(TP(VIEWS, partition)) for partition in range(4)] == [5, 6, 7, 8]
    assert await second.take(batch(6, 9, 1))
    assert files.calls.count("list") == looks
    await second.flush()


async def test_a_partition_that_was_let_go_is_not_looked_at(archiver: Archiver) -> None:
    archiver.assigned({TP(VIEWS, 0)})
    assert await archiver.take(batch(0, 3))
    assert not await archiver.take(batch(0, 3, partition=1))
    assert archiver.next_offset(TP(VIEWS, 1)) is None


async def test_an_archive_that_is_away_holds_up_nothing_but_its_commits(archiver: Archiver, files: FaultyFiles) -> None:
    assert await archiver.take(batch(0, 1))
    files.down = True
    async with asyncio.timeout(10):
        for start in range(1, 41, 10):
            assert await archiver.take(batch(start, start + 10))
        while archiver.outage is None:  # noqa: ASYNC110 (nothing to wait for but that)
            await asyncio.sleep(0.001)
    assert archived_nothing(files)
    files.down = False
    await archiver.flush()
    assert archived(files) == list(range(41))
    assert archiver.outage is None
    assert archiver.retries > 0


def archived_nothing(files: FaultyFiles) -> bool:
    files.down = False
    try:
        return archived(files) == []
    finally:
        files.down = True


async def test_above_its_buffer_it_waits_for_the_archive(files: FaultyFiles) -> None:
    archiver = make_archiver(files, rows=1_000, buffer_bytes=2_000)
    assert await archiver.take(batch(0, 1))
    files.down = True
    taking = asyncio.ensure_future(archiver.take(batch(1, 900)))
    await asyncio.wait([taking], timeout=0.2)
    assert not taking.done()
    files.down = False
    async with asyncio.timeout(10):
        assert await taking
    assert archiver.held_bytes <= 2_000
    await archiver.flush()
    assert archived(files) == list(range(900))


async def test_how_much_it_holds_may_be_asked_while_a_file_is_finished(
    archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread closes the stream that tells the size; the loop of the next partition's batch asks meanwhile."""
    assert await archiver.take(batch(0, 9))
    encoder: Any = archiver.partitions[TP(VIEWS, 0)].open.encoder  # type: ignore[union-attr]
    finish = encoder.finish
    finished, asked = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(next_offset: int) -> bytes:
        data: bytes = finish(next_offset)
        loop.call_soon_threadsafe(finished.set)
        asyncio.run_coroutine_threadsafe(asked.wait(), loop).result(10)
        return data

    monkeypatch.setattr(encoder, "finish", slowly)
    taking = asyncio.ensure_future(archiver.take(batch(9, 12)))
    async with asyncio.timeout(10):
        await finished.wait()
        assert archiver.held_bytes > 0
        assert await archiver.take(batch(0, 3, partition=1))
        asked.set()
        assert await taking


async def test_where_another_writer_was_first_it_goes_on_from_the_archives_end(files: FaultyFiles) -> None:
    late, early = make_archiver(files), make_archiver(files)
    assert await late.take(batch(0, 4))
    assert await early.take(batch(0, 7))
    await early.flush()
    await late.flush()
    assert late.next_offset(TP(VIEWS, 0)) is None, "to be looked at again"
    assert not await late.take(batch(4, 9))
    assert late.next_offset(TP(VIEWS, 0)) == 7
    assert await late.take(batch(7, 9))
    await late.flush()
    assert archived(files) == list(range(9))


async def test_past_a_marker_a_segment_still_begins_where_the_last_one_ended(files: FaultyFiles) -> None:
    """A writer that saw the marker and froze, and one that read on from the archive's end, meet under one name."""
    frozen, other = make_archiver(files), make_archiver(files)
    assert await frozen.take(batch(0, 10))
    await frozen.flush()
    assert await frozen.take(Batch(TP(VIEWS, 0), [], 10, 1, 11))
    assert not await other.take(batch(0, 10))
    assert await other.take(batch(10, 10 + 6))
    await other.flush()
    assert await frozen.take(batch(11, 16))
    await frozen.flush()
    assert archived(files) == list(range(16))


async def test_past_a_marker_behind_a_sealed_segment_too(files: FaultyFiles) -> None:
    archiver = make_archiver(files)
    assert await archiver.take(batch(0, 1))
    files.down = True
    assert await archiver.take(batch(1, 10))
    assert await archiver.take(Batch(TP(VIEWS, 0), [], 10, 1, 11))
    assert await archiver.take(batch(11, 13))
    files.down = False
    await archiver.flush()
    spans = [info.span for info in Archive(files, PARQUET).segments(VIEWS, 0)]
    assert [(span.first, span.next) for span in spans] == [(0, 10), (10, 13)]


steps = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 9), st.sampled_from(["", "", "refused", "unanswered"])))


@given(steps)
@settings(max_examples=40, deadline=None)
def test_two_writers_that_take_turns_and_meet_faults_archive_every_offset_once(taken: list[Any]) -> None:
    async def run() -> None:
        files = FaultyFiles(MemoryFiles())
        writers = [make_archiver(files, rows=7), make_archiver(files, rows=7)]
        end = 0
        for who, count, fault in taken:
            if fault:
                files.plan("rename", fault)
            writer, end = writers[who], end + count
            while (stands := writer.next_offset(TP(VIEWS, 0)) or 0) < end:
                await writer.take(batch(stands, end))
        for writer in writers:
            await writer.flush()
            if (stands := writer.next_offset(TP(VIEWS, 0)) or 0) < end:
                await writer.take(batch(stands, end))
                await writer.flush()
        assert archived(files) == list(range(end))

    archiving.FIRST_RETRY_S = 0.001
    asyncio.run(run())
