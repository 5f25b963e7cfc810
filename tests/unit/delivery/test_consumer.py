"""Faust's consumer as we changed it: where it reads from, what it commits, and what it lets Faust do.

The consumer is the application's own; only its thread (aiokafka) and the reader are fakes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.delivery.consumer import ConsumerThread
from shopnow_streams.errors import OffsetsLost
from shopnow_streams.settings import Settings
from shopnow_streams.topics import Topic
from shopnow_streams.wiring import ShopNowApp, create_app
from tests.fakes import Record, batch_of

VIEWS, STOCK = TP(Topic.PRODUCT_VIEWED.value, 0), TP(Topic.STOCK_UPDATED.value, 0)
CHANGELOG = TP("shop-products-changelog", 0)


class FakeThread:
    """aiokafka on its own thread: an assignment, and what Kafka has of each partition."""

    def __init__(self) -> None:
        self.earliest: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.committed: dict[TP, int | None] = {}
        self.held: set[TP] = set()
        self.commits: list[dict[TP, int]] = []
        self.verified: list[TP] = []
        self.answers = True

    def assignment(self) -> set[TP]:
        return set(self.ends)

    async def earliest_offsets(self, *tps: TP) -> Mapping[TP, int]:
        return {tp: self.earliest.get(tp, 0) for tp in tps}

    async def highwaters(self, *tps: TP) -> Mapping[TP, int]:
        return {tp: self.ends[tp] for tp in tps}

    def highwater(self, tp: TP) -> int:
        return self.ends[tp]

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        return {tp: self.committed.get(tp) for tp in self.ends}

    async def hold(self, tps: Iterable[TP]) -> None:
        self.held |= set(tps)

    def verify_event_path(self, _now: float, tp: TP) -> None:
        self.verified.append(tp)

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.answers:
            self.commits.append(dict(offsets))
        return self.answers


class FakeReader:
    """A log of one record a batch, from wherever `assign` says; ends the drain when all was read."""

    def __init__(self, log: Mapping[TP, list[tuple[int, int]]]) -> None:
        self.log = log
        self.epoch = 0
        self.assigned: list[dict[TP, int]] = []
        self.ahead: dict[TP, list[tuple[int, int]]] = {}
        self.at_end = asyncio.Event()

    async def assign(self, offsets: Mapping[TP, int]) -> None:
        self.epoch += 1
        self.assigned.append(dict(offsets))
        self.ahead = {tp: [span for span in self.log.get(tp, []) if span[0] >= at] for tp, at in offsets.items()}

    async def take(self) -> dict[TP, Batch]:
        taken = {}
        for tp, spans in self.ahead.items():
            if spans:
                start, end = spans.pop(0)
                taken[tp] = Batch(tp, [Record(end - 1)], start, self.epoch)
        if not taken:
            self.at_end.set()
        return taken


class FakeProgress:
    """What the application needs next of each partition."""

    def __init__(self) -> None:
        self.stands: dict[TP, int] = {}
        self.began: dict[TP, int] = {}

    def next_offset(self, tp: TP) -> int | None:
        return self.stands.get(tp)

    def begin(self, tp: TP, offset: int) -> None:
        self.began[tp] = offset


class World:
    """A consumer in its application, and the fakes around it."""

    def __init__(self, app: ShopNowApp) -> None:
        consumer: Any = app.consumer
        self.consumer = consumer
        self.thread, self.progress, self.reader = FakeThread(), FakeProgress(), FakeReader({})
        self.unused_thread: Any = self.consumer._thread
        self.consumer._thread = self.thread
        self.consumer.reader = self.reader
        self.consumer.progress = self.progress

    def assign(self, **ends: int) -> None:
        """Of `views`, `stock` and `changelog` those that are given, with their ends in Kafka."""
        named = {"views": VIEWS, "stock": STOCK, "changelog": CHANGELOG}
        self.thread.ends = {named[name]: end for name, end in ends.items()}
        self.consumer._set_active_tps(set(self.thread.ends))

    async def drain(self) -> list[tuple[int, int]]:
        """What Faust's own loop hands on, until the reader is at its end."""
        handed: list[tuple[int, int]] = []

        async def callback(message: Any) -> None:
            handed.append((message.value.start, message.value.next_offset))

        class Fetcher:
            _stopped = self.reader.at_end

        self.consumer.callback = callback
        await asyncio.wait_for(self.consumer._drain_messages(Fetcher()), 10)
        return handed


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    app = create_app(Settings(application_id="shop", data_dir=tmp_path, archive=""))
    producer: Any = app.producer

    async def nothing_to_flush() -> None:
        return None

    producer.flush = nothing_to_flush
    world = World(app)
    yield world
    world.unused_thread.thread_loop.close()


