"""One open stream of `/api/stream`: its place in the log, and whether it keeps up."""

import asyncio
from collections import Counter
from typing import Final

from aiohttp import web

from shopnow_streams.views.pushed import DropReason
from shopnow_streams.views.ticks import Choice, Piece

SLOW_S = 30.0
"""One that takes nothing for so long is let go."""

HEARTBEAT_S = 15.0
"""Sent at least so often, so that proxies keep the connection and a client sees that there is one."""


class Client:
    """Woken by the hub when there is something for it. Nothing of what it is sent is kept for it."""

    def __init__(self, request: web.Request, response: web.StreamResponse, choice: Choice, sent: Counter[str]) -> None:
        self.choice: Final = choice
        self.place = 0
        self.told: str | None = None
        self.dropped: DropReason | None = None
        self.wake = asyncio.Event()
        self._request, self._response, self._sent = request, response, sent
        self._loop = asyncio.get_running_loop()
        self._waiting_since_s: float | None = None
        self._written_s = self._loop.time()

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    @property
    def due(self) -> bool:
        """Whether it was sent nothing for too long."""
        return self._loop.time() - self._written_s >= HEARTBEAT_S

    def look(self, end: int) -> None:
        """Wake it where there is something to send to it, up to `end`; let it go where it takes nothing."""
        since_s = self._waiting_since_s
        if since_s is not None:
            if self._loop.time() - since_s >= SLOW_S:
                self.drop("slow")
        elif self.place < end or self.due or self.gone:
            self.wake.set()

    def drop(self, reason: DropReason) -> None:
        """End it: with a word where it can be told, at once where it takes nothing."""
        self.dropped = self.dropped or reason
        if self._waiting_since_s is not None:
            self.abort()
        self.wake.set()

    def abort(self) -> None:
        """End its connection, whatever it has not taken yet."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self, piece: Piece) -> None:
        """Send it. Waits while the client takes nothing; raises ConnectionResetError when it is gone."""
        self._waiting_since_s = self._loop.time()
        try:
            await self._response.write(piece.data)
        finally:
            self._waiting_since_s = None
        self._written_s = self._loop.time()
        for name in piece.events:
            self._sent[name] += 1
