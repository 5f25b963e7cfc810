"""One question to every worker: each answers for the partitions it owns."""

import asyncio
import logging
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from shopnow_streams.views.page import Problem
from tables.live import LiveTables
from tables.reads import Answer, PartitionAnswer, Query, answer_locally, merge_answers

logger = logging.getLogger(__name__)

PATH = "/internal/rows"
_TIMEOUT_S = 2.0
_decode_query = msgspec.json.Decoder(Query).decode
_decode_answers = msgspec.json.Decoder(list[PartitionAnswer]).decode


class Gather:
    """Reads over all workers of the application. A worker that does not answer in time makes the answer incomplete."""

    def __init__(self, app: Any, live: LiveTables, partitions: int) -> None:
        self._app = app
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
        answers = await asyncio.gather(*(self._ask(peer, query) for peer in self._peers()))
        return merge_answers(
            self._live.definitions[query.table],
            [answer for part in (local, *answers) for answer in part],
            self._partitions,
            query.limit,
        )

    def _peers(self) -> list[str]:
        own = _host(str(self._app.conf.canonical_url))
        return sorted({_host(str(url)) for url in self._app.router.tables_metadata()} - {own})

    async def _ask(self, peer: str, query: Query) -> list[PartitionAnswer]:
        try:
            async with self._app.http_client.post(
                f"http://{peer}{PATH}", data=msgspec.json.encode(query), timeout=aiohttp.ClientTimeout(_TIMEOUT_S)
            ) as response:
                if response.status == 413:
                    raise Problem(413, "Content Too Large", f"worker {peer} has more rows than can be ranked")
                response.raise_for_status()
                answers = _decode_answers(await response.read())
            merge_answers(self._live.definitions[query.table], answers, self._partitions)  # rows of another form raise
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
            logger.warning("worker %s did not answer: %r; answers are incomplete", peer, error)
            return []
        return answers

    async def serve(self, request: web.Request) -> web.Response:
        """The other side of `_ask`."""
        try:
            query = _decode_query(await request.read())
            answers = await answer_locally(self._live, query)
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise Problem(400, "Bad Request", f"not a query: {error}") from error
        except OverflowError as error:
            raise Problem(413, "Content Too Large", str(error)) from error
        return web.Response(body=msgspec.json.encode(answers), content_type="application/json")


def _host(url: str) -> str:
    return url.removeprefix("http://").rstrip("/")