class TestRewind:
    async def test_it_reads_on_where_the_tables_stand_not_where_the_group_committed(self, world: World) -> None:
        world.assign(views=100, stock=100)
        world.thread.committed = {VIEWS: 3, STOCK: 90}
        world.progress.stands = {VIEWS: 50, STOCK: 60}
        await world.consumer.seek_to_committed()
        assert world.reader.assigned == [{VIEWS: 50, STOCK: 60}]

    async def test_what_was_never_processed_is_read_from_the_first_record_kafka_has(self, world: World) -> None:
        world.assign(views=100)
        world.thread.earliest = {VIEWS: 20}
        await world.consumer.rewind()
        assert world.reader.assigned == [{VIEWS: 20}]
        assert world.progress.began == {VIEWS: 20}

    async def test_what_was_processed_does_not_begin_anew(self, world: World) -> None:
        world.assign(views=100)
        world.progress.stands = {VIEWS: 50}
        await world.consumer.rewind()
        assert world.progress.began == {}

    async def test_changelogs_are_none_of_the_readers_business(self, world: World) -> None:
        world.assign(views=10, changelog=10)
        await world.consumer.seek_to_committed()
        assert world.reader.assigned == [{VIEWS: 0}]

    async def test_aiokafka_fetches_only_what_is_neither_ours_nor_restored_in_bulk_nor_empty(
        self, world: World
    ) -> None:
        leader, foreign = TP("shop-__assignor-__leader", 0), TP("other", 0)
        world.thread.ends = {VIEWS: 1, CHANGELOG: 1, leader: 0, foreign: 1}
        await world.consumer.seek_to_committed()
        assert world.thread.held == {VIEWS, CHANGELOG, leader}
        world.thread.held.clear()
        await world.consumer._hold({STOCK, foreign, leader})
        assert world.thread.held == {STOCK, leader}

    async def test_faust_looks_for_a_livelock_only_where_aiokafka_fetches(self, world: World) -> None:
        leader, foreign = TP("shop-__assignor-__leader", 0), TP("other", 0)
        for tp in (VIEWS, CHANGELOG, leader, foreign):
            world.consumer.verify_event_path(0.0, tp)
        assert world.thread.verified == [foreign]

    @pytest.mark.parametrize("stands", [20, 60, 100])
    async def test_all_that_kafka_has_may_be_needed_next_and_its_end(self, world: World, stands: int) -> None:
        world.assign(views=100)
        world.thread.earliest = {VIEWS: 20}
        world.progress.stands = {VIEWS: stands}
        await world.consumer.rewind()
        assert world.reader.assigned == [{VIEWS: stands}]

    @pytest.mark.parametrize(("stands", "why"), [(101, "recreated"), (19, "retention")])
    async def test_an_offset_that_kafka_does_not_have_is_never_skipped(
        self, world: World, stands: int, why: str
    ) -> None:
        world.assign(views=100)
        world.thread.earliest = {VIEWS: 20}
        world.progress.stands = {VIEWS: stands}
        with pytest.raises(OffsetsLost, match=why):
            await world.consumer.rewind()
        assert world.reader.assigned == []

    async def test_nothing_assigned_reads_nothing(self, world: World) -> None:
        await world.consumer.rewind()
        assert world.reader.assigned == [{}]

    async def test_each_rewind_begins_an_epoch(self, world: World) -> None:
        world.assign(views=10)
        await world.consumer.rewind()
        await world.consumer.rewind()
        assert world.reader.epoch == 2


