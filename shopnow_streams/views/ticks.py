"""What one look at the tables found, encoded once for all clients; and the last such ticks, for who is behind. Pure.

A client has no buffer of its own, but a place in the log: it is given what came since, each row once, as it was last.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_TICKS = 240
MAX_BYTES = 16 << 20
_JOINED_BYTES = 32 << 10
"""Events are written together up to this; a client that reads nothing holds some pieces, and no more."""


class Choice(NamedTuple):
    """What a client asked for: tables by name, and the keys of the rows, or all."""

    tables: frozenset[str]
    ids: frozenset[str] | None = None


@dataclass(frozen=True)
class Batch:
    """Rows of one table, each encoded, as of one moment: `standing` is the rest of the event, from the comma on.

    What is `lasting` is no row of a table: it is sent where all begins anew, too, and whatever ids are asked for.
    """

    table: str
    rows: Mapping[str, bytes]
    standing: bytes
    lasting: bool = False


@dataclass(frozen=True)
class Tick:
    """One look. `id` is the position after it; None where a reader that resumed there might miss something.

    `begins`, a whole event, stands for all that was before; `closes`, another, is for whoever got none.
    """

    batches: tuple[Batch, ...] = ()
    id: str | None = None
    begins: tuple[str, bytes] | None = None
    closes: tuple[str, bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes of its rows."""
        return sum(len(row) for batch in self.batches for row in batch.rows.values())


class Piece(NamedTuple):
    """Bytes to write at once, and the names of the events in them."""

    data: bytes
    events: tuple[str, ...]


class Log:
    """The last ticks. A place in it is the number of ticks before: `end` is that of a client that has them all."""

    def __init__(self, max_ticks: int = MAX_TICKS, max_bytes: int = MAX_BYTES) -> None:
        self.end = 0
        self._ticks: deque[Tick] = deque()
        self._bytes = 0
        self._max_ticks, self._max_bytes = max_ticks, max_bytes
        self._pieces: dict[tuple[int, Choice], Sequence[Piece]] = {}
        self._places: dict[str, int] = {}

    @property
    def id(self) -> str | None:
        """That of the last tick."""
        return self._ticks[-1].id if self._ticks else None

    def place(self, id: str) -> int | None:
        """The place after the tick with this id; None where it is not among them."""
        return self._places.get(id)

    def has(self, place: int) -> bool:
        """Whether all ticks from `place` on are still there."""
        return place >= self.end - len(self._ticks)

    def append(self, tick: Tick) -> None:
        """The next one. The oldest go, where there are too many."""
        self._ticks.append(tick)
        self._bytes += tick.size
        self.end += 1
        self._pieces.clear()
        if tick.id is not None:
            self._places[tick.id] = self.end
        while len(self._ticks) > self._max_ticks or (self._bytes > self._max_bytes and len(self._ticks) > 1):
            self._let_go(self._ticks.popleft())

    def _let_go(self, tick: Tick) -> None:
        self._bytes -= tick.size
        if tick.id is not None and self._places.get(tick.id, self.end) <= self.end - len(self._ticks):
            del self._places[tick.id]

    def since(self, place: int, choice: Choice) -> Sequence[Piece] | None:
        """What a client is to be sent that has everything before `place`; None where some of it is gone."""
        if not self.has(place):
            return None
        found = self._pieces.get((place, choice))
        if found is None:
            ticks = [self._ticks[number] for number in range(len(self._ticks) - (self.end - place), len(self._ticks))]
            found = self._pieces[place, choice] = pieces(ticks, choice)
        return found


def pieces(ticks: Sequence[Tick], choice: Choice) -> Sequence[Piece]:
    """The events of these ticks. Of a row that is in several, the last is sent; the id stands with the last event."""
    begin = max((number for number, tick in enumerate(ticks) if tick.begins), default=0)
    lasting = [batch for tick in ticks[:begin] for batch in tick.batches if batch.lasting]
    ticks = ticks[begin:]
    if not ticks:
        return ()
    events = list(_events(ticks, lasting, choice))
    closes = [tick.closes for tick in ticks if tick.closes]
    if closes:  # how complete it all is has changed: for everybody
        events.append(closes[-1])
    last = ticks[-1].id
    if events and last is not None:
        name, event = events[-1]
        events[-1] = name, b"id: %s\n%s" % (last.encode(), event)
    return tuple(_joined(events))


def _events(ticks: Sequence[Tick], before: Sequence[Batch], choice: Choice) -> Iterator[tuple[str, bytes]]:
    if ticks[0].begins:
        yield ticks[0].begins
    batches = [batch for tick in ticks for batch in tick.batches]
    batches = [batch for batch in (*before, *batches) if batch.table in choice.tables]
    seen: dict[str, set[str]] = {}
    fresh: list[dict[str, bytes]] = []
    for batch in reversed(batches):
        of_table = seen.setdefault(batch.table, set())
        ids = None if batch.lasting else choice.ids
        wanted = batch.rows if ids is None else {key: batch.rows[key] for key in ids & batch.rows.keys()}
        fresh.append({key: row for key, row in wanted.items() if key not in of_table})
        of_table.update(wanted)
    for batch, rows in zip(batches, reversed(fresh), strict=True):
        if rows:
            data = b'{"items":[%s]%s' % (b",".join(rows.values()), batch.standing)
            yield batch.table, event(batch.table, data)


def _joined(events: Sequence[tuple[str, bytes]]) -> Iterator[Piece]:
    names: list[str] = []
    parts: list[bytes] = []
    for name, data in events:
        if parts and sum(map(len, parts)) + len(data) > _JOINED_BYTES:
            yield Piece(b"".join(parts), tuple(names))
            names, parts = [], []
        names.append(name)
        parts.append(data)
    if parts:
        yield Piece(b"".join(parts), tuple(names))


def event(name: str, data: bytes) -> bytes:
    """A server-sent event. `data` is JSON, which has no line's end in it."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
