"""A partition is always the fold of every record below its positions, whatever was cut, evicted and reopened."""

import dataclasses
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import DeliveryGap, OffsetsLost, TablesChanged
from shopnow_streams.events import Event, OrderLine, OrderPlaced, ProductViewed, StockUpdated
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.hours import HOURS
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS, Cut, Reject
from tables.partition import Partition
from tables.store import PartitionStore, prefix
from tests.fakes import Record, apply, batch_of, settle
from tests.unit.folds.strategies import NOON, PLAIN, fold_all, histories

VIEWS = str(Topic.PRODUCT_VIEWED)
STOCK = str(Topic.STOCK_UPDATED)


def view(product: int = 1) -> ProductViewed:
    return ProductViewed(timestamp=NOON, id_produit=product, nom_produit="Thé", prix=1.0)


def rows_of(partition: Partition) -> dict[str, dict[Any, Any]]:
    return {name: dict(rows.everything()) for name, rows in partition.tables.items()}


@pytest.fixture
def partition(store: PartitionStore) -> Partition:
    return Partition(3, PLAIN, store)


class TestApply:
    def test_folds_every_event_and_stands_after_the_last(self, partition: Partition) -> None:
        apply(partition, batch_of(VIEWS, 3, [view(), view(2)], start=10))
        assert partition.positions == {VIEWS: 12}
        assert {key: row.views for key, row in rows_of(partition)["products"].items()} == {1: 1, 2: 1}
        assert rows_of(partition)["hours"]["2025-11-28T12"].views == 2
        assert partition.accepted[VIEWS] == 2

    def test_takes_batches_one_behind_the_other_each_topic_by_itself(self, partition: Partition) -> None:
        apply(partition, batch_of(VIEWS, 3, [view()] * 2, start=0))
        apply(partition, batch_of(STOCK, 3, [StockUpdated(timestamp=NOON, id_produit=1, stock=4)], start=70))
        apply(partition, batch_of(VIEWS, 3, [view()] * 3, start=2))
        assert partition.positions == {VIEWS: 5, STOCK: 71}
        assert rows_of(partition)["products"][1].views == 5

    def test_offsets_may_be_missing_between_records_and_before_the_first(self, partition: Partition) -> None:
        value = batch_of(VIEWS, 3, [view()]).records[0].value()
        tp = batch_of(VIEWS, 3, [view()]).tp
        apply(partition, Batch(tp, [Record(4, value), Record(9, value)], start=2, epoch=1))
        apply(partition, Batch(tp, [Record(12, value)], start=10, epoch=1))
        assert partition.positions == {VIEWS: 13}
        assert rows_of(partition)["products"][1].views == 3

    @pytest.mark.parametrize("start", [0, 1, 3, 99])
    def test_a_batch_that_is_not_the_next_one_changes_nothing(self, partition: Partition, start: int) -> None:
        apply(partition, batch_of(VIEWS, 3, [view(), b"?"], start=0))
        before = rows_of(partition), dict(partition.positions), partition.pending, Counter(partition.accepted)
        with pytest.raises(DeliveryGap, match=rf"{VIEWS} partition 3.*{start}.*2"):
            partition.apply(batch_of(VIEWS, 3, [view(5), b"?"], start=start))
        assert (rows_of(partition), partition.positions, partition.pending, partition.accepted) == before

    def test_a_batch_of_a_topic_that_was_not_begun_is_refused(self, partition: Partition) -> None:
        with pytest.raises(DeliveryGap):
            partition.apply(batch_of(VIEWS, 3, [view()], start=0))
        assert partition.cut() is None
        partition.begin(VIEWS, 4)
        with pytest.raises(DeliveryGap):
            partition.apply(batch_of(VIEWS, 3, [view()], start=5))
        partition.apply(batch_of(VIEWS, 3, [view()], start=4))

    def test_to_begin_again_elsewhere_changes_nothing(self, partition: Partition) -> None:
        apply(partition, batch_of(VIEWS, 3, [view()], start=4))
        partition.begin(VIEWS, 0)
        assert partition.positions == {VIEWS: 5}

    def test_a_batch_of_no_records_only_moves_on(self, partition: Partition) -> None:
        tp = batch_of(VIEWS, 3, [view()]).tp
        apply(partition, Batch(tp, [], start=4, epoch=1, next_offset=6))
        assert partition.positions == {VIEWS: 6}
        assert partition.pending == 0
        cut = partition.cut()
        assert cut is not None
        assert cut.positions == {VIEWS: 6}

    def test_a_batch_that_is_not_the_next_one_is_refused_after_a_restart_too(
        self, partition: Partition, store: PartitionStore
    ) -> None:
        apply(partition, batch_of(VIEWS, 3, [view()], start=5))
        settle(partition)
        with pytest.raises(DeliveryGap):
            Partition(3, PLAIN, store).apply(batch_of(VIEWS, 3, [view()], start=5))

    def test_a_state_is_read_from_the_store_and_folded_on(self, partition: Partition, store: PartitionStore) -> None:
        apply(partition, batch_of(VIEWS, 3, [view()], start=0))
        settle(partition)
        restored = Partition(3, PLAIN, store)
        apply(restored, batch_of(VIEWS, 3, [view()], start=1))
        assert rows_of(restored)["products"][1].views == 2


