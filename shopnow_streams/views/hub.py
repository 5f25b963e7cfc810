"""All open streams of one worker, and the one look at the tables, four times a second, that is for all of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from shopnow_streams.logs.logger import get_logger
from shopnow_streams.views import bookmark as bookmarks
from shopnow_streams.views.bookmark import Bookmark
from shopnow_streams.views.changed import Changed, Found, Keys
from shopnow_streams.views.client import Client
from shopnow_streams.views.pushed import Dropped, DropReason, Position, Reset, ResetReason
from shopnow_streams.views.ticks import Batch, Log, Piece, Tick, event, pieces

logger = get_logger(__name__)

TICK_S = 0.25
LINGER_S = 60.0
"""It goes on looking for so long without a client: one that was cut off finds its place in the log."""

BYTES_PER_S = 128 << 20
"""To all clients together. More would be the folds' time: looks then come later, and a row that changes often is sent
less often."""

LONGEST_S = 5.0
"""Between two looks, however many clients there are and however much changes."""

_GROUP = 50
"""Clients woken in one go: some milliseconds, and then the folds have their turn."""

_REPLAYS = 8
_FRESH_TICKS = 20
"""What was looked up for one that came back is good for those that come with the same id so soon after it."""

_HEARTBEAT = Piece(b":\n\n", ())


class Hub:
    """Looks while there are clients. A look reads the rows that changed once, however many clients there are."""

    def __init__(self, changed: Changed, tick_s: float = TICK_S, log: Log | None = None) -> None:
        self.clients: set[Client] = set()
        self.sent: Counter[str] = Counter()
        self.dropped: Counter[DropReason] = Counter()
        self.changed = changed
        self._tick_s = tick_s
        self._log = log or Log()
        self._stands = changed.nothing
        self._begun = False
        self._owed: dict[str, set[str]] = {}
        self._replays: dict[str, tuple[int, asyncio.Task[Found]]] = {}
        self._replaying = asyncio.Semaphore(2)
        self._looking: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def join(self, client: Client, last_id: str | None) -> Sequence[Piece]:
        """From now on `client` is woken when there is something for it. What it is to be sent first."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again())
        self.clients.add(client)
        await self._ready.wait()
        if client.dropped:
            return ()
        if last_id is None:
            return self._reset(client, "new")
        place = self._log.place(last_id)
        if place is not None:
            client.place = place
            return [*(self.following(client) or ()), self._position(client)]
        bookmark = bookmarks.read(last_id)
        return self._reset(client, "unknown") if bookmark is None else await self._replay(client, last_id, bookmark)

    def tell(self, batch: Batch) -> None:
        """Send it to who asks for that table, with what is sent next. Who comes later is not told of it."""
        if self.clients:
            self._log.append(Tick((batch,)))

    def leave(self, client: Client) -> None:
        """It is not there any more."""
        self.clients.discard(client)
        if client.dropped is not None:
            self.dropped[client.dropped] += 1

    def following(self, client: Client) -> Sequence[Piece] | None:
        """What came since; a sign of life where there was nothing for long. None where it is too far behind."""
        found = self._log.since(client.place, client.choice)
        if found is None:
            return None
        client.place = self._log.end
        if found:
            client.told = self._log.id
        elif client.due:
            return [self._position(client)]
        return found

    def close(self) -> None:
        """The worker stops: every stream ends now."""
        for client in list(self.clients):
            client.drop("stopping")
        self._ready.set()  # who waits for the first look waits no longer
        if self._looking is not None:
            self._looking.cancel()

    def _reset(self, client: Client, reason: ResetReason) -> Sequence[Piece]:
        client.place = self._log.end
        client.told = self._stands.bookmark.text
        return pieces([_beginning(self._stands, reason)], client.choice)

    def _position(self, client: Client) -> Piece:
        """Where all stands, to a client that has everything below."""
        text = None if self._owed else self._stands.bookmark.text
        if text == client.told and client.told is not None:
            return _HEARTBEAT
        client.told = text
        (piece,) = pieces([Tick(id=text, closes=_position(self._stands))], client.choice)
        return piece

    async def _replay(self, client: Client, last_id: str, bookmark: Bookmark) -> Sequence[Piece]:
        """What changed since the bookmark, looked up once for all that come with the same one."""
        place, replay = self._replays.get(last_id, (-1, None))
        if replay is None or place < self._log.end - _FRESH_TICKS or not self._log.has(place):
            place, replay = self._log.end, asyncio.create_task(self._since(bookmark))
            self._replays[last_id] = place, replay
            while len(self._replays) > _REPLAYS:
                del self._replays[next(iter(self._replays))]
        try:
            found = await asyncio.shield(replay)
        except Exception:
            self._replays.pop(last_id, None)
            raise
        if found.lost or not found.complete:  # else what changed where nobody answers now would never be sent to it
            return self._reset(client, found.lost or "incomplete")
        client.place = place
        client.told = found.bookmark.text
        return pieces([Tick(found.batches, client.told, closes=_position(found))], client.choice)

    async def _since(self, bookmark: Bookmark) -> Found:
        async with self._replaying:
            return await self.changed.since(bookmark)

    def _owe(self, lacking: Keys) -> None:
        for name, keys in lacking.items():
            self._owed.setdefault(name, set()).update(keys)

    async def _look_again(self) -> None:
        """Until there was nobody for long. A look that failed is done again: nothing is forgotten by it."""
        loop = asyncio.get_running_loop()
        self._ready.clear()
        somebody_s = loop.time()
        while self.clients or loop.time() - somebody_s < LINGER_S:
            begun_s, size = loop.time(), 0
            try:
                if self._begun:
                    size = await self.look()
                else:
                    self._stands, self._begun = await self.changed.here(), True
                self._ready.set()
            except Exception:
                logger.exception("what changed could not be read; the next look reads it")
            await self._wake_clients()
            now = loop.time()
            somebody_s = now if self.clients else somebody_s
            took_s = now - begun_s
            await asyncio.sleep(max(self._tick_s - took_s, took_s, self._sending_s(size)))

    def _sending_s(self, size: int) -> float:
        """How long a tick of so many bytes may take to be sent to all who get it whole."""
        whole = sum(client.choice.ids is None for client in self.clients)
        return min(size * whole / BYTES_PER_S, LONGEST_S)

    async def look(self) -> int:
        """What changed since the look before becomes the next tick, of so many bytes. Where it raises, the next look
        finds it."""
        before = self._stands
        owed, self._owed = self._owed, {}
        try:
            found = await self.changed.since(before.bookmark, owed)
        except BaseException:
            self._owe(owed)
            raise
        self._stands = found
        if found.lost:
            self._log.append(_beginning(found, "too-old"))
            return 0
        self._owe(found.lacking)
        moved = found.partitions != before.partitions
        if found.batches or moved:
            text = None if self._owed else found.bookmark.text
            tick = Tick(found.batches, text, closes=_position(found) if moved else None)
            self._log.append(tick)
            return tick.size
        return 0

    async def _wake_clients(self) -> None:
        clients = list(self.clients)
        for start in range(0, len(clients), _GROUP):
            for client in clients[start : start + _GROUP]:
                client.look(self._log.end)
            await asyncio.sleep(0)


def _beginning(found: Found, reason: ResetReason) -> Tick:
    reset = msgspec.json.encode(Reset(reason=reason, **found.standing))
    return Tick(id=found.bookmark.text, begins=("reset", event("reset", reset)))


def _position(found: Found) -> tuple[str, bytes]:
    return "position", event("position", msgspec.json.encode(Position(**found.standing)))


def farewell(reason: DropReason) -> Piece:
    """The last event of a stream that the worker ends."""
    return Piece(event("dropped", msgspec.json.encode(Dropped(reason=reason))), ("dropped",))
