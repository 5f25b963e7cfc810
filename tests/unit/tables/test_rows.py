"""Rows against a dictionary: whatever is folded, cut, written, evicted and reopened, and however reads fall between."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shopnow_streams.folds.definition import Definition, Flow, Key, by
from shopnow_streams.folds.rejections import REJECTIONS, rejected
from shopnow_streams.topics import Topic
from tables.cut import Change
from tables.rows import Rows
from tables.store import PartitionStore, prefix


class Tally(msgspec.Struct, gc=False):
    """A state that shows how often it was folded, and with what."""

    folds: int = 0
    total: int = 0


def add(tally: Tally, parts: Sequence[tuple[Key, int]]) -> None:
    """In place, as the real folds do: a snapshot that shares a state would show it."""
    for _, number in parts:
        tally.folds += 1
        tally.total += number


def table(name: str, key_type: type[int] | type[str]) -> Definition[Tally]:
    flow = Flow[Tally](Topic.PRODUCT_VIEWED, by(lambda part: part[0]), add, parts=lambda event: event)
    return Definition(
        name=name,
        key_type=key_type,
        state=Tally,
        merge=lambda one, other: Tally(one.folds + other.folds, one.total + other.total),
        flows=(flow,),
    )


Model = dict[Any, tuple[int, int]]


class RowsMachine(RuleBasedStateMachine):
    """`now` is what the rows must be, `durable` what the store has of them. Two tables whose names begin alike lie on
    either side; nothing of theirs may show."""

    key_type: type[int] | type[str] = int
    keys: st.SearchStrategy[Any] = st.integers(0, 12)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="rows-"))
        self.definition = table("tal", self.key_type)
        self.now: Model = {}
        self.durable: Model = {}
        self.cut_of: Model | None = None
        self.cut_rows: list[Change] = []
        self.written = False
        self.deaths = 0
        self.snapshots: list[tuple[Iterator[tuple[Key, Tally]], Model, Model]] = []
        self.store = PartitionStore(self.folder / "store")
        self.rows = Rows(self.definition, self.store)

    @initialize()
    def neighbours_have_rows_too(self) -> None:
        strangers = [(self.definition.encode_key(self.key_type(key)), b"not json") for key in (0, 5, 12)]
        self.store.write({prefix("ta"): strangers, prefix("tall"): strangers, prefix("tam"): strangers}, {"log": 1})

    @rule(data=st.data())
    def fold(self, data: st.DataObject) -> None:
        """A batch of events, each of several parts."""
        parts = data.draw(st.lists(st.tuples(self.keys, st.integers(0, 9)), min_size=1, max_size=6))
        cut = data.draw(st.integers(0, len(parts)))
        batch = [parts[:cut], parts[cut:]]
        self.rows.fold(self.definition.flows[0], batch)
        for event in batch:
            for key, number in event:
                folds, total = self.now.get(key, (0, 0))
                self.now[key] = folds + 1, total + number

    @rule(data=st.data(), number=st.integers(0, 9))
    def change(self, data: st.DataObject, number: int) -> None:
        key = data.draw(self.keys)
        self.rows.change(key, lambda tally: add(tally, [(key, number)]))
        folds, total = self.now.get(key, (0, 0))
        self.now[key] = folds + 1, total + number

    @rule(data=st.data(), number=st.integers(0, 9))
    def put(self, data: st.DataObject, number: int) -> None:
        key = data.draw(self.keys)
        self.rows.put(key, Tally(1, number))
        self.now[key] = 1, number

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        key = data.draw(self.keys)
        self.rows.drop(key)
        self.now.pop(key, None)

    @precondition(lambda self: self.cut_of is None)
    @rule()
    def cut(self) -> None:
        changed = {key: tally for key, tally in self.now.items() if tally != self.durable.get(key)}
        gone = self.durable.keys() - self.now.keys()
        self.cut_rows = self.rows.cut()
        self.cut_of, self.written = dict(self.now), False
        decoded = {
            self.definition.decode_key(key): None if value is None else msgspec.json.decode(value, type=Tally)
            for key, value in self.cut_rows
        }
        assert len(decoded) == len(self.cut_rows), "a key twice in one cut"
        rows = {key: (tally.folds, tally.total) for key, tally in decoded.items() if tally is not None}
        assert rows == {key: self.now[key] for key in rows}
        assert changed.items() <= rows.items()
        assert gone <= decoded.keys() - rows.keys(), "no tombstone of what the store has"

    @precondition(lambda self: self.cut_of is not None and not self.written)
    @rule()
    def write(self) -> None:
        """What the flush's thread does, at some moment between cut and settle."""
        self.store.write({prefix("tal"): self.cut_rows}, {"log": 2})
        self.durable, self.written = dict(self.cut_of or {}), True

    @precondition(lambda self: self.written)
    @rule(keep=st.integers(0, 3))
    def settle(self, keep: int) -> None:
        self.rows.settle(keep)
        self.cut_of, self.written = None, False

    @precondition(lambda self: self.cut_of is None)
    @rule(keep=st.integers(0, 3))
    def flush(self, keep: int) -> None:
        """All of it at once: else too few runs get this far."""
        self.cut()
        self.write()
        self.settle(keep)

    @precondition(lambda self: self.now)
    @rule(data=st.data(), keep=st.integers(0, 3))
    def read_everything_across_a_flush(self, data: st.DataObject, keep: int) -> None:
        reading, expected = self.rows.everything(), dict(self.now)
        self.fold(data)
        if self.cut_of is None:
            self.flush(keep)
        self.read_to_the_end(reading, expected, {})

    @precondition(lambda self: self.now and self.deaths < 2)
    @rule()
    def die_and_reopen(self) -> None:
        """What was not written is folded again by the next owner: here, it is as if it had not been."""
        self.deaths += 1
        self.snapshots.clear()
        self.store.close()
        self.store = PartitionStore(self.folder / "store")
        self.rows = Rows(self.definition, self.store)
        self.now, self.cut_of, self.written = dict(self.durable), None, False

    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        key = data.draw(self.keys)
        tally = self.rows.get(key)
        assert (None if tally is None else (tally.folds, tally.total)) == self.now.get(key)

    @rule(data=st.data(), limit=st.integers(1, 15))
    def scan(self, data: st.DataObject, limit: int) -> None:
        start, end = data.draw(st.none() | self.keys), data.draw(st.none() | self.keys)
        page = self.rows.scan(start, limit, end)
        expected = sorted(self.between(start, end).items())
        assert [(key, (tally.folds, tally.total)) for key, tally in page] == expected[:limit]

    @rule(data=st.data())
    def everything_of_a_range(self, data: st.DataObject) -> None:
        start, end = data.draw(st.none() | self.keys), data.draw(st.none() | self.keys)
        self.read_to_the_end(self.rows.everything(start, end), self.between(start, end), {})

    def between(self, start: Any, end: Any) -> Model:
        return {
            key: tally
            for key, tally in self.now.items()
            if (start is None or key >= start) and (end is None or key < end)
        }

    @rule()
    def scan_from_the_first(self) -> None:
        assert [(key, (tally.folds, tally.total)) for key, tally in self.rows.scan(None, 20)] == sorted(
            self.now.items()
        )

    @rule()
    def read_page_after_page(self) -> None:
        start: Any = None
        seen: list[Any] = []
        while page := self.rows.scan(start, 3):
            fresh = [key for key, _ in page if key != start]
            seen += fresh
            if not fresh:
                break
            start = fresh[-1]
        assert seen == sorted(self.now)

    @rule()
    def everything(self) -> None:
        self.read_to_the_end(self.rows.everything(), dict(self.now), {})

    @rule()
    def begin_to_read_everything(self) -> None:
        if len(self.snapshots) < 3:
            self.snapshots.append((self.rows.everything(), dict(self.now), {}))

    @precondition(lambda self: self.snapshots)
    @rule(which=st.integers(0, 2), count=st.integers(1, 4))
    def read_a_little_further(self, which: int, count: int) -> None:
        rows, _, seen = self.snapshots[which % len(self.snapshots)]
        for _, (key, tally) in zip(range(count), rows, strict=False):
            assert key not in seen, "a row twice in one reading"
            seen[key] = tally.folds, tally.total

    @precondition(lambda self: self.snapshots)
    @rule()
    def finish_reading(self) -> None:
        self.read_to_the_end(*self.snapshots.pop(0))

    def read_to_the_end(self, rows: Iterator[tuple[Key, Tally]], expected: Model, seen: Model) -> None:
        for key, tally in rows:
            assert key not in seen, "a row twice in one reading"
            seen[key] = tally.folds, tally.total
        assert seen == expected

    @invariant()
    def what_is_not_in_the_store_is_in_flight_or_changed(self) -> None:
        unwritten = {key for key, tally in self.now.items() if tally != self.durable.get(key)}
        assert unwritten <= self.rows.changed | self.rows.in_flight

    def teardown(self) -> None:
        self.snapshots.clear()
        self.store.close()
        shutil.rmtree(self.folder)


