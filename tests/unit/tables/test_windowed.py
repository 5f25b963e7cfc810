"""Windowed tables: where rows stand depends on the events and the moment alone, and old windows go away for good."""

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.events import Event, ItemAddedToCart, ProductViewed, encode
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.activity import ACTIVITY, WINDOWS
from shopnow_streams.folds.late import LATE
from shopnow_streams.folds.shoppers import SHOPPERS
from shopnow_streams.folds.watermark import EventTime
from shopnow_streams.topics import Topic
from tables import windowed
from tables.partition import Partition
from tables.store import PartitionStore, prefix
from tables.windowed import WindowedRows
from tests.fakes import Record, apply, batch_of, settle
from tests.unit.folds.strategies import fold_all

VIEWS, ADDS = str(Topic.PRODUCT_VIEWED), str(Topic.ITEM_ADDED)
NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def view(after: timedelta, product: int = 1, user_id: int | None = 1) -> Event:
    return ProductViewed(timestamp=NOON + after, id_produit=product, nom_produit="", prix=1.0, user_id=user_id)


def add(after: timedelta) -> Event:
    return ItemAddedToCart(timestamp=NOON + after, id_produit=1, nom_produit="", quantite=1, prix=1.0, user_id=1)


def rows_of(partition: Partition, table: str = "activity") -> dict[Any, Any]:
    return dict(partition.tables[table].everything())


def stored(partition: Partition, table: str) -> set[Any]:
    decode = partition.tables[table].definition.decode_key
    return {decode(key) for key, _ in partition.store.scan(prefix(table))}


@pytest.fixture
def partition(store: PartitionStore) -> Partition:
    return Partition(3, TABLES, store)


