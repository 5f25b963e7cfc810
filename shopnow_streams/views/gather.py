"""One question to every worker: each answers for the partitions it owns."""

import logging
from typing import Any

import msgspec
from aiohttp import web

from shopnow_streams.views.page import Problem
from shopnow_streams.views.peers import Peers
from tables.live import LiveTables
from tables.reads import Answer, PartitionAnswer, Query, answer_locally, merge_answers

logger = logging.getLogger(__name__)

PATH = "/internal/rows"
_decode_query = msgspec.json.Decoder(Query).decode
_decode_answers = msgspec.json.Decoder(list[PartitionAnswer]).decode


class Gather:
    """Reads over all workers of the application. A worker that does not answer in time makes the answer incomplete."""

    def __init__(self, peers: Peers, live: LiveTables, partitions: int) -> None:
        self._peers = peers
        self._live = live
        self._partitions = partitions

    async def read(self, query: Query) -> Answer[Any]:
        """The merged answer. Raises Problem for a key of the wrong form, or more rows than can be ranked."""
        try:
            local = await answer_locally(self._live, query)
        except ValueError as error:
            raise Problem(404, "Not Found", f"{query.table} has no such key: {error}") from error
        except OverflowError as error:
            raise Problem(413, "Content Too Large", str(error)) from error
        answers = await self._peers.ask(PATH, msgspec.json.encode(query))
        remote = [answer for peer, body in answers.items() for answer in self._read(peer, query, body)]
        definition = self._live.definitions[query.table]
        return merge_answers(definition, [*local, *remote], self._partitions, query.limit)

    def _read(self, peer: str, query: Query, body: bytes) -> list[PartitionAnswer]:
        try:
            answers = _decode_answers(body)
            merge_answers(self._live.definitions[query.table], answers, self._partitions)  # rows of another form raise
        except (msgspec.MsgspecError, ValueError) as error:
            logger.warning("worker %s answers in another form: %r; answers are incomplete", peer, error)
            return []
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