class TextRowsMachine(RowsMachine):
    """Keys whose order in UTF-8 could part from that of Python, and which hold the store's own separator."""

    key_type = str
    keys = st.sampled_from(["", "\0", "a", "a\0", "a\0b", "b", "é", "ÿ", "\ud7ff", "\ue000", "\uffff", "😀", "z" * 200])


TestRowsOfNumbers = RowsMachine.TestCase
TestRowsOfNumbers.settings = settings(max_examples=30, stateful_step_count=40)
TestRowsOfTexts = TextRowsMachine.TestCase
TestRowsOfTexts.settings = settings(max_examples=15, stateful_step_count=40)


TALLY = table("tal", int)


def tallies(rows: Rows[Tally]) -> dict[Key, int]:
    return {key: tally.total for key, tally in rows.everything()}


def test_a_state_is_folded_on_from_the_store_after_it_was_evicted(store: PartitionStore) -> None:
    rows = Rows(TALLY, store)
    rows.fold(TALLY.flows[0], [[(1, 5)]])
    store.write({prefix("tal"): rows.cut()}, {})
    rows.settle(keep=0)
    rows.fold(TALLY.flows[0], [[(1, 2)]])
    assert tallies(rows) == {1: 7}


def test_rows_in_flight_are_not_evicted_by_the_settling_of_a_cut_they_changed_after(store: PartitionStore) -> None:
    rows = Rows(TALLY, store)
    rows.fold(TALLY.flows[0], [[(1, 5)], [(2, 5)]])
    cut = rows.cut()
    rows.fold(TALLY.flows[0], [[(1, 1)]])
    store.write({prefix("tal"): cut}, {})
    rows.settle(keep=0)
    assert rows.changed == {1}
    assert tallies(rows) == {1: 6, 2: 5}


def test_a_cut_is_of_its_moment(store: PartitionStore) -> None:
    rows = Rows(TALLY, store)
    rows.fold(TALLY.flows[0], [[(1, 5)]])
    cut = rows.cut()
    rows.fold(TALLY.flows[0], [[(1, 1)]])
    assert cut == [(b"%019d" % 1, b'{"folds":1,"total":5}')]


def test_an_event_of_no_parts_changes_no_row(store: PartitionStore) -> None:
    rows = Rows(TALLY, store)
    rows.fold(TALLY.flows[0], [[], []])
    assert rows.cut() == []


def test_everything_is_of_its_moment_for_states_that_hold_a_dictionary(store: PartitionStore) -> None:
    rows = Rows(REJECTIONS, store)
    rows.change("produit-consulte", lambda state: rejected(state, "not-json"))
    reading = rows.everything()
    rows.change("produit-consulte", lambda state: rejected(state, "not-json"))
    assert [state.by_reason for _, state in reading] == [{"not-json": 1}]