class Feed:
    """Sends a partition what happens, topic by topic."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition

    def __call__(self, topic: str, *events: Event) -> None:
        start = self.partition.positions.get(topic, 0)
        apply(self.partition, batch_of(topic, self.partition.number, events, start=start))


class TestAdvance:
    def test_a_minute_becomes_part_of_its_hour_and_that_of_its_day(self, partition: Partition) -> None:
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(0)), view(timedelta(minutes=1), user_id=2), view(timedelta(minutes=60)))
        settle(partition)
        assert set(rows_of(partition)) == {"m2025-11-28T12:00+1", "m2025-11-28T12:01+1", "m2025-11-28T13:00+1"}
        feed(VIEWS, view(timedelta(minutes=122)))
        cut = settle(partition)
        assert cut is not None
        assert dict(cut.rows["activity"])[b"m2025-11-28T12:00+1"] is None
        rows = rows_of(partition)
        assert set(rows) == {"h2025-11-28T12+1", "m2025-11-28T13:00+1", "m2025-11-28T14:02+1"}
        assert (rows["h2025-11-28T12+1"].views, rows["h2025-11-28T12+1"].visitors.count) == (2, 2)
        feed(VIEWS, view(3 * DAY))
        settle(partition)
        assert set(rows_of(partition)) == {"d2025-11-28+1", "m2025-12-01T12:00+1"}
        assert rows_of(partition)["d2025-11-28+1"].views == 4
        assert stored(partition, "activity") == set(rows_of(partition))

    def test_a_day_is_forgotten_after_ninety(self, partition: Partition) -> None:
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(0)))
        feed(VIEWS, view(90 * DAY))
        settle(partition)
        assert "d2025-11-28+1" in rows_of(partition)
        feed(VIEWS, view(91 * DAY))
        settle(partition)
        assert set(rows_of(partition)) == {"h2026-02-26T12+1", "m2026-02-27T12:00+1"}
        assert set(rows_of(partition, "shoppers")) == {"h2026-02-26T12+1", "h2026-02-27T12+1"}

    def test_what_comes_for_a_window_that_went_goes_where_it_went(self, partition: Partition) -> None:
        """It is not late: another topic of the partition is ahead."""
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(hours=10)))
        settle(partition)
        feed(ADDS, add(timedelta(minutes=5)), add(timedelta(minutes=6)), add(timedelta(hours=9, minutes=59)))
        rows = rows_of(partition)
        assert set(rows) == {"m2025-11-28T22:00+1", "h2025-11-28T12+1", "m2025-11-28T21:59+1"}
        assert rows["h2025-11-28T12+1"].adds == 2
        feed(VIEWS, view(200 * DAY))
        settle(partition)
        feed(ADDS, add(timedelta(hours=12)))
        assert set(rows_of(partition)) == {"m2026-06-16T12:00+1"}

    def test_where_the_rows_stand_survives(self, partition: Partition, store: PartitionStore) -> None:
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(hours=10)))
        settle(partition)
        again = Partition(3, TABLES, store)
        assert again.stands == partition.stands
        assert again.clock == NOON + timedelta(hours=10)
        Feed(again)(ADDS, add(timedelta(minutes=5)))
        assert "h2025-11-28T12+1" in rows_of(again)

    def test_much_is_moved_in_steps_each_of_whole_windows(
        self, partition: Partition, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(windowed, "MOST_ROWS", 7)
        feed = Feed(partition)
        for minute in range(10):
            feed(VIEWS, *(view(timedelta(minutes=minute), product) for product in range(4)))
        feed(VIEWS, view(timedelta(days=1)))
        table: WindowedRows[Any] = partition.tables["activity"]  # type: ignore[assignment]
        stands = []
        while table.stands < partition.clock:
            table.advance(partition.clock)
            stands.append(table.stands)
            minutes = [key for key in rows_of(partition) if key.startswith("m2025-11-28T12")]
            assert len(minutes) % 4 == 0
            assert all(key >= WINDOWS.levels[0].bound(table.stands) for key in minutes)
        assert len(stands) == 6  # two minutes at a time, and then nothing is left
        assert {key: row.views for key, row in rows_of(partition).items() if key.startswith("h")} == {
            f"h2025-11-28T12+{product}": 10 for product in range(4)
        }

    def test_a_moment_back_changes_nothing(self, partition: Partition) -> None:
        Feed(partition)(VIEWS, view(timedelta(0)), view(timedelta(minutes=10)))
        table: WindowedRows[Any] = partition.tables["activity"]  # type: ignore[assignment]
        table.advance(NOON + timedelta(days=1))
        before = rows_of(partition), table.stands
        table.advance(NOON)
        assert (rows_of(partition), table.stands) == before


class TestLate:
    def test_is_counted_named_and_in_no_window_but_in_every_other_table(self, partition: Partition) -> None:
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(hours=3)), view(timedelta(hours=1)), view(timedelta(hours=2)))
        (late,) = rows_of(partition, "late").values()
        assert (late.late, late.ahead) == (1, 0)
        assert [(one.partition, one.offset, one.timestamp) for one in late.newest] == [
            (3, 1, NOON + timedelta(hours=1))
        ]
        assert set(rows_of(partition)) == {"m2025-11-28T15:00+1", "m2025-11-28T14:00+1"}
        assert rows_of(partition, "products")[1].views == 3
        assert partition.misdated == {(VIEWS, "late"): 1}

    def test_a_wrong_clock_moves_nothing_but_its_count(self, partition: Partition) -> None:
        records: Any = [
            Record(offset, encode(view(after)), b"key", stamp_ms=int(NOON.timestamp() * 1000))
            for offset, after in enumerate([timedelta(0), 400 * DAY, timedelta(seconds=30)])
        ]
        apply(partition, Batch(TP(VIEWS, 3), records, 0, 1))
        assert partition.clock == NOON + timedelta(seconds=30)
        assert rows_of(partition)["m2025-11-28T12:00+1"].views == 2
        assert rows_of(partition, "late")[VIEWS].ahead == 1
        assert partition.misdated == {(VIEWS, "ahead"): 1}

    def test_each_topic_has_a_watermark_of_its_own(self, partition: Partition) -> None:
        feed = Feed(partition)
        feed(VIEWS, view(timedelta(hours=30)))
        feed(ADDS, add(timedelta(0)))
        assert rows_of(partition, "late") == {}
        assert partition.watermarks == {VIEWS: NOON + timedelta(hours=30), ADDS: NOON}

    def test_the_watermark_survives(self, partition: Partition, store: PartitionStore) -> None:
        Feed(partition)(VIEWS, view(timedelta(hours=3)))
        settle(partition)
        again = Partition(3, TABLES, store)
        Feed(again)(VIEWS, view(timedelta(minutes=1)))
        assert rows_of(again, "late")[VIEWS].late == 1

    def test_other_rules_are_other_tables(self, partition: Partition) -> None:
        other = Partition(3, TABLES, partition.store, EventTime(lateness=timedelta(0)))
        assert other.origin != partition.origin


@pytest.fixture
def long_lived(store: PartitionStore) -> Iterator[tuple[Partition, list[tuple[int, int]]]]:
    """A hundred simulated days of a small shop; how many rows of windows there were, and bytes, at the end of each."""
    partition = Partition(3, TABLES, store)
    sizes: list[tuple[int, int]] = []
    feed = Feed(partition)
    chance = random.Random(7)
    for day in range(100):
        for hour in range(24):
            at = day * DAY + timedelta(hours=hour)
            views = [
                view(at + timedelta(minutes=6 * part), chance.randrange(3), chance.randrange(50)) for part in range(4)
            ]
            feed(VIEWS, *views, view(at - 2 * DAY))
            feed(ADDS, add(at))
            settle(partition)
        rows = [rows_of(partition, name) for name in ("activity", "shop", "shoppers", "late")]
        sizes.append((sum(map(len, rows)), sum(len(value) for _, value in partition.store.scan(b""))))
    yield partition, sizes


def test_over_a_hundred_days_the_state_stays_bounded(long_lived: tuple[Partition, list[tuple[int, int]]]) -> None:
    partition, sizes = long_lived
    days = 91
    assert max(rows for rows, _ in sizes[days:]) <= max(rows for rows, _ in sizes[: days + 1])
    for table, lengths in (("activity", "mhd"), ("shop", "mhd"), ("shoppers", "h")):
        assert stored(partition, table) == set(rows_of(partition, table))
        assert {key[0] for key in rows_of(partition, table)} == set(lengths)
    products = 3
    windows = 2 * 10 + 49 + 90  # at most
    assert len(rows_of(partition, "activity")) <= products * windows
    assert len(rows_of(partition, "shoppers")) <= 25 * 5
    late = rows_of(partition, "late")[VIEWS]
    assert (late.late, len(late.newest)) == (100 * 24, 100)
    kept = [hour for hour in range(100 * 24) if NOON + timedelta(hours=hour) >= datetime(2025, 12, 8, tzinfo=UTC)]
    assert sum(row.views for row in rows_of(partition, "shop").values()) == 4 * len(kept)


@settings(max_examples=25)
@given(
    minutes=st.lists(st.integers(0, 60 * 24 * 3), min_size=1, max_size=20),
    seed=st.integers(0, 2**32),
    most=st.sampled_from([1, 3, 5_000]),
)
def test_rows_are_what_the_events_and_the_moment_make_however_it_got_there(
    minutes: list[int], seed: int, most: int
) -> None:
    """Cuts, restarts and other topics in between change nothing; every event is in exactly one window of a table."""
    chance = random.Random(seed)
    events = [(Topic.PRODUCT_VIEWED, view(timedelta(minutes=at), at % 2, at % 5)) for at in minutes]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "MOST_ROWS", most)
        store = PartitionStore(Path(folder) / "store")
        rules = EventTime(lateness=timedelta(days=30))
        partition = Partition(0, TABLES, store, rules)
        for _, event in events:
            Feed(partition)(VIEWS, event)
            if chance.random() < 0.3:
                settle(partition, keep_rows=chance.choice([0, 100]))
            if chance.random() < 0.1:
                settle(partition)
                partition = Partition(0, TABLES, store, rules)
        for definition in (ACTIVITY, SHOPPERS):
            table: WindowedRows[Any] = partition.tables[definition.name]  # type: ignore[assignment]
            while table.stands < partition.clock and _can_move(table, partition.clock):
                table.advance(partition.clock)
            assert dict(table.everything()) == _placed(definition, events, partition.clock)
        assert LATE.name in partition.tables
        store.close()


def _can_move(table: WindowedRows[Any], clock: datetime) -> bool:
    first = table._windows.levels[0]
    return first.oldest(table.stands) != first.oldest(clock)


def _placed(definition: Any, events: list[tuple[Topic, Event]], moment: datetime) -> dict[Any, Any]:
    """Each row of the shortest windows, where it belongs at that moment."""
    placed: dict[Any, Any] = {}
    for key, state in fold_all(definition, events).items():
        place = definition.windows.places(moment).of(key)
        if place is not None:
            placed[place] = definition.merge(placed.get(place, definition.state()), state)
    return placed
