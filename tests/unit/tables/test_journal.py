"""A journal gives each reader what it lacks: no more than it can, and never less than it must."""

from collections.abc import Set
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.folds.definition import Key
from tables.journal import NOWHERE, Journal, Mark

OWN, OTHER = 11, 12


def noted(*notes: tuple[Set[Key], dict[str, int]], base: dict[str, int] | None = None, **bounds: Any) -> Journal:
    journal = Journal(OWN, base or {}, **bounds)
    for keys, positions in notes:
        journal.note({"products": keys}, positions)
    return journal


def since(journal: Journal, offsets: dict[str, int], identity: int = OWN) -> set[Key] | None:
    found = journal.since(Mark(identity, offsets))
    return None if found is None else set(found.get("products", ()))


def test_a_reader_gets_what_changed_since_and_a_key_once() -> None:
    journal = noted(({1, 2}, {"a": 5}), ({2, 3}, {"a": 9}))
    assert since(journal, {}) == {1, 2, 3}
    assert since(journal, {"a": 5}) == since(journal, {"a": 7}) == {2, 3}
    assert since(journal, {"a": 9}) == set()
    found = journal.since(NOWHERE)
    assert found is not None
    assert sorted(found["products"]) == [1, 2, 3]


def test_positions_are_compared_topic_by_topic() -> None:
    journal = noted(({1}, {"a": 5}), ({2}, {"a": 5, "b": 3}), ({3}, {"a": 8, "b": 3}))
    assert since(journal, {"a": 5}) == {2, 3}
    assert since(journal, {"a": 9, "b": 2}) == {2, 3}, "another order of topics: b's third record is in note 2"
    assert since(journal, {"b": 3}) == {1, 2, 3}


def test_a_reader_that_another_journal_told_gets_all_of_this_one() -> None:
    journal = noted(({1}, {"a": 5}), base={"a": 3})
    assert since(journal, {"a": 9}) == set()
    assert since(journal, {"a": 9}, OTHER) == {1}, "it may have read rows of here, of before that"
    assert since(journal, {"a": 2}, OTHER) is None


def test_what_lies_before_the_journal_is_not_known() -> None:
    journal = noted(base={"a": 3})
    assert since(journal, {"a": 3}) == set()
    assert since(journal, {"a": 2}) is None
    assert since(journal, {}) is None


def test_a_note_without_keys_is_none() -> None:
    journal = noted((set(), {"a": 3}))
    assert since(journal, {}) == set()


@pytest.mark.parametrize("bounds", [{"most_keys": 2}, {"most_notes": 2}])
def test_beyond_its_bounds_the_oldest_are_forgotten_and_it_says_so(bounds: dict[str, Any]) -> None:
    journal = noted(({1}, {"a": 1}), ({2}, {"a": 2}), ({3}, {"a": 3}), **bounds)
    assert since(journal, {}) is None
    assert since(journal, {"a": 1}) == {2, 3}


def test_more_keys_at_once_than_it_holds_are_all_forgotten() -> None:
    journal = noted(({1, 2, 3}, {"a": 1}), most_keys=2)
    assert since(journal, {}) is None
    assert since(journal, {"a": 1}) == set()


@given(
    notes=st.lists(
        st.tuples(st.sets(st.integers(0, 5), max_size=3), st.integers(0, 2), st.integers(0, 2)), max_size=12
    ),
    reader=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    most_keys=st.integers(1, 6),
    most_notes=st.integers(1, 6),
)
def test_nothing_that_changed_above_the_reader_is_left_out(
    notes: list[tuple[set[int], int, int]], reader: tuple[int, int], most_keys: int, most_notes: int
) -> None:
    journal = Journal(OWN, {}, most_keys, most_notes)
    a = b = 0
    changed: set[int] = set()
    for keys, more_a, more_b in notes:
        a, b = a + more_a, b + more_b
        journal.note({"products": keys}, {"a": a, "b": b})
        if a > reader[0] or b > reader[1]:
            changed |= keys
    found = since(journal, {"a": reader[0], "b": reader[1]})
    assert found is None or found >= changed
    if most_keys == most_notes == 6 and len(notes) < 6:
        assert found is not None
