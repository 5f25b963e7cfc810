"""A windowed table in one partition: rows that move to longer windows as event time goes on, and at last go away.

The table *stands* at a moment: every row that is due by then is where it belongs, and no other moved. So its rows are
those that the events and that moment make, however often and in how many steps it got there. An event of a window that
was due before goes where its window went.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shopnow_streams.folds.definition import Definition, Flow, State
from shopnow_streams.folds.windows import EPOCH, SUBJECT, Length, Level, Windows
from tables.rows import Rows
from tables.store import PartitionStore

MOST_ROWS = 5_000
"""Moved at once, or those of one window: they are all part of one cut, and folding waits for them."""


class WindowedRows(Rows[State]):
    """Rows of windows. `stands` is the moment that they stand at; none is of a window after `newest`."""

    def __init__(
        self,
        definition: Definition[State],
        windows: Windows,
        store: PartitionStore,
        stands: datetime = EPOCH,
        newest: datetime = EPOCH,
    ) -> None:
        super().__init__(definition, store)
        self.moved = self.forgotten = 0
        self._windows = windows
        self._stand(stands)
        first = windows.levels[0].length
        self._newest = self._stored_to = first.key(newest + first.lasts)

    def _stand(self, stands: datetime) -> None:
        self.stands = stands
        self._places = self._windows.places(stands)
        self._bound = self._windows.levels[0].bound(stands)

    def _fold(self, flow: Flow[State], groups: Mapping[Any, Sequence[Any]]) -> None:
        if groups:
            self._newest = max(self._newest, max(groups))
            super()._fold(flow, groups if min(groups) >= self._bound else self._placed(groups))

    def _load(self, key: Any) -> State:
        if key <= self._stored_to:
            return super()._load(key)
        state = self._states[key] = self.definition.state()  # of a new window: the store need not be asked
        return state

    def settle(self, keep: int) -> None:
        super().settle(keep)
        if not self._all_in_memory:
            self._stored_to = self._newest

    def _placed(self, groups: Mapping[Any, Sequence[Any]]) -> Mapping[Any, Sequence[Any]]:
        placed: dict[str, Sequence[Any]] = {}
        for key, group in groups.items():
            place = self._places.of(key)
            if place is not None:
                already = placed.get(place)
                placed[place] = group if already is None else [*already, *group]
        return placed

    def advance(self, moment: datetime) -> None:
        """Move what is due by `moment`. Where that is much, stand before it: the next call goes on."""
        first = self._windows.levels[0]
        if moment <= self.stands or first.oldest(moment) == first.oldest(self.stands):
            return  # the shortest windows decide: a longer one is never due before a shorter one is
        moment = min(moment, *(self._within_reach(level, moment) for level in self._windows.levels))
        for level, longer in self._windows.steps:
            due = level.bound(self.stands), level.bound(moment)
            if due[0] == due[1]:
                continue
            if longer is None:
                for key in self.keys_between(*due):
                    self.drop(key)
                    self.forgotten += 1
            else:
                for key, state in self.between(*due).items():
                    self._move(str(key), longer.length.around(str(key)), state)
                    self.moved += 1
        self._stand(moment)

    def keys_of(self, subjects: Mapping[str, datetime], clock: datetime) -> Iterator[str]:
        """Every key that rows of `subjects` (empty: of a table without) may have, up to the window of `clock`, in
        windows that are not over by the moment that each is given with."""
        for level in self._windows.levels:
            length, first = level.length, self._begins(level, clock)
            names = _names(length, first, clock)
            for subject, since in subjects.items():
                over = max(0, (length.start(max(since, EPOCH)) - first) // length.lasts)
                for name in names[over:]:
                    yield f"{name}{SUBJECT}{subject}" if subject else name

    def _begins(self, level: Level, clock: datetime) -> datetime:
        """The oldest window of this length that may have rows."""
        oldest = level.oldest(self.stands)
        if oldest == level.oldest(clock):
            return oldest
        due = self.scan(level.bound(self.stands), 1, level.length.after)
        return level.length.begin(str(due[0][0])) if due else level.length.start(clock)

    def _within_reach(self, level: Level, moment: datetime) -> datetime:
        """The moment by which about `MOST_ROWS` of this length are due, or `moment`."""
        start, end = level.bound(self.stands), level.bound(moment)
        due = [] if start == end else self.keys_between(start, end)
        return moment if len(due) < MOST_ROWS else level.due_at(str(due[MOST_ROWS - 1]))

    def _move(self, key: str, place: str, state: State) -> None:
        there = self.get(place)
        self.put(place, self.definition.merge(self.definition.state() if there is None else there, state))
        self.drop(key)


def _names(length: Length, first: datetime, last: datetime) -> list[str]:
    """The keys, without a subject, of all windows from one to the one that `last` is in."""
    return [length.key(first + number * length.lasts) for number in range((last - first) // length.lasts + 1)]
