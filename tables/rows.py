"""One table in one partition: states in memory, the store below, and which rows changed since the last cut."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Generic

from shopnow_streams.folds.definition import Definition, Flow, Key, State
from shopnow_streams.folds.encoding import decoder, encode
from tables.cut import Change
from tables.store import PartitionStore, prefix


class Rows(Generic[State]):
    """Rows that are read and folded at memory speed. Not safe for threads: the event loop's alone.

    `changed` holds what no cut has taken yet, `in_flight` what the cut under way took: neither may be evicted,
    since the store does not have them. Those of these keys that are in `_gone` have no row any more, whatever the
    store says. `watched`, where it is a set, is given every key that changes: whoever looks at changes empties it.
    """

    def __init__(self, definition: Definition[State], store: PartitionStore) -> None:
        self.definition = definition
        self.changed: set[Key] = set()
        self.in_flight: set[Key] = set()
        self.watched: set[Key] | None = None
        self._states: dict[Key, State] = {}
        self._gone: set[Key] = set()
        self._store = store
        self._prefix = prefix(definition.name)
        self._all_in_memory = next(store.scan(self._prefix), None) is None
        self._decode = decoder(definition.state).decode

    @property
    def in_memory(self) -> int:
        """How many rows are held in memory."""
        return len(self._states)

    def fold(self, flow: Flow[State], events: Sequence[Any]) -> None:
        """Take in `events` in their order."""
        self._fold(flow, flow.groups(events))

    def _fold(self, flow: Flow[State], groups: Mapping[Any, Sequence[Any]]) -> None:
        in_memory, fold = self._states.get, flow.fold
        for key, group in groups.items():
            fold(in_memory(key) or self._load(key), group)
        self.changed.update(groups)
        if self.watched is not None:
            self.watched.update(groups)

    def change(self, key: Key, fold: Callable[[State], None]) -> None:
        """Change one row by `fold`."""
        fold(self._states.get(key) or self._load(key))
        self._touch(key)

    def _load(self, key: Key) -> State:
        """The row of `key`, from now on in memory: as the store has it, or new."""
        stored = None if self._all_in_memory else self.get(key)
        state = self._states[key] = self.definition.state() if stored is None else stored
        self._gone.discard(key)
        return state

    def put(self, key: Key, state: State) -> None:
        """Let this be the row of `key`."""
        self._states[key] = state
        self._gone.discard(key)
        self._touch(key)

    def drop(self, key: Key) -> None:
        """Let there be no row of `key`: the next cut has a tombstone of it."""
        self._states.pop(key, None)
        self._gone.add(key)
        self._touch(key)

    def _touch(self, key: Key) -> None:
        self.changed.add(key)
        if self.watched is not None:
            self.watched.add(key)

    def get(self, key: Key) -> State | None:
        """The row of `key` as of now; None where nothing ever happened to it. To be looked at, not changed."""
        state = self._states.get(key)
        if state is None and not self._all_in_memory and key not in self._gone:
            raw = self._store.get(self._prefix, self.definition.encode_key(key))
            state = None if raw is None else self._decode(raw)
        return state

    def get_encoded(self, key: Key) -> bytes | None:
        """`get`, the state as it is stored: for whoever sends it on."""
        state = self._states.get(key)
        if state is not None:
            return encode(state)
        if self._all_in_memory or key in self._gone:
            return None
        return self._store.get(self._prefix, self.definition.encode_key(key))

    def scan(self, start: Key | None, limit: int, end: Key | None = None) -> list[tuple[Key, State]]:
        """The first `limit` rows with keys from `start` on and below `end`, in order of key, as of now."""
        nearest = heapq.nsmallest(limit, self._unstored(start, end))
        stored = dict(self._stored(start, limit, end))
        keys = sorted({*nearest, *stored})[:limit]
        return [(key, self._states.get(key) or self._decode(stored[key])) for key in keys]

    def keys_between(self, start: Key | None = None, end: Key | None = None) -> list[Key]:
        """The keys of all rows from `start` on and below `end`, in order."""
        return sorted({*self._unstored(start, end), *(key for key, _ in self._stored(start, 0, end))})

    def between(self, start: Key, end: Key) -> dict[Key, State]:
        """All rows with keys from `start` on and below `end`, in no order. To be looked at, not changed."""
        states = self._states
        found = {key: states.get(key) or self._decode(raw) for key, raw in self._stored(start, 0, end)}
        return found | {key: states[key] for key in self._unstored(start, end)}

    def everything(self, start: Key | None = None, end: Key | None = None) -> Iterator[tuple[Key, State]]:
        """All rows, or those with keys from `start` on and below `end`, as of the call: in no order, however long the
        reading takes and whatever is folded meanwhile."""
        return ((key, self._decode(value)) for key, value in self.encoded(start, end))

    def encoded(self, start: Key | None = None, end: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """`everything`, each state as it is stored: for whoever sends it on, or looks at a part of it."""
        left_out = self._gone & (self.changed | self.in_flight)
        unstored = {key: encode(self._states[key]) for key in self._unstored(start, end)}
        stored = self._store.scan(self._prefix, self._raw(start))
        first = next(stored, None)  # from the first row on, the scan is a view of that moment

        passed_over = left_out.union(unstored)
        below, decode_key = None if end is None else self._raw(end), self.definition.decode_key

        def rows() -> Iterator[tuple[Key, bytes]]:
            yield from unstored.items()
            for raw_key, value in chain(() if first is None else (first,), stored):
                if below is not None and raw_key >= below:
                    return
                key = decode_key(raw_key)
                if key not in passed_over:
                    yield key, value

        return rows()

    def _unstored(self, start: Key | None, end: Key | None) -> Iterator[Key]:
        """Keys of rows that the store does not have, or has as they were, in no order."""
        keys: Any = self.changed | self.in_flight
        for key in keys - self._gone if self._gone else keys:
            if (start is None or key >= start) and (end is None or key < end):
                yield key

    def _stored(self, start: Key | None, limit: int, end: Key | None) -> Iterator[tuple[Key, bytes]]:
        count = 0
        for raw_key, value in self._store.scan(self._prefix, self._raw(start)):
            key: Any = self.definition.decode_key(raw_key)
            if end is not None and key >= end:
                return
            if key in self._gone:
                continue
            yield key, value
            count += 1
            if count == limit:
                return

    def _raw(self, start: Key | None) -> bytes:
        return b"" if start is None else self.definition.encode_key(start)

    def cut(self) -> list[Change]:
        """The changed rows, encoded as of now; from here on they are in flight. Settle before the next cut."""
        self.in_flight, self.changed = self.changed, set()
        states, gone, keys = self._states, self._gone, self.definition.encode_keys(self.in_flight)
        return [
            (raw, None if key in gone else encode(states[key])) for key, raw in zip(self.in_flight, keys, strict=True)
        ]

    def settle(self, keep: int) -> None:
        """The store has what the last cut took. Where more than `keep` rows are in memory, let the unchanged go."""
        self.in_flight = set()
        self._gone &= self.changed
        if len(self._states) > keep:
            self._states = {key: self._states[key] for key in self.changed - self._gone}
            self._all_in_memory = False