class TestRejects:
    def test_what_is_no_event_goes_into_the_cut_in_order_its_value_untouched(self, partition: Partition) -> None:
        values: list[Event | bytes | None] = [b"{", view(), None, b'{"id_produit": 1}', b"\xff\x00"]
        apply(partition, batch_of(VIEWS, 3, values, start=40))
        cut = partition.cut()
        assert cut is not None
        assert [reject[:5] for reject in cut.rejects] == [
            (VIEWS, 40, b"key-40", b"{", "not-json"),
            (VIEWS, 42, b"key-42", None, "no-value"),
            (VIEWS, 43, b"key-43", b'{"id_produit": 1}', "not-valid"),
            (VIEWS, 44, b"key-44", b"\xff\x00", "not-json"),
        ]
        assert all(reject.detail for reject in cut.rejects)
        assert "timestamp" in cut.rejects[2].detail

    def test_they_are_counted_by_topic_and_reason_and_the_events_beside_them_are_folded(
        self, partition: Partition
    ) -> None:
        apply(partition, batch_of(VIEWS, 3, [b"{", view(), None, b"{}", view(), b""]))
        apply(partition, batch_of(STOCK, 3, [b"[]"]))
        rows = rows_of(partition)
        assert {key: row.by_reason for key, row in rows["rejections"].items()} == {
            VIEWS: {"not-json": 2, "no-value": 1, "not-valid": 1},
            STOCK: {"not-valid": 1},
        }
        assert rows["products"][1].views == 2
        assert partition.accepted == {VIEWS: 2, STOCK: 0}
        assert partition.positions == {VIEWS: 6, STOCK: 1}

    def test_a_batch_of_nothing_else_is_cut_like_any_other(self, partition: Partition) -> None:
        apply(partition, batch_of(VIEWS, 3, [None, None], start=7))
        cut = partition.cut()
        assert cut is not None
        assert (cut.positions, len(cut.rejects)) == ({VIEWS: 9}, 2)

    def test_they_are_in_one_cut_only_and_their_count_survives(
        self, partition: Partition, store: PartitionStore
    ) -> None:
        apply(partition, batch_of(VIEWS, 3, [b"{"], start=0))
        first = settle(partition)
        apply(partition, batch_of(VIEWS, 3, [b"[", view()], start=1))
        second = settle(partition)
        assert first is not None
        assert second is not None
        assert [reject.offset for reject in first.rejects + second.rejects] == [0, 1]
        assert rows_of(Partition(3, PLAIN, store))["rejections"][VIEWS].by_reason == {"not-json": 1, "not-valid": 1}


