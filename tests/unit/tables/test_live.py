"""Which partitions are ours, and when what they hold counts as durable. The writer is a fake, the store is real."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

from shopnow_streams.errors import DeliveryGap, OffsetsLost, TablesChanged, WriterFenced
from shopnow_streams.events import ProductViewed
from shopnow_streams.topics import Topic
from tables import live as live_module
from tables.cut import POSITIONS
from tables.live import LiveTables, LiveTablesConfig
from tables.store import PartitionStore
from tests.fakes import FakeWriter, batch_of
from tests.unit.folds.strategies import NOON, PLAIN

VIEWS = str(Topic.PRODUCT_VIEWED)


def views(count: int, first_product: int = 1) -> list[ProductViewed]:
    return [
        ProductViewed(timestamp=NOON, id_produit=first_product + number, nom_produit="Thé", prix=1.0)
        for number in range(count)
    ]


class World:
    """What `LiveTables` opens, in the order in which it opened it."""

    def __init__(self) -> None:
        self.writers: list[FakeWriter] = []
        self.events: list[str] = []
        self.topic_ids: dict[str, str] = {}
        self.restore: Callable[[Mapping[int, PartitionStore]], None] = lambda stores: None

    def new_writer(
        self, _librdkafka: Mapping[str, str], transactional_id: str, partition: int, changelogs: Mapping[str, str]
    ) -> FakeWriter:
        assert POSITIONS in changelogs
        writer = FakeWriter(partition, transactional_id)
        writer.open = lambda: self.events.append(f"fence {partition}")  # type: ignore[method-assign]
        self.writers.append(writer)
        return writer

    def restored(
        self, _librdkafka: Mapping[str, str], stores: Mapping[int, PartitionStore], _changelogs: Any, _ended: Any
    ) -> int:
        self.events += [f"restore {number}" for number in stores]
        self.restore(stores)
        return 7 * len(stores)

    def writer_of(self, number: int) -> FakeWriter:
        return [writer for writer in self.writers if writer.partition == number][-1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(live_module, "PartitionWriter", world.new_writer)
    monkeypatch.setattr(live_module, "restore", world.restored)
    monkeypatch.setattr(live_module, "topic_ids", lambda _config, _topics, _ended: world.topic_ids)
    return world


@pytest.fixture
async def live(world: World, tmp_path: Path) -> AsyncIterator[LiveTables]:
    """Not started: no flush but those that a test asks for."""
    tables = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_rows=10, keep_rows=0), PLAIN)
    tables.marked = []  # type: ignore[attr-defined]
    tables.on_durable = lambda offsets: marked(tables).append(dict(offsets))
    yield tables
    for writer in world.writers:
        writer.let_go.set()
        writer.failure = None
    await tables._release(tables.owned.keys())
    tables._threads.shutdown()


def marked(live: LiveTables) -> list[dict[TP, int]]:
    marks: list[dict[TP, int]] = live.marked  # type: ignore[attr-defined]
    return marks


async def own(live: LiveTables, numbers: set[int], generation: int) -> None:
    """Take over, and begin with the views of each that has none."""
    await live.take_over(numbers, generation)
    for number in numbers:
        live.begin(TP(VIEWS, number), 0)


async def under_way(writer: FakeWriter) -> None:
    """Until a commit has begun; it does not go on before `let_go`."""
    assert await asyncio.to_thread(writer.committing.wait, 10)


class TestTakeOver:
    async def test_new_partitions_are_fenced_before_they_are_restored(self, live: LiveTables, world: World) -> None:
        await own(live, {2, 0}, generation=1)
        assert sorted(world.events[:2]) == ["fence 0", "fence 2"]  # at once, each in a thread of its own
        assert world.events[2:] == ["restore 0", "restore 2"]
        assert live.owned.keys() == {0, 2}
        assert live.restored_rows == 14

    async def test_each_partition_has_a_transactional_id_of_its_own(self, live: LiveTables, world: World) -> None:
        await own(live, {0, 1}, generation=1)
        assert [writer.transactional_id for writer in world.writers] == ["shop-tables-0", "shop-tables-1"]

    async def test_it_stands_where_the_restored_store_stands(self, live: LiveTables, world: World) -> None:
        world.restore = lambda stores: stores[1].write({b"positions\x00": [(VIEWS.encode(), b"42")]}, {})
        await live.take_over({1}, generation=1)
        assert live.next_offset(TP(VIEWS, 1)) == 42
        assert live.next_offset(TP("stock-mis-a-jour", 1)) is None
        assert live.next_offset(TP(VIEWS, 0)) is None

    async def test_a_topic_made_anew_is_not_read_on_from_where_the_old_one_was(
        self, live: LiveTables, world: World
    ) -> None:
        world.topic_ids = {VIEWS: "one"}
        await live.take_over({1}, 1)
        live.begin(TP(VIEWS, 1), 0)
        live.apply(batch_of(VIEWS, 1, [b"{}"]))
        await live.flush()
        await live.take_over({1}, 3)
        assert live.next_offset(TP(VIEWS, 1)) == 1
        world.topic_ids = {VIEWS: "another"}
        with pytest.raises(OffsetsLost, match=f"{VIEWS} partition 1: the topic was deleted and made anew"):
            await live.take_over({1}, 5)

    async def test_rows_of_other_tables_are_refused_and_let_go_of(self, live: LiveTables, world: World) -> None:
        world.restore = lambda stores: stores[1].write(
            {b"positions\x00": [(VIEWS.encode(), b"42"), (b"tables:", b'{"products":0}')]}, {}
        )
        with pytest.raises(TablesChanged, match=r"partition 1: .* products, stock, orders, hours"):
            await live.take_over({1}, generation=1)
        assert live.owned == {}
        assert world.writer_of(1).calls[-1] == "close"

    async def test_a_partition_kept_on_the_next_generation_keeps_what_is_not_yet_durable(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0, 1}, generation=4)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await own(live, {0, 2}, generation=5)
        assert live.next_offset(TP(VIEWS, 0)) == 3
        assert world.events[4:] == ["fence 2", "restore 2"]
        assert live.owned.keys() == {0, 2}

    async def test_after_a_generation_that_was_missed_all_are_new(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=4)
        live.apply(batch_of(VIEWS, 0, views(3)))
        first = world.writer_of(0)
        await live.take_over({0}, generation=6)
        assert first.calls == ["give_up", "close"]
        assert world.events == ["fence 0", "restore 0"] * 2
        assert live.next_offset(TP(VIEWS, 0)) is None, "what was folded but not durable is folded again"

    async def test_the_same_generation_again_is_not_the_next_one(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=4)
        await own(live, {0}, generation=4)
        assert world.events == ["fence 0", "restore 0"] * 2

    async def test_what_is_taken_away_is_dropped_not_flushed(self, live: LiveTables, world: World) -> None:
        await own(live, {0, 1}, generation=1)
        live.apply(batch_of(VIEWS, 1, views(3)))
        await own(live, {0}, generation=2)
        writer = world.writer_of(1)
        assert (writer.cuts, writer.calls) == ([], ["give_up", "close"])
        assert 1 not in live.owned
        PartitionStore(live.config.data_dir / "tables" / "1").close()  # let go of: another may open it

    async def test_where_a_topic_begins_is_durable_as_any_position(self, live: LiveTables, world: World) -> None:
        await live.take_over({0}, generation=1)
        live.begin(TP(VIEWS, 0), 70)
        live.begin(TP(VIEWS, 3), 70)  # not ours
        assert live.next_offset(TP(VIEWS, 0)) == 70
        assert live.next_offset(TP(VIEWS, 3)) is None
        await live.flush()
        await live.take_over({0}, generation=3)
        assert live.next_offset(TP(VIEWS, 0)) == 70

    async def test_nothing_assigned_lets_go_of_everything(self, live: LiveTables, world: World) -> None:
        await own(live, {0, 1}, generation=1)
        await live.take_over(set(), generation=2)
        assert live.owned == {}
        assert all(writer.calls == ["give_up", "close"] for writer in world.writers)

    async def test_what_a_flush_made_durable_is_where_the_next_owner_begins(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await live.flush()
        live.apply(batch_of(VIEWS, 0, views(2), start=3))
        await live.take_over(set(), generation=2)
        await own(live, {0}, generation=3)
        assert live.next_offset(TP(VIEWS, 0)) == 3


class TestApply:
    async def test_a_batch_of_a_partition_that_is_not_ours_is_left_alone(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 1, views(3)))
        assert live.next_offset(TP(VIEWS, 1)) is None
        assert live.owned[0].partition.pending == 0

    async def test_a_gap_is_told(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        with pytest.raises(DeliveryGap):
            live.apply(batch_of(VIEWS, 0, views(3), start=4))

    async def test_a_full_cut_makes_a_flush_due(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(8)))  # eight products and an hour
        assert not live._flush_due.is_set()
        live.apply(batch_of(VIEWS, 0, views(1, first_product=9), start=8))
        assert live._flush_due.is_set()


class TestFlush:
    async def test_offsets_are_marked_once_the_writer_has_returned(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        flush = asyncio.create_task(live.flush())
        await under_way(writer)
        assert marked(live) == []
        writer.let_go.set()
        await flush
        assert marked(live) == [{TP(VIEWS, 0): 3}]

    async def test_what_is_marked_is_what_the_cut_stood_at_not_what_was_folded_since(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        flush = asyncio.create_task(live.flush())
        await under_way(writer)
        live.apply(batch_of(VIEWS, 0, views(2), start=3))
        writer.let_go.set()
        await flush
        assert marked(live) == [{TP(VIEWS, 0): 3}]
        await live.flush()
        assert marked(live)[1:] == [{TP(VIEWS, 0): 5}]

    async def test_the_store_has_the_rows_and_the_changelogs_ends(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await live.flush()
        store = live.owned[0].partition.store
        assert len(list(store.scan(b"products\x00"))) == 3
        assert dict(store.scan(b"positions\x00"))[VIEWS.encode()] == b"3"
        assert store.changelog_offset("products") == 1  # the fake names ends by table
        assert live.flushed_rows == 3 + 1 + 3  # products, the hour; the position, the watermark and whose tables

    async def test_what_was_counted_of_a_partition_is_not_forgotten_with_it(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0, 1}, generation=1)
        for number in (0, 1):
            live.apply(batch_of(VIEWS, number, [*views(3), b"?"]))
        await live.take_over({1}, generation=2)
        live.apply(batch_of(VIEWS, 1, [*views(2), None], start=4))
        assert (live.accepted, live.refused) == ({VIEWS: 8}, {(VIEWS, "not-json"): 2, (VIEWS, "no-value"): 1})

    async def test_rows_that_are_durable_are_let_go_of(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await live.flush()
        rows = live.owned[0].partition.tables["products"]
        assert rows.in_flight == set()
        assert rows._states == {}, "keep_rows is 0"

    async def test_nothing_new_is_not_written(self, live: LiveTables, world: World) -> None:
        await live.take_over({0}, generation=1)
        await live.flush()
        live.begin(TP(VIEWS, 0), 0)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await live.flush()
        await live.flush()
        assert len(world.writer_of(0).cuts) == 1

    async def test_two_flushes_of_a_partition_are_one_behind_the_other(self, live: LiveTables, world: World) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        first = asyncio.create_task(live.flush())
        await under_way(writer)
        live.apply(batch_of(VIEWS, 0, views(2), start=3))
        writer.committing.clear()
        second = asyncio.create_task(live.flush())
        await asyncio.sleep(0)
        assert not writer.committing.is_set()
        writer.let_go.set()
        await asyncio.gather(first, second)
        assert [cut.positions[VIEWS] for cut in writer.cuts] == [3, 5]

    async def test_partitions_with_too_few_rows_wait_for_their_time(self, live: LiveTables, world: World) -> None:
        await own(live, {0, 1}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(9)))  # and an hour: 10
        live.apply(batch_of(VIEWS, 1, views(8)))
        await live.flush(at_least_rows=10)
        assert marked(live) == [{TP(VIEWS, 0): 9}]
        await live.flush()
        assert marked(live)[1:] == [{TP(VIEWS, 1): 8}]

    @pytest.mark.parametrize(
        "failure", [KafkaException(KafkaError(KafkaError._FATAL, "for good")), WriterFenced("another worker took over")]
    )
    async def test_a_refusal_of_what_is_ours_ends_the_worker_and_marks_nothing(
        self, live: LiveTables, world: World, failure: Exception
    ) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        world.writer_of(0).failure = failure
        with pytest.raises(type(failure)):
            await live.flush()
        assert marked(live) == []
        assert list(live.owned[0].partition.store.scan(b"products\x00")) == []

    async def test_under_way_when_its_partition_is_taken_away_it_neither_marks_nor_fails(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        flush = asyncio.create_task(live.flush())
        await under_way(writer)
        taken = asyncio.create_task(live.take_over(set(), generation=2))
        await asyncio.sleep(0)
        assert "close" not in writer.calls, "the writer is in use by the flush"
        writer.let_go.set()
        await asyncio.gather(flush, taken)
        assert marked(live) == []
        assert writer.calls == ["give_up", "close"]

    async def test_fenced_by_the_next_owner_of_a_partition_that_was_taken_away_it_does_not_fail(
        self, live: LiveTables, world: World
    ) -> None:
        await own(live, {0, 1}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        flush = asyncio.create_task(live.flush())
        await under_way(writer)
        writer.failure = WriterFenced("another worker took over")
        taken = asyncio.create_task(own(live, {1}, generation=2))
        await asyncio.sleep(0)
        writer.let_go.set()
        await asyncio.wait([flush, taken])
        assert flush.exception() is None
        assert TP(VIEWS, 0) not in {tp for marks in marked(live) for tp in marks}


class TestBackPressure:
    async def test_there_is_none_below_two_cuts(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        batch = batch_of(VIEWS, 0, views(18))  # and an hour: 19 of 20
        live.apply(batch)
        await asyncio.wait_for(live.back_pressure(batch), 1)

    async def test_with_two_cuts_unwritten_it_waits_for_a_flush_and_asks_for_one(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        batch = batch_of(VIEWS, 0, views(30))
        live.apply(batch)
        live._flush_due.clear()
        waiting = asyncio.create_task(live.back_pressure(batch))
        await asyncio.wait_for(live._flush_due.wait(), 10)
        assert not waiting.done()
        await live.flush()
        await asyncio.wait_for(waiting, 10)

    async def test_it_ends_when_the_partition_is_taken_away(self, live: LiveTables) -> None:
        await own(live, {0}, generation=1)
        batch = batch_of(VIEWS, 0, views(30))
        live.apply(batch)
        live._flush_due.clear()
        waiting = asyncio.create_task(live.back_pressure(batch))
        await asyncio.wait_for(live._flush_due.wait(), 10)
        await live.take_over(set(), generation=2)
        await asyncio.wait_for(waiting, 10)


class TestRunning:
    async def test_it_flushes_by_itself_and_once_more_when_it_stops(self, world: World, tmp_path: Path) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=0.05), PLAIN)
        durable = asyncio.Event()
        offsets: dict[TP, int] = {}

        def note(marks: Mapping[TP, int]) -> None:
            offsets.update(marks)
            durable.set()

        live.on_durable = note
        async with live:
            await own(live, {0}, generation=1)
            live.apply(batch_of(VIEWS, 0, views(3)))
            await asyncio.wait_for(durable.wait(), 10)
            live.apply(batch_of(VIEWS, 0, views(2), start=3))
        assert offsets == {TP(VIEWS, 0): 5}
        assert [cut.positions[VIEWS] for cut in world.writer_of(0).cuts][-1] == 5
        assert world.writer_of(0).calls == ["give_up", "close"]
        PartitionStore(tmp_path / "tables" / "0").close()

    async def test_partitions_are_flushed_one_after_the_other_spread_over_the_interval(
        self, world: World, tmp_path: Path
    ) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=1.0), PLAIN)
        at_s: dict[int, float] = {}
        all_of_them = asyncio.Event()

        def note(marks: Mapping[TP, int]) -> None:
            for tp in marks:
                at_s.setdefault(tp.partition, asyncio.get_running_loop().time())
            if len(at_s) == 4:
                all_of_them.set()

        live.on_durable = note
        async with live:
            await own(live, {0, 1, 2, 3}, generation=1)
            for number in range(4):
                live.apply(batch_of(VIEWS, number, views(3)))
            await asyncio.wait_for(all_of_them.wait(), 10)
        assert list(at_s) == [0, 1, 2, 3]
        assert max(at_s.values()) - min(at_s.values()) > 0.25  # of the 0.75 s that three quarters of it are

    async def test_a_full_cut_does_not_wait_for_the_interval(self, world: World, tmp_path: Path) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60, flush_rows=3), PLAIN)
        durable = asyncio.Event()
        live.on_durable = lambda _offsets: durable.set()
        async with live:
            await own(live, {0}, generation=1)
            live.apply(batch_of(VIEWS, 0, views(3)))
            await asyncio.wait_for(durable.wait(), 10)

    async def test_crashed_it_writes_nothing_more(self, world: World, tmp_path: Path) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        await live.crash(RuntimeError("a fold broke"))
        await live.stop()
        assert world.writer_of(0).cuts == []

    async def test_stopping_does_not_wait_for_kafka_for_ever(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live_module, "STOP_S", 0.1)
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        writer = world.writer_of(0)
        writer.hold()
        stopping = asyncio.create_task(live.stop())
        await under_way(writer)
        await asyncio.wait_for(asyncio.to_thread(writer.given_up.wait, 10), 10)
        writer.let_go.set()
        await asyncio.wait_for(stopping, 10)
        assert writer.calls[-1] == "close"
        assert live.owned == {}

    async def test_what_was_not_restored_to_its_end_is_not_ours(self, world: World, tmp_path: Path) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        told = threading.Event()

        def told_to_stop(_stores: Mapping[int, PartitionStore]) -> None:
            """The real one then returns at once."""
            live.loop.call_soon_threadsafe(live._stopped.set)
            live.loop.call_soon_threadsafe(told.set)
            assert told.wait(10)

        world.restore = told_to_stop
        await asyncio.wait([asyncio.create_task(live.take_over({0}, generation=1))])
        owned = dict(live.owned)
        live._stopped.clear()
        await live.stop()
        assert owned == {}

    async def test_a_take_over_whose_restore_ends_after_the_stop_lets_go_of_what_it_opened(
        self, world: World, tmp_path: Path
    ) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        told, go_on = asyncio.Event(), threading.Event()

        def slow(_stores: Mapping[int, PartitionStore]) -> None:
            live.loop.call_soon_threadsafe(told.set)
            go_on.wait(10)

        world.restore = slow
        taking_over = asyncio.create_task(live.take_over({0}, 1))
        await asyncio.wait_for(told.wait(), 10)
        await live.stop()
        go_on.set()
        await asyncio.wait_for(taking_over, 10)
        assert live.owned == {}
        assert world.writer_of(0).calls[-1] == "close"
        PartitionStore(tmp_path / "tables" / "0").close()

    async def test_stopping_ends_a_take_over_that_waits_for_kafka(self, world: World, tmp_path: Path) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        waiting = asyncio.Event()
        opened = world.new_writer

        def new_writer(*args: Any) -> FakeWriter:
            writer = opened(*args)

            def wait_for_kafka() -> None:
                live.loop.call_soon_threadsafe(waiting.set)
                writer.let_go.wait(10)

            writer.hold()
            writer.open = wait_for_kafka  # type: ignore[method-assign]
            give_up = writer.give_up

            def ended() -> None:
                give_up()
                writer.let_go.set()

            writer.give_up = ended  # type: ignore[method-assign]
            return writer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live_module, "PartitionWriter", new_writer)
            taking = asyncio.create_task(live.take_over({0}, generation=1))
            await asyncio.wait_for(waiting.wait(), 10)
            await asyncio.wait_for(live.stop(), 10)
        given_up = world.writer_of(0).given_up.is_set()
        world.writer_of(0).let_go.set()
        await asyncio.wait([taking])
        for left in live.owned.values():
            left.partition.store.close()
        assert given_up

    async def test_a_last_flush_that_kafka_refuses_still_lets_go_of_everything(
        self, world: World, tmp_path: Path
    ) -> None:
        live = LiveTables(LiveTablesConfig("shop", tmp_path, {}, flush_interval_s=60), PLAIN)
        await live.start()
        await own(live, {0}, generation=1)
        live.apply(batch_of(VIEWS, 0, views(3)))
        world.writer_of(0).failure = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no"))
        try:
            await live.stop()
        finally:
            left = dict(live.owned)
            await live._release(live.owned.keys())
            live._threads.shutdown()
        assert left == {}
