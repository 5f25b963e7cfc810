"""Changes are noted while somebody asks for them, and cost nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shopnow_streams.events import Event, ProductViewed
from shopnow_streams.topics import Topic
from tables import changes as changes_module
from tables.changes import Changes
from tables.journal import NOWHERE, Mark
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.store import PartitionStore
from tests.fakes import FakeWriter, apply, batch_of, settle
from tests.unit.folds.strategies import NOON, PLAIN

VIEWS = str(Topic.PRODUCT_VIEWED)


def view(product: int) -> Event:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


@pytest.fixture
def live(store: PartitionStore) -> Iterator[LiveTables]:
    live = LiveTables(LiveTablesConfig("shop", Path(), {}), PLAIN)
    own(live, store)
    yield live


def own(live: LiveTables, store: PartitionStore) -> Partition:
    partition = live._own(3, {3: FakeWriter(3)}, {3: store}, {})  # type: ignore[dict-item]
    live.owned[3] = partition
    return partition.partition


def fold(live: LiveTables, *products: int) -> None:
    partition = live.owned[3].partition
    start = partition.positions.get(VIEWS, 0)
    apply(partition, batch_of(VIEWS, 3, [view(product) for product in products], start=start))


async def test_nothing_is_noted_until_somebody_asks(live: LiveTables) -> None:
    changes = Changes(live)
    fold(live, 1)
    partition = live.owned[3].partition
    assert not changes.kept
    assert partition.journal is None
    assert all(rows.watched is None for rows in partition.tables.values())
    (first,) = changes.since(None)
    assert (first.offsets, first.changed) == ({VIEWS: 1}, {})
    fold(live, 2, 7)
    (then,) = changes.since({3: Mark(first.journal, first.offsets)})
    assert then.changed is not None
    assert {table: set(keys) for table, keys in then.changed.items()} == {
        "products": {"2", "7"},
        "hours": {"2025-11-28T12"},
    }
    changes.end()


async def test_a_cut_hides_no_change(live: LiveTables) -> None:
    changes = Changes(live)
    (first,) = changes.since(None)
    fold(live, 1)
    settle(live.owned[3].partition)
    (then,) = changes.since({3: Mark(first.journal, first.offsets)})
    assert then.changed is not None
    assert then.changed["products"] == ["1"]
    changes.end()


async def test_a_partition_that_is_taken_over_is_noted_from_its_first_record(
    live: LiveTables, store: PartitionStore
) -> None:
    changes = Changes(live)
    fold(live, 1)
    settle(live.owned[3].partition)
    (before,) = changes.since(None)
    own(live, store)
    fold(live, 2)
    (then,) = changes.since({3: Mark(before.journal, before.offsets)})
    assert then.changed is not None
    assert then.changed["products"] == ["2"]
    assert then.journal != before.journal
    assert then.origin == before.origin
    changes.end()


async def test_what_is_not_asked_for_any_more_is_not_noted_any_more(
    live: LiveTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "_NOTE_S", 0.005)
    changes = Changes(live, keep_s=0.03)
    (first,) = changes.since(None)
    fold(live, 1)
    partition = live.owned[3].partition
    await asyncio.sleep(0.015)
    assert not partition.tables["products"].watched, "it was moved into the journal, which is bounded"
    for _ in range(1_000):
        if not changes.kept:
            break
        await asyncio.sleep(0.005)
    assert partition.journal is None
    (later,) = changes.since({3: Mark(first.journal, first.offsets)})
    assert later.changed is None
    changes.end()


async def test_offsets_of_another_application_can_be_told_apart(store: PartitionStore, live: LiveTables) -> None:
    other = LiveTables(LiveTablesConfig("another", Path(), {}), PLAIN)
    other.owned[3] = Owned(live.owned[3].partition, FakeWriter(3), asyncio.Lock())  # type: ignore[arg-type]
    one, another = Changes(live), Changes(other)
    assert one.since({3: NOWHERE})[0].origin != another.since({3: NOWHERE})[0].origin
    live.owned[3].partition.recognise({VIEWS: "topic-id"})
    assert one.since(None)[0].origin != Changes(other).since(None)[0].origin
    for changes in (one, another):
        changes.end()
