"""A client of `/api/stream` as the documentation tells one to be: rows by key, the last id, and what else was said."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import msgspec

from shopnow_streams.views.pushed import EVENTS

Heard = tuple[str, Any, str | None]
"""An event's name, its data, and its id where it has one."""

KEYS = {"products": "id_produit", "stock": "id_produit", "orders": "id_commande", "hours": "hour"}


def parsed(stream: bytes) -> list[Heard]:
    """The events of a stream, each of its type; comments and waits are none."""
    heard = []
    for block in stream.decode().split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.split("\n") if line)
        if "event" in fields:
            name, data = fields["event"], fields["data"].encode()
            msgspec.json.decode(data, type=EVENTS[name])
            heard.append((name, msgspec.json.decode(data), fields.get("id")))
    return heard


@dataclass
class Listener:
    """`async with Listener(session, url) as listener: await listener.until(...)`. Every event is of its type."""

    session: aiohttp.ClientSession
    url: Any
    query: Any = ()
    last_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[Any, Any]] = field(default_factory=lambda: {name: {} for name in KEYS})
    events: list[tuple[str, Any]] = field(default_factory=list)
    comments: int = 0
    ended: bool = False

    async def __aenter__(self) -> Self:
        headers = self.headers | ({} if self.last_id is None else {"Last-Event-ID": self.last_id})
        self.response = await self.session.get(self.url, params=self.query, headers=headers)
        assert self.response.status == 200, await self.response.text()
        assert self.response.content_type == "text/event-stream"
        self.ended = False
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        self.response.close()
        await asyncio.wait({self._reading})

    async def _read(self) -> None:
        block = b""
        try:
            async for line in self.response.content:
                block += line
                if line == b"\n":
                    self.comments += block == b":\n\n"
                    for name, body, event_id in parsed(block):
                        self._take(name, body, event_id)
                    block = b""
        except aiohttp.ClientError:
            pass
        self.ended = True

    def _take(self, name: str, body: Any, event_id: str | None) -> None:
        self.events.append((name, body))
        for item in body["items"] if name in KEYS else ():
            self.rows[name][item[KEYS[name]]] = item
        self.last_id = event_id or self.last_id

    def named(self, name: str) -> list[Any]:
        """The data of all events with this name."""
        return [body for found, body in self.events if found == name]

    async def until(self, holds: Any, within_s: float = 10.0) -> Any:
        """The first true result of `holds`; raises TimeoutError, with what was heard."""
        deadline_s = asyncio.get_running_loop().time() + within_s
        while not (found := holds()):
            if asyncio.get_running_loop().time() > deadline_s:
                raise TimeoutError(str(self.events[-5:])[:2_000])
            await asyncio.sleep(0.005)
        return found
