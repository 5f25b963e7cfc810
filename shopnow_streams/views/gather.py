"""One question to every worker: each answers for the partitions it owns."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from typing import Any

import msgspec
from aiohttp import web

from shopnow_streams.folds.encoding import decoder
from shopnow_streams.folds.products import PRODUCTS
from shopnow_streams.views.awaited import NOTHING, AtLeast, Awaited, Offsets
from shopnow_streams.views.page import Problem
from shopnow_streams.views.peers import Peers, decoded
from shopnow_streams.views.positions import Positions
from tables.answer import Answer, PartitionAnswer, merge_answers, unmerged_answers
from tables.live import LiveTables
from tables.reads import Query, answer_locally

PATH = "/internal/rows"
_decode_query = msgspec.json.Decoder(Query).decode
_decode_answers = msgspec.json.Decoder(list[PartitionAnswer]).decode


class Gather:
    """Reads over all workers of the application. A worker that does not answer in time makes the answer incomplete."""

    def __init__(self, peers: Peers, live: LiveTables, partitions: int) -> None:
        self.at_least = AtLeast(partitions)
        self.peers = peers
        self._live = live
        self._partitions = partitions
        self._positions = Positions(live, self._everywhere)

    async def read(self, query: Query, awaited: Awaited = NOTHING) -> Answer[Any]:
        """The merged answer, once it has every event that is awaited.

        Raises Problem for a key of the wrong form, or more rows than can be ranked; NotYet when the time is over.
        """
        return await self._with(awaited, partial(self._read, query))

    async def scan(self, query: Query, form: type[Any], awaited: Awaited = NOTHING) -> Answer[Any]:
        """Many rows, as each partition has them: a key may be in it several times. Of each, what `form` has of it.

        Others have their turn meanwhile. Raises as `read` does.
        """
        return await self._with(awaited, partial(self._scan, query, form))

    async def _with(self, awaited: Awaited, read: Callable[[], Awaitable[Answer[Any]]]) -> Answer[Any]:
        deadline_s = asyncio.get_running_loop().time() + awaited.wait_ms / 1000
        while missing := awaited.missing((answer := await read()).offsets):
            await self._positions.reach(awaited, missing, deadline_s)
        return answer

    async def _read(self, query: Query) -> Answer[Any]:
        return self._merged(query, await self._answers(query, partial(self._decoded, query)), query.limit)

    async def _scan(self, query: Query, form: type[Any]) -> Answer[Any]:
        answers = await self._answers(query, partial(self._looked_at, decoder(form).decode))
        return await unmerged_answers(answers, self._partitions, form)

    async def _answers(self, query: Query, decode: Callable[[bytes], list[PartitionAnswer]]) -> list[PartitionAnswer]:
        try:
            local = await answer_locally(self._live, query)
        except ValueError as error:
            raise Problem(404, "Not Found", f"{query.table} has no such key: {error}") from error
        except OverflowError as error:
            raise Problem(413, "Content Too Large", str(error)) from error
        bodies = await self.peers.ask(PATH, msgspec.json.encode(query))
        return [*local, *chain(*decoded(bodies, decode, "answers are incomplete"))]

    def _merged(self, query: Query, answers: list[PartitionAnswer], limit: int = 0) -> Answer[Any]:
        beside = None if query.beside is None else self._live.definitions[query.beside.table]
        return merge_answers(self._live.definitions[query.table], answers, self._partitions, limit, beside)

    async def _everywhere(self) -> Offsets:
        """Where all partitions stand: what the answer without a row of any table says."""
        return (await self._read(Query(PRODUCTS.name, keys=[]))).offsets

    def _decoded(self, query: Query, body: bytes) -> list[PartitionAnswer]:
        answers = _decode_answers(body)
        self._merged(query, answers)  # rows of another form raise
        return answers

    @staticmethod
    def _looked_at(decode: Callable[[msgspec.Raw], Any], body: bytes) -> list[PartitionAnswer]:
        answers = _decode_answers(body)
        for answer in answers:
            for _, raw in answer.rows[:1]:  # rows of another form raise: as one of a version is, so are all
                decode(raw)
        return answers

    async def serve(self, request: web.Request) -> web.Response:
        """The other side of `Peers.ask`."""
        try:
            query = _decode_query(await request.read())
            answers = await answer_locally(self._live, query)
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise Problem(400, "Bad Request", f"not a query: {error}") from error
        except OverflowError as error:
            raise Problem(413, "Content Too Large", str(error)) from error
        return web.Response(body=msgspec.json.encode(answers), content_type="application/json")
