"""What every table owes its readers: rows that are right whatever the partitions, their order, and that of events."""

import random
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import MAX_ID, Event, OrderLine, OrderPlaced, ProductViewed, StockUpdated
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.definition import Definition
from shopnow_streams.folds.encoding import decoder, encode
from shopnow_streams.folds.shoppers import SHOPPERS
from shopnow_streams.folds.windows import EPOCH
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON, any_moments, events, fold_all, fold_batch, histories, merge_all, states

few = settings(max_examples=20)  # of each property, and for each table
LAST = datetime(9998, 1, 1, tzinfo=UTC)
each_table = pytest.mark.parametrize("definition", TABLES, ids=lambda definition: definition.name)


def bytes_of(rows: dict[Any, Any]) -> dict[Any, bytes]:
    """Rows as the changelog has them: equal here is equal in every field."""
    return {key: encode(state) for key, state in rows.items()}


def test_the_tables_are_all_there() -> None:
    plain = ["products", "stock", "orders", "hours", "rejections", "late"]
    assert [definition.name for definition in TABLES if definition.windows is None] == plain
    assert [definition.name for definition in TABLES if definition.windows] == ["activity", "shop", "shoppers"]


def test_every_topic_feeds_a_table() -> None:
    assert {flow.topic for definition in TABLES for flow in definition.flows} == set(Topic)


@each_table
class TestMerge:
    @few
    @given(data=st.data())
    def test_is_commutative(self, definition: Definition[Any], data: st.DataObject) -> None:
        one, other = data.draw(states(definition)), data.draw(states(definition))
        assert definition.merge(one, other) == definition.merge(other, one)

    @few
    @given(data=st.data())
    def test_is_associative(self, definition: Definition[Any], data: st.DataObject) -> None:
        one, two, three = (data.draw(states(definition)) for _ in range(3))
        merge = definition.merge
        assert merge(merge(one, two), three) == merge(one, merge(two, three))

    @few
    @given(data=st.data())
    def test_with_an_untouched_row_changes_nothing(self, definition: Definition[Any], data: st.DataObject) -> None:
        state = data.draw(states(definition))
        assert definition.merge(definition.state(), state) == state == definition.merge(state, definition.state())

    @few
    @given(data=st.data())
    def test_leaves_what_it_is_given_as_it_was(self, definition: Definition[Any], data: st.DataObject) -> None:
        one, other = data.draw(states(definition)), data.draw(states(definition))
        before = encode([one, other])
        merged = definition.merge(one, other)
        assert encode([one, other]) == before
        assert merged is not one
        assert merged is not other

    @few
    @given(data=st.data())
    def test_a_state_survives_the_changelog(self, definition: Definition[Any], data: st.DataObject) -> None:
        state = data.draw(states(definition))
        assert decoder(definition.state).decode(encode(state)) == state

    def test_two_untouched_rows_share_nothing(self, definition: Definition[Any]) -> None:
        one, other = definition.state(), definition.state()
        for name in one.__struct_fields__:
            value = getattr(one, name)
            assert not isinstance(value, dict | list | set) or value is not getattr(other, name)


@each_table
class TestFolding:
    @few
    @given(history=histories(), seed=st.integers(0, 2**32), partitions=st.integers(1, 4))
    def test_any_split_over_partitions_in_any_order_gives_the_same_rows(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]], seed: int, partitions: int
    ) -> None:
        chance = random.Random(seed)
        split: list[list[tuple[Topic, Event]]] = [[] for _ in range(partitions)]
        for event in history:
            chance.choice(split).append(event)
        for partition in split:
            chance.shuffle(partition)
        partials = [fold_all(definition, partition) for partition in split]
        chance.shuffle(partials)
        assert merge_all(definition, partials) == fold_all(definition, history)

    @few
    @given(history=histories(), seed=st.integers(0, 2**32))
    def test_any_order_of_events_gives_the_same_rows(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]], seed: int
    ) -> None:
        shuffled = random.Random(seed).sample(history, len(history))
        assert fold_all(definition, shuffled) == fold_all(definition, history)

    @few
    @given(history=histories(), cut=st.integers(0, 20))
    def test_a_row_restored_half_way_goes_on_as_if_it_had_not_been(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]], cut: int
    ) -> None:
        rows = fold_all(definition, history[:cut])
        restored = {key: decoder(definition.state).decode(raw) for key, raw in bytes_of(rows).items()}
        for topic, event in history[cut:]:
            fold_batch(definition, restored, topic, [event])
        assert restored == fold_all(definition, history)

    @given(history=st.lists(events(any_moments), max_size=4))
    @settings(max_examples=15)
    def test_every_event_that_can_be_written_folds_into_a_row_that_can_be_written(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]]
    ) -> None:
        if definition.windows is not None:  # no other event gets there
            history = [(topic, event) for topic, event in history if EPOCH <= event.timestamp < LAST]
        for key, state in fold_all(definition, history).items():
            assert definition.decode_key(definition.encode_key(key)) == key
            assert decoder(definition.state).decode(encode(state)) == state

    @few
    @given(history=histories())
    def test_a_batch_folded_at_once_is_its_events_folded_one_by_one(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]]
    ) -> None:
        for topic in Topic:
            batch = [event for of, event in history if of == topic]
            rows: dict[Any, Any] = {}
            fold_batch(definition, rows, topic, batch)
            assert rows == fold_all(definition, [(topic, event) for event in batch])

    @few
    @given(history=histories())
    def test_a_batch_is_grouped_with_nothing_lost_and_in_the_order_of_its_events(
        self, definition: Definition[Any], history: list[tuple[Topic, Event]]
    ) -> None:
        for flow in definition.flows:
            batch: list[Any] = [event for of, event in history if of == flow.topic]
            parts = batch if flow.parts is None else [part for event in batch for part in flow.parts(event)]
            if definition is SHOPPERS:
                parts = [part for part in parts if part.user_id is not None]
            groups = list(flow.groups(batch).values())
            assert sorted(map(repr, parts)) == sorted(repr(part) for group in groups for part in group)
            for group in groups:
                rest = iter(parts)
                assert all(part in rest for part in group)  # in this order

    @few
    @given(history=histories())
    def test_keys_are_of_the_tables_type(self, definition: Definition[Any], history: list[tuple[Topic, Event]]) -> None:
        assert all(type(key) is definition.key_type for key in fold_all(definition, history))