class TestCut:
    def test_there_is_none_where_nothing_moved(self, partition: Partition, store: PartitionStore) -> None:
        assert partition.cut() is None
        apply(partition, batch_of(VIEWS, 3, [view()]))
        assert settle(partition) is not None
        assert partition.cut() is None
        assert Partition(3, PLAIN, store).cut() is None

    def test_it_holds_changed_rows_and_every_position(self, partition: Partition) -> None:
        apply(partition, batch_of(STOCK, 3, [StockUpdated(timestamp=NOON, id_produit=1, stock=4)], start=6))
        settle(partition)
        apply(partition, batch_of(VIEWS, 3, [view()], start=0))
        cut = partition.cut()
        assert cut is not None
        assert cut.partition == 3
        assert {name for name, rows in cut.rows.items() if rows} == {"products", "hours", POSITIONS}
        assert cut.positions == {VIEWS: 1, STOCK: 7}
        stored = dict(cut.rows[POSITIONS])
        assert {topic: int(stored[topic.encode()] or b"") for topic in cut.positions} == cut.positions
        assert stored.keys() - {topic.encode() for topic in cut.positions} == {f"watermark:{VIEWS}".encode()}
        assert len(cut) == 1 + 1 + 3

    def test_it_is_of_one_instant_although_folding_goes_on(self, partition: Partition, store: PartitionStore) -> None:
        apply(partition, batch_of(VIEWS, 3, [view(), b"?"], start=0))
        cut = partition.cut()
        apply(partition, batch_of(VIEWS, 3, [view(), view(2), b"?"], start=2))
        assert cut is not None
        assert cut.positions == {VIEWS: 2}
        assert len(cut.rejects) == 1
        store.write({prefix(table): rows for table, rows in cut.rows.items()}, {})
        restored = Partition(3, PLAIN, store)
        assert restored.positions == {VIEWS: 2}
        rows = rows_of(restored)
        assert {key: row.views for key, row in rows["products"].items()} == {1: 1}
        assert rows["hours"]["2025-11-28T12"].views == 1
        assert rows["rejections"][VIEWS].by_reason == {"not-json": 1}

    def test_what_was_folded_during_a_flush_is_in_the_next_cut(self, partition: Partition) -> None:
        apply(partition, batch_of(VIEWS, 3, [view()], start=0))
        first = partition.cut()
        apply(partition, batch_of(VIEWS, 3, [view()], start=1))
        assert first is not None
        partition.store.write({prefix(table): rows for table, rows in first.rows.items()}, {})
        partition.settle(0)
        second = partition.cut()
        assert second is not None
        (product,) = (msgspec.json.decode(value or b"") for _, value in second.rows["products"])
        assert (second.positions, product["views"]) == ({VIEWS: 2}, 2)

    def test_pending_is_what_the_next_cut_would_write_but_for_positions(self, partition: Partition) -> None:
        assert partition.pending == 0
        apply(partition, batch_of(VIEWS, 3, [view(), view(2), b"?"]))
        assert partition.pending == 2 + 1 + 1 + 1  # products, the hour, the count of rejections, the reject
        cut = partition.cut()
        assert cut is not None
        assert len(cut) == 5 + 3  # its position, its watermark, and which tables these are
        assert partition.pending == 0

    def test_its_length_is_its_rows_and_rejects(self) -> None:
        reject = Reject(VIEWS, 1, None, None, "no-value", "")
        assert len(Cut(0, {"a": [(b"", b"")] * 2, "b": []}, {}, [reject])) == 3


class FoldBroke(Exception):
    """What no fold of ours raises, as far as we know."""


@pytest.fixture
def breakable(store: PartitionStore, monkeypatch: pytest.MonkeyPatch) -> Partition:
    """A partition whose stock table breaks on the second event of a batch. It was at offset 1 of two topics before."""
    partition = Partition(3, PLAIN, store)
    apply(partition, batch_of(VIEWS, 3, [view()]))
    apply(partition, batch_of(Topic.ORDER_PLACED, 3, [placed()]))
    settle(partition)
    hours = partition.tables["hours"]

    def broken(*_: Any) -> None:
        raise FoldBroke

    monkeypatch.setattr(hours, "fold", broken)
    return partition


def placed() -> OrderPlaced:
    line = OrderLine(id_produit=1, quantite=1, prix=5.0)
    return OrderPlaced(timestamp=NOON, id_commande=1, user_id=1, articles=[line], montant_total=5.0)


