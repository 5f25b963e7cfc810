"""So many requests a second of each client: a bucket that fills at that rate, and holds a second's worth."""

import asyncio
import math
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from shopnow_streams.views.page import Handler, Problem
from shopnow_streams.views.peers import Peers
from shopnow_streams.views.tokens import Tokens

MAX_CLIENTS = 10_000
"""Those asked by last; a client forgotten begins with a full bucket."""

_NAMES_S = 30.0


class TooMany(Problem):
    """429: more than the client's share."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = math.ceil(wait_s)
        super().__init__(429, "Too Many Requests", f"more than a client's share: ask again in {self._wait_s} s")

    @property
    def headers(self) -> dict[str, str]:
        """When to ask again."""
        return {"Retry-After": str(self._wait_s)}


class Rate:
    """Requests a second of each address; 0: as many as they like. Behind a proxy, all of its clients are one."""

    def __init__(self, per_s: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = max(per_s, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._per_s > 0

    def take(self, client: str) -> None:
        """One request of `client`. Raises TooMany where its bucket is empty."""
        now = self._clock()
        left, since = self._buckets.pop(client, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_s)
        taken = left >= 1
        self._buckets[client] = (left - 1 if taken else left, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if not taken:
            raise TooMany((1 - left) / self._per_s)

    def middleware(
        self, tokens: Tokens, peers: Peers
    ) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """Raises TooMany. Health is never refused; what workers ask one another neither."""
        addresses = Addresses(peers)

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.limited and not request.path.startswith("/health/"):
                inner = request.path.startswith("/internal/")
                client = request.remote or ""
                if not (inner and (tokens.held_by(request) or client in await addresses.known())):
                    self.take(client)
            return await handler(request)

        return count


class Addresses:
    """The other workers' IP addresses, looked up now and then."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._found: frozenset[str] = frozenset()
        self._of: list[str] = []
        self._until_s = 0.0

    async def known(self) -> frozenset[str]:
        """Those that their names had within the last half minute."""
        hosts = self._peers.hosts
        if hosts != self._of or time.monotonic() > self._until_s:
            self._of, self._until_s = hosts, time.monotonic() + _NAMES_S
            names = {host.rpartition(":")[0].strip("[]") for host in hosts}
            self._found = frozenset([address for name in names for address in await _looked_up(name)])
        return self._found


async def _looked_up(name: str) -> list[str]:
    with suppress(OSError):
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return [str(address[0]) for *_, address in found]
    return []
