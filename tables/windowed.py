"""A windowed table in one partition: rows that move to longer windows as event time goes on, and at last go away.

The table *stands* at a moment: every row that is due by then is where it belongs, and no other moved. So its rows are
those that the events and that moment make, however often and in how many steps it got there. An event of a window that
was due before goes where its window went.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shopnow_streams.folds.definition import Definition, Flow, State
from shopnow_streams.folds.windows import EPOCH, Level, Windows
from tables.rows import Rows
from tables.store import PartitionStore

MOST_ROWS = 5_000
"""Moved at once, or those of one window: they are all part of one cut, and folding waits for them."""


class WindowedRows(Rows[State]):
    """Rows of windows. `stands` is the moment that they stand at."""

    def __init__(
        self, definition: Definition[State], windows: Windows, store: PartitionStore, stands: datetime = EPOCH
    ) -> None:
        super().__init__(definition, store)
        self.moved = self.forgotten = 0
        self._windows = windows
        self._stand(stands)

    def _stand(self, stands: datetime) -> None:
        self.stands = stands
        self._bound = self._windows.levels[0].bound(stands)

    def _fold(self, flow: Flow[State], groups: Mapping[Any, Sequence[Any]]) -> None:
        super()._fold(flow, groups if min(groups, default=self._bound) >= self._bound else self._placed(groups))

    def _placed(self, groups: Mapping[Any, Sequence[Any]]) -> Mapping[Any, Sequence[Any]]:
        placed: dict[str, list[Any]] = {}
        for key, group in groups.items():
            place = self._windows.place(key, self.stands)
            if place is not None:
                placed.setdefault(place, []).extend(group)
        return placed

    def advance(self, moment: datetime) -> None:
        """Move what is due by `moment`. Where that is much, stand before it: the next call goes on."""
        first = self._windows.levels[0]
        if moment <= self.stands or first.oldest(moment) == first.oldest(self.stands):
            return  # the shortest windows decide: a longer one is never due before a shorter one is
        moment = min(moment, *(self._within_reach(level, moment) for level in self._windows.levels))
        for level, longer in self._windows.steps:
            for key, state in list(self.everything(level.bound(self.stands), level.bound(moment))):
                self._move(str(key), state, longer)
        self._stand(moment)

    def _within_reach(self, level: Level, moment: datetime) -> datetime:
        """The moment by which about `MOST_ROWS` of this length are due, or `moment`."""
        due = self.scan(level.bound(self.stands), MOST_ROWS, level.bound(moment))
        return moment if len(due) < MOST_ROWS else level.due_at(str(due[-1][0]))

    def _move(self, key: str, state: State, longer: Level | None) -> None:
        if longer is None:
            self.forgotten += 1
        else:
            self.moved += 1
            place = longer.length.around(key)
            there = self.get(place)
            self.put(place, self.definition.merge(self.definition.state() if there is None else there, state))
        self.drop(key)