def test_a_batch_whose_fold_broke_half_way_is_in_no_cut(breakable: Partition, store: PartitionStore) -> None:
    with pytest.raises(FoldBroke):
        breakable.apply(batch_of(VIEWS, 3, [view()], start=1))  # products has it, hours does not
    apply(breakable, batch_of(STOCK, 3, [StockUpdated(timestamp=NOON, id_produit=1, stock=4)]))
    settle(breakable)
    restored = Partition(3, PLAIN, store)
    row = rows_of(restored)["products"][1]
    assert (row.views, restored.positions[VIEWS]) in {(1, 1), (2, 2)}


class UnreadableRecord(Record):
    """A record whose value can't be had."""

    def value(self) -> bytes | None:
        raise FoldBroke


def test_a_batch_whose_decoding_broke_half_way_is_in_no_cut(partition: Partition) -> None:
    apply(partition, batch_of(STOCK, 3, [StockUpdated(timestamp=NOON, id_produit=1, stock=4)]))
    partition.begin(VIEWS, 0)
    with pytest.raises(FoldBroke):
        partition.apply(Batch(TP(VIEWS, 3), [Record(0, b"?"), UnreadableRecord(1)], start=0, epoch=1))
    cut = partition.cut()
    assert cut is None or (cut.rejects, cut.rows["rejections"]) == ([], [])


def batches_of(
    history: list[tuple[Topic, Event]], chance: random.Random, garbage: float = 0.1
) -> Iterator[tuple[Batch, list[tuple[Topic, Event]]]]:
    """The history as batches of a few events of one topic each, with garbage among them; and what was in each."""
    positions: Counter[str] = Counter()
    at = 0
    while at < len(history):
        topic = history[at][0]
        events = []
        while at < len(history) and history[at][0] == topic and chance.random() < 0.8:
            events.append(history[at])
            at += 1
        values: list[Event | bytes | None] = []
        for _, event in events:
            if chance.random() < garbage:
                values.append(chance.choice([None, b"", b"{}", b"?"]))
            values.append(event)
        if values:
            yield batch_of(topic, 0, values, start=positions[topic]), events
            positions[topic] += len(values)


@given(history=histories(40), seed=st.integers(0, 2**32))
@settings(max_examples=40)
def test_whatever_is_cut_evicted_and_reopened_the_rows_are_the_fold_of_all_below_the_positions(
    history: list[tuple[Topic, Event]], seed: int
) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = PartitionStore(Path(folder) / "store")
        partition = Partition(0, PLAIN, store)
        applied: list[tuple[Topic, Event]] = []
        durable: list[tuple[Topic, Event]] = []
        flushes = 0
        for batch, events in batches_of(history, chance):
            apply(partition, batch)
            applied += events
            if chance.random() < 0.4:
                settle(partition, keep_rows=chance.choice([0, 2, 100]))
                durable, flushes = list(applied), flushes + 1
        for definition in PLAIN:
            if definition.flows:
                assert rows_of(partition)[definition.name] == fold_all(definition, applied)
        restored = Partition(0, PLAIN, store)
        for definition in PLAIN:
            if definition.flows:
                assert rows_of(restored)[definition.name] == fold_all(definition, durable)
        assert bool(restored.positions) == bool(flushes)
        store.close()


def test_every_topic_of_every_flow_is_folded(partition: Partition) -> None:
    """A flow whose topic is misspelt would be a table that stays empty."""
    fed = {topic for topic, flows in partition._flows.items() if flows}
    assert fed == set(Topic)
    definitions: list[Definition[Any]] = [rows.definition for rows, _ in partition._flows[Topic.ORDER_PLACED]]
    assert PRODUCTS in definitions


