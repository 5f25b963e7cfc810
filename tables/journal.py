"""Which rows of one partition changed, for readers that know where they stood. Pure: it holds keys, never rows.

A reader names the positions that it has everything below. The journal knows of each key the positions by which it had
last changed, and gives those that are not below the reader's. Another owner folds the same records in another order of
topics, so positions are compared topic by topic, and a reader that was told by another journal gets all of this one.
"""

from collections.abc import Mapping, Set
from itertools import islice, takewhile
from typing import NamedTuple

from shopnow_streams.folds.definition import Key

MOST_KEYS = 50_000
MOST_NOTES = 2_400
"""At four a second, of ten minutes."""


class Mark(NamedTuple):
    """Where a reader stands in one partition: next offset by topic, and the journal that told it so."""

    journal: int
    offsets: Mapping[str, int]


NOWHERE = Mark(0, {})
"""Of a partition that the reader has nothing of."""


class Journal:
    """The changes of one partition from `positions` on. `identity` is another one for each journal that there ever was.

    Of each table it keeps the `most_keys` that changed last, of the last `most_notes` notes.
    """

    def __init__(
        self, identity: int, positions: Mapping[str, int], most_keys: int = MOST_KEYS, most_notes: int = MOST_NOTES
    ) -> None:
        self.identity = identity
        self._most_keys, self._most_notes = most_keys, most_notes
        self._base: Mapping[str, int] = dict(positions)
        self._first = 0
        self._ends: list[Mapping[str, int]] = []  # of the notes from `_first` on
        self._last: dict[str, dict[Key, int]] = {}  # table → key → the note that has it, in order of notes

    def note(self, changed: Mapping[str, Set[Key]], positions: Mapping[str, int]) -> None:
        """These keys changed since the note before; the rows now stand at `positions`."""
        if not any(changed.values()):
            return
        number = self._first + len(self._ends)
        self._ends.append(dict(positions))
        for table, keys in changed.items():
            last = self._last.setdefault(table, {})
            for key in keys:
                last.pop(key, None)
                last[key] = number
        self._forget()

    def since(self, mark: Mark) -> dict[str, list[Key]] | None:
        """The keys that changed since a reader stood there, by table; None where that is not known any more."""
        if not _reaches(mark.offsets, self._base):
            return None
        first = self._first + len(self._ends) if mark.journal == self.identity else self._first
        while first > self._first and not _reaches(mark.offsets, self._ends[first - 1 - self._first]):
            first -= 1
        return {table: keys for table, last in self._last.items() if (keys := _from(last, first))}

    def _forget(self) -> None:
        forgotten = self._first + len(self._ends) - self._most_notes
        for last in self._last.values():
            too_many = len(last) - self._most_keys
            if too_many > 0:
                forgotten = max(forgotten, 1 + next(islice(last.values(), too_many - 1, None)))
        if forgotten <= self._first:
            return
        self._base = self._ends[forgotten - 1 - self._first]
        del self._ends[: forgotten - self._first]
        self._first = forgotten
        for last in self._last.values():
            for key in [key for key, _ in takewhile(lambda item: item[1] < forgotten, last.items())]:
                del last[key]


def _reaches(offsets: Mapping[str, int], others: Mapping[str, int]) -> bool:
    """Whether every record below `others` is below `offsets`."""
    return all(offsets.get(topic, 0) >= offset for topic, offset in others.items())


def _from(last: Mapping[Key, int], first: int) -> list[Key]:
    keys = []
    for key, number in reversed(last.items()):  # type: ignore[call-overload]
        if number < first:
            break
        keys.append(key)
    return keys