_BOTH = (NOON, NOON.astimezone(timezone(timedelta(hours=2))))
"""One instant, written in two ways."""

TIES: dict[str, list[tuple[Topic, Event]]] = {
    "products": [
        (Topic.PRODUCT_VIEWED, ProductViewed(timestamp=at, id_produit=1, nom_produit=name, prix=1.0))
        for at in _BOTH
        for name in ("", "Thé", "thé")
    ],
    "stock": [
        (Topic.STOCK_UPDATED, StockUpdated(timestamp=at, id_produit=1, stock=stock))
        for at in _BOTH
        for stock in (0, 1, 2)
    ],
    "orders": [
        (
            Topic.ORDER_PLACED,
            OrderPlaced(
                timestamp=NOON,
                id_commande="C",
                user_id=user,
                articles=[OrderLine(id_produit=1, quantite=units, prix=1.0)],
                montant_total=euros,
            ),
        )
        for euros in (1.0, 2.0)
        for units in (1, 2)
        for user in (0, 1)
    ],
}
"""Events of one row and one instant, which differ in one thing each: what stands must not depend on the order."""


@pytest.mark.parametrize("definition", [each for each in TABLES if each.name in TIES], ids=lambda each: each.name)
def test_of_events_at_one_instant_the_same_one_stands_whatever_the_order_and_the_partitions(
    definition: Definition[Any],
) -> None:
    for three in combinations(TIES[definition.name], 3):
        (expected,) = fold_all(definition, three).values()
        for one, two, other in permutations(three):
            (folded,) = fold_all(definition, [one, two, other]).values()
            apart = [fold_all(definition, [one]), fold_all(definition, [two]), fold_all(definition, [other])]
            (merged,) = merge_all(definition, apart).values()
            (half,) = merge_all(definition, [fold_all(definition, [one, two]), apart[2]]).values()
            assert folded == merged == half == expected


@each_table
class TestKeys:
    def keys(self, definition: Definition[Any]) -> st.SearchStrategy[Any]:
        return st.integers(0, MAX_ID) if definition.key_type is int else st.text(max_size=8)

    @few
    @given(data=st.data())
    def test_survive_encoding(self, definition: Definition[Any], data: st.DataObject) -> None:
        key = data.draw(self.keys(definition))
        assert definition.decode_key(definition.encode_key(key)) == key

    @few
    @given(data=st.data())
    def test_sort_encoded_as_they_do_themselves(self, definition: Definition[Any], data: st.DataObject) -> None:
        one, other = data.draw(self.keys(definition)), data.draw(self.keys(definition))
        encode = definition.encode_key
        assert (one < other) == (encode(one) < encode(other))
        assert (one == other) == (encode(one) == encode(other))

    def test_the_largest_and_the_smallest_sort_as_they_do(self, definition: Definition[Any]) -> None:
        numbers, texts = [0, 9, 10, 10**18 - 1, 10**18, MAX_ID], ["", "\0", "a", "a\0", "é", "😀"]
        keys: list[Any] = numbers if definition.key_type is int else texts
        assert sorted(keys, key=definition.encode_key) == sorted(keys) == keys

    @pytest.mark.parametrize("wrong", [True, 1.0, None, b"1", object()])
    def test_of_another_type_are_refused(self, definition: Definition[Any], wrong: Any) -> None:
        with pytest.raises(TypeError, match=definition.name):
            definition.encode_key(wrong)

    def test_an_int_is_no_str_and_the_other_way_round(self, definition: Definition[Any]) -> None:
        with pytest.raises(TypeError):
            definition.encode_key("1" if definition.key_type is int else 1)