class TestSources:
    """The topics that a partition's positions are offsets of."""

    def reopened(self, store: PartitionStore, ids: dict[str, str]) -> Partition:
        partition = Partition(3, PLAIN, store)
        partition.recognise(ids)
        return partition

    def stand(self, store: PartitionStore, ids: dict[str, str]) -> None:
        partition = self.reopened(store, ids)
        partition.begin(VIEWS, 0)
        apply(partition, batch_of(VIEWS, 3, [b"?"]))
        settle(partition)

    def test_are_known_again_and_are_no_positions(self, store: PartitionStore) -> None:
        self.stand(store, {VIEWS: "one", STOCK: "two"})
        assert self.reopened(store, {VIEWS: "one", STOCK: "two"}).positions == {VIEWS: 1}

    def test_made_anew_are_refused(self, store: PartitionStore) -> None:
        self.stand(store, {VIEWS: "one", STOCK: "two"})
        with pytest.raises(OffsetsLost, match=f"{VIEWS} partition 3"):
            self.reopened(store, {VIEWS: "other", STOCK: "two"})

    def test_made_anew_before_anything_of_them_was_folded_are_taken(self, store: PartitionStore) -> None:
        self.stand(store, {VIEWS: "one", STOCK: "two"})
        assert self.reopened(store, {VIEWS: "one", STOCK: "other"}).positions == {VIEWS: 1}

    def test_that_no_cut_noted_are_taken(self, store: PartitionStore) -> None:
        self.stand(store, {})
        assert self.reopened(store, {VIEWS: "one"}).positions == {VIEWS: 1}

    def test_are_written_once(self, store: PartitionStore) -> None:
        partition = self.reopened(store, {VIEWS: "one"})
        partition.begin(VIEWS, 0)
        written = []
        for start in range(3):
            apply(partition, batch_of(VIEWS, 3, [b"?"], start=start))
            cut = partition.cut()
            assert cut is not None
            written.append([key for key, _ in cut.rows[POSITIONS] if b":" in key])
            partition.settle(0)
        assert written == [[b"source:produit-consulte", b"tables:"], [], []]


class TestVersions:
    """Which tables' rows a partition has."""

    def stood(self, store: PartitionStore, *definitions: Definition[Any], start: int = 0) -> None:
        partition = Partition(3, definitions, store)
        partition.recognise({})
        partition.begin(VIEWS, 0)
        apply(partition, batch_of(VIEWS, 3, [view()] * 2, start=start))
        settle(partition)

    def test_the_same_tables_go_on(self, store: PartitionStore) -> None:
        self.stood(store, PRODUCTS, HOURS)
        partition = Partition(3, [PRODUCTS, HOURS], store)
        partition.recognise({})
        assert partition.positions == {VIEWS: 2}

    def test_a_table_that_is_new_is_refused_since_it_would_lack_what_was_folded_before(
        self, store: PartitionStore
    ) -> None:
        self.stood(store, PRODUCTS)
        with pytest.raises(TablesChanged, match=r"partition 3: .* hours .*shopnow rebuild --replace"):
            Partition(3, [PRODUCTS, HOURS], store).recognise({})

    def test_a_table_of_another_version_is_refused(self, store: PartitionStore) -> None:
        self.stood(store, PRODUCTS, HOURS)
        with pytest.raises(TablesChanged, match=r"partition 3: .* products did"):
            Partition(3, [dataclasses.replace(PRODUCTS, version=2), HOURS], store).recognise({})

    def test_a_table_that_was_left_out_for_a_while_is_refused(self, store: PartitionStore) -> None:
        self.stood(store, PRODUCTS, HOURS)
        self.stood(store, PRODUCTS, start=2)
        with pytest.raises(TablesChanged, match="hours"):
            Partition(3, [PRODUCTS, HOURS], store).recognise({})

    def test_rows_of_before_versions_were_noted_go_on_and_are_noted(self, store: PartitionStore) -> None:
        self.stood(store, PRODUCTS)
        store.write({prefix(POSITIONS): [(b"tables:", None)]}, {})
        self.stood(store, PRODUCTS, start=2)
        with pytest.raises(TablesChanged, match="hours"):
            Partition(3, [PRODUCTS, HOURS], store).recognise({})

    def test_where_nothing_was_folded_yet_there_is_nothing_to_refuse(self, store: PartitionStore) -> None:
        Partition(3, [PRODUCTS], store).recognise({})
        Partition(3, [PRODUCTS, HOURS], store).recognise({})
