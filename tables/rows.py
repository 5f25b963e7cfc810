"""One table in one partition: states in memory, the store below, and which rows changed since the last cut."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Generic

import msgspec

from shopnow_streams.folds.definition import Definition, Flow, Key, State
from tables.cut import Row
from tables.store import PartitionStore, prefix

_encode = msgspec.json.Encoder().encode


class Rows(Generic[State]):
    """Rows that are read and folded at memory speed. Not safe for threads: the event loop's alone.

    `changed` holds what no cut has taken yet, `in_flight` what the cut under way took: neither may be evicted,
    since the store does not have them. `watched`, where it is a set, is given every key that changes: whoever looks at
    changes empties it.
    """

    def __init__(self, definition: Definition[State], store: PartitionStore) -> None:
        self.definition = definition
        self.changed: set[Key] = set()
        self.in_flight: set[Key] = set()
        self.watched: set[Key] | None = None
        self._states: dict[Key, State] = {}
        self._store = store
        self._prefix = prefix(definition.name)
        self._all_in_memory = next(store.scan(self._prefix), None) is None
        self._decode = msgspec.json.Decoder(definition.state).decode

    def fold(self, flow: Flow[State], events: Sequence[Any]) -> None:
        """Take in `events` in their order."""
        groups = flow.groups(events)
        in_memory, fold = self._states.get, flow.fold
        for key, group in groups.items():
            fold(in_memory(key) or self._load(key), group)
        self.changed.update(groups)
        if self.watched is not None:
            self.watched.update(groups)

    def change(self, key: Key, fold: Callable[[State], None]) -> None:
        """Change one row by `fold`."""
        fold(self._states.get(key) or self._load(key))
        self.changed.add(key)
        if self.watched is not None:
            self.watched.add(key)

    def _load(self, key: Key) -> State:
        """The row of `key`, from now on in memory: as the store has it, or new."""
        state = self._states[key] = self.get(key) or self.definition.state()
        return state

    def get(self, key: Key) -> State | None:
        """The row of `key` as of now; None where nothing ever happened to it. To be looked at, not changed."""
        state = self._states.get(key)
        if state is None and not self._all_in_memory:
            raw = self._store.get(self._prefix, self.definition.encode_key(key))
            state = None if raw is None else self._decode(raw)
        return state

    def scan(self, start: Key | None, limit: int) -> list[tuple[Key, State]]:
        """The first `limit` rows with keys from `start` on, in order of key, as of now."""
        unstored = (key for key in self.changed | self.in_flight if start is None or key >= start)  # type: ignore[operator]
        nearest = heapq.nsmallest(limit, unstored)
        stored = dict(self._stored(start, limit))
        keys = sorted({*nearest, *stored})[:limit]
        return [(key, self._states.get(key) or self._decode(stored[key])) for key in keys]

    def everything(self) -> Iterator[tuple[Key, State]]:
        """All rows as of the call, in no order, however long the reading takes and whatever is folded meanwhile."""
        unstored = {key: _encode(self._states[key]) for key in self.changed | self.in_flight}
        stored = self._store.scan(self._prefix)
        first = next(stored, None)  # from the first row on, the scan is a view of that moment

        def rows() -> Iterator[tuple[Key, State]]:
            for key, value in unstored.items():
                yield key, self._decode(value)
            for raw_key, value in chain(() if first is None else (first,), stored):
                key = self.definition.decode_key(raw_key)
                if key not in unstored:
                    yield key, self._decode(value)

        return rows()

    def _stored(self, start: Key | None, limit: int) -> Iterator[tuple[Key, bytes]]:
        first = b"" if start is None else self.definition.encode_key(start)
        for count, (key, value) in enumerate(self._store.scan(self._prefix, first), 1):
            yield self.definition.decode_key(key), value
            if count == limit:
                return

    def cut(self) -> list[Row]:
        """The changed rows, encoded as of now; from here on they are in flight. Settle before the next cut."""
        encode_key, states = self.definition.encode_key, self._states
        self.in_flight, self.changed = self.changed, set()
        return [(encode_key(key), _encode(states[key])) for key in self.in_flight]

    def settle(self, keep: int) -> None:
        """The store has what the last cut took. Where more than `keep` rows are in memory, let the unchanged go."""
        self.in_flight = set()
        if len(self._states) > keep:
            self._states = {key: self._states[key] for key in self.changed}
            self._all_in_memory = False