class TestCommit:
    async def test_only_what_was_marked_is_committed(self, world: World) -> None:
        world.assign(views=100, stock=100)
        world.consumer.mark_processed({VIEWS: 42})
        assert await world.consumer.commit()
        assert world.thread.commits == [{VIEWS: 42}]

    async def test_a_batch_that_faust_acknowledged_commits_nothing(self, world: World) -> None:
        world.assign(views=100)
        message = world.consumer._to_message(VIEWS, batch_of(VIEWS.topic, 0, [b"a", b"b"]))
        world.consumer.track_message(message)
        message.incref()
        message.ack(world.consumer)
        assert message.acked
        assert not await world.consumer.commit()
        assert world.thread.commits == []
        assert not world.consumer.unacked

    async def test_a_gap_in_offsets_of_ours_commits_nothing(self, world: World) -> None:
        world.assign(views=100)
        await world.consumer._add_gap(VIEWS, 3, 9)
        assert not await world.consumer.commit()
        assert world.thread.commits == []

    async def test_the_same_offset_is_committed_once(self, world: World) -> None:
        world.assign(views=100)
        world.consumer.mark_processed({VIEWS: 42})
        await world.consumer.commit()
        await world.consumer.commit()
        world.consumer.mark_processed({VIEWS: 43})
        await world.consumer.commit()
        assert world.thread.commits == [{VIEWS: 42}, {VIEWS: 43}]

    async def test_what_a_flush_marks_of_a_partition_that_went_meanwhile_is_dropped_once_and_for_all(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        world.assign(stock=100)
        world.consumer.mark_processed({VIEWS: 42, STOCK: 7})
        assert await world.consumer.commit()
        assert world.thread.commits == [{STOCK: 7}]
        world.assign(views=100, stock=100)
        await world.consumer.commit()
        assert world.thread.commits == [{STOCK: 7}]
        assert "Discarded" not in caplog.text, "Faust would say so twice a second, for ever"

    async def test_what_was_marked_before_a_rebalance_is_not_committed_after_it(self, world: World) -> None:
        world.assign(views=100)

        async def nobody(_revoked: set[TP]) -> None:
            return None

        world.consumer._on_partitions_revoked = nobody
        world.consumer.mark_processed({VIEWS: 42})
        await world.consumer.on_partitions_revoked({VIEWS})
        assert not await world.consumer.commit()

    async def test_a_rebalance_drops_what_is_being_fetched(self, world: World) -> None:
        world.assign(views=100)

        async def nobody(_revoked: set[TP]) -> None:
            return None

        world.consumer._on_partitions_revoked = nobody
        await world.consumer.rewind()
        await world.consumer.on_partitions_revoked({VIEWS})
        assert world.reader.assigned[-1] == {}
        assert world.reader.epoch == 2

    async def test_a_partition_that_is_not_assigned_is_not_committed(self, world: World) -> None:
        world.assign(views=100)
        world.consumer.mark_processed({STOCK: 42})
        assert not await world.consumer.commit()
        assert world.thread.commits == []

    async def test_a_commit_that_failed_is_tried_again(self, world: World) -> None:
        world.assign(views=100)
        world.consumer.mark_processed({VIEWS: 42})
        world.thread.answers = False
        assert not await world.consumer.commit()
        world.thread.answers = True
        await world.consumer.commit()
        assert world.thread.commits == [{VIEWS: 42}]


class TestWhatFaustHandsOn:
    """Every batch that the reader brings of an epoch must reach the agents, in order: what is left out is lost, or is a
    gap for ever."""

    async def test_all_batches_from_where_the_tables_stand(self, world: World) -> None:
        world.reader.log = {VIEWS: [(0, 10), (10, 20), (20, 30)]}
        world.assign(views=30)
        world.thread.committed = {VIEWS: 10}
        world.progress.stands = {VIEWS: 10}
        await world.consumer.perform_seek()
        assert await world.drain() == [(10, 20), (20, 30)]

    async def test_all_batches_of_a_group_that_never_committed(self, world: World) -> None:
        world.reader.log = {VIEWS: [(0, 1), (1, 2), (2, 30)]}
        world.assign(views=30)
        await world.consumer.perform_seek()
        assert await world.drain() == [(0, 1), (1, 2), (2, 30)]

    async def test_all_batches_of_tables_that_are_built_anew_under_an_old_group(self, world: World) -> None:
        world.reader.log = {VIEWS: [(0, 10), (10, 20), (20, 30)]}
        world.assign(views=30)
        world.thread.committed = {VIEWS: 25}
        await world.consumer.perform_seek()
        assert await world.drain() == [(0, 10), (10, 20), (20, 30)]

    async def test_all_batches_again_after_a_rewind(self, world: World) -> None:
        world.reader.log = {VIEWS: [(10, 20), (20, 30)]}  # the batch before was lost on its way
        world.assign(views=30)
        await world.consumer.perform_seek()
        assert await world.drain() == [(10, 20), (20, 30)]
        world.reader.log = {VIEWS: [(0, 10), (10, 20), (20, 30)]}
        world.reader.at_end.clear()
        await world.consumer.rewind()
        assert await world.drain() == [(0, 10), (10, 20), (20, 30)]

    async def test_batches_of_partitions_in_turn(self, world: World) -> None:
        world.reader.log = {VIEWS: [(0, 5), (5, 9)], STOCK: [(3, 4)]}
        world.assign(views=9, stock=4)
        await world.consumer.perform_seek()
        assert sorted(await world.drain()) == [(0, 5), (3, 4), (5, 9)]


class TestBackPressure:
    async def test_a_full_buffer_does_not_pause_ours(self, world: World) -> None:
        world.assign(views=9, changelog=9)
        world.consumer.on_buffer_full(VIEWS)
        assert VIEWS in world.consumer._get_active_partitions()
        world.consumer.on_buffer_full(CHANGELOG)
        assert CHANGELOG not in world.consumer._get_active_partitions()


class TestThread:
    async def test_a_commit_that_kafka_refuses_is_no_crash_and_leaves_out_what_was_lost(self) -> None:
        import aiokafka

        asked: list[Any] = []

        class Client:
            refusal: Exception | None = None

            def assignment(self) -> set[Any]:
                return {aiokafka.TopicPartition(*VIEWS)}

            async def commit(self, offsets: Any) -> None:
                if self.refusal is not None:
                    raise self.refusal
                asked.append({tuple(tp): meta.offset for tp, meta in offsets.items()})

        class Log:
            def warning(self, *_: Any) -> None:
                pass

        thread = object.__new__(ConsumerThread)
        client = Client()
        thread._ensure_consumer = lambda: client  # type: ignore[method-assign]
        thread.log = Log()  # type: ignore[assignment]
        assert await thread._commit({VIEWS: 5, STOCK: 6})
        assert asked == [{tuple(VIEWS): 5}]
        for refusal in (aiokafka.errors.CommitFailedError(), aiokafka.errors.IllegalStateError("lost")):
            client.refusal = refusal
            assert not await thread._commit({VIEWS: 6})
