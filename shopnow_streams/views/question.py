"""A question of one kind to every worker, this one among them: it is sent, answered, and read, as JSON."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import web

from shopnow_streams.views.page import Problem
from shopnow_streams.views.peers import Peers, decoded

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Question(Generic[Asked, Answered]):
    """Each worker answers for its partitions, by `locally`, which raises OverflowError for more than can be had.

    `path` is where the others are asked, `forms` are those of the question and of one partition's answer.
    """

    def __init__(
        self,
        peers: Peers,
        path: str,
        forms: tuple[type[Asked], type[Answered]],
        locally: Callable[[Asked], Awaitable[list[Answered]]],
    ) -> None:
        asked, answered = forms
        self.path = path
        self._peers = peers
        self._locally = locally
        self._read: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(asked)
        self._decode: Callable[[bytes], list[Answered]] = msgspec.json.Decoder(list[answered]).decode  # type: ignore[valid-type]

    async def ask(self, asked: Asked) -> list[Answered]:
        """What all partitions say whose workers answer in time. Raises Problem 413 for more than can be had."""
        bodies: Any
        local, bodies = await asyncio.gather(self._here(asked), self._peers.ask(self.path, msgspec.json.encode(asked)))
        return [*local, *chain(*decoded(bodies, self._decode, "answers are incomplete"))]

    async def serve(self, request: web.Request) -> web.Response:
        """The other side of `ask`."""
        try:
            asked = self._read.decode(await request.read())
        except msgspec.MsgspecError as error:
            raise Problem(400, "Bad Request", f"not a query: {error}") from error
        return web.Response(body=msgspec.json.encode(await self._here(asked)), content_type="application/json")

    async def _here(self, asked: Asked) -> list[Answered]:
        try:
            return await self._locally(asked)
        except OverflowError as error:
            raise Problem(413, "Content Too Large", str(error)) from error
