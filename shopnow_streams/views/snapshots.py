"""`/internal/snapshot/{table}/{partition}`: every row of one table in one partition, as of one moment, to be recounted.

Lines of JSON, `application/x-ndjson`:

    {"partition": 2, "offsets": {"produit-consulte": 4711, …}, …}   the moment: next offset by topic, and event time
    ["1597", {"views": 12, …}]                                      a row: its key, its state; in no order
    {"rows": 1}                                                     the end: an answer without it was cut

The worker holds no more of it than a slice, however many rows there are and however slowly they are read.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiohttp import web

from shopnow_streams.errors import StoreClosed
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.encoding import encode
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.peers import Peers
from tables.live import LiveTables
from tables.partition import Partition

logger = get_logger(__name__)

PATH = "/internal/snapshot/{table}/{partition}"
WORKERS_PATH = "/internal/workers"
CONTENT_TYPE = "application/x-ndjson"

_SLICE_ROWS = 250
"""Decoded and encoded in one go: about a millisecond."""

_WRITE_S = 30.0
"""A reader that takes nothing for so long is let go, and with it the store's view of that moment."""


class Snapshots:
    """The rows of this worker's partitions, a table and partition at a time; and who has the others."""

    def __init__(self, peers: Peers, live: LiveTables, partitions: int) -> None:
        self._peers = peers
        self._live = live
        self._partitions = partitions

    async def workers(self, request: web.Request) -> dict[str, Any]:
        """All workers as the group's metadata has them, and how many partitions they share."""
        only(request)
        return {
            "application": self._live.config.application_id,
            "partitions": self._partitions,
            "tables": list(self._live.definitions),
            "workers": sorted({f"http://{host}" for host in (self._peers.own, *self._peers.hosts)}),
        }

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Raises Problem 404 for a partition of another worker, 400 for a table that there is none of."""
        only(request)
        table, number = request.match_info["table"], request.match_info["partition"]
        if table not in self._live.definitions:
            raise Problem(400, "Bad Request", f"no table {table[:40]!r}; known: {', '.join(self._live.definitions)}")
        try:
            partition = self._live.owned[int(number)].partition
            rows = partition.tables[table].everything()
            head = _head(partition, table)  # of the same moment: nothing is awaited in between
        except (KeyError, ValueError, StoreClosed):
            raise Problem(404, "Not Found", f"partition {number[:20]} is not of this worker") from None
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})
        response.content_type = CONTENT_TYPE
        await response.prepare(request)
        try:
            await _write(response, head + b"\n")
            count = await _stream(response, rows)
            await _write(response, encode({"rows": count}) + b"\n")
        except StoreClosed:
            logger.info(
                "partition {partition} was let go while its {table} were read: its next owner has them",
                partition=partition.number,
                table=table,
            )
        except (ConnectionResetError, TimeoutError) as error:
            logger.info(
                "the rows of {table} in partition {partition} were not read to the end: {error!r}",
                partition=partition.number,
                table=table,
                error=error,
            )
            if request.transport is not None:
                request.transport.abort()  # else the end would wait for the reader too
        return response


def _head(partition: Partition, table: str) -> bytes:
    """`stands` is the moment that a windowed table stands at (`tables.windowed`); null for the others."""
    moment = {"partition": partition.number, "offsets": partition.positions, "stands": partition.stands.get(table)}
    return encode(moment | {"event_time": partition.rules.versions})


async def _stream(response: web.StreamResponse, rows: Iterator[tuple[Key, Any]]) -> int:
    count = 0
    while part := list(islice(rows, _SLICE_ROWS)):
        count += len(part)
        await _write(response, b"".join([encode((str(key), state)) + b"\n" for key, state in part]))
        await asyncio.sleep(0)  # to write does not wait while there is room
    return count


async def _write(response: web.StreamResponse, lines: bytes) -> None:
    async with asyncio.timeout(_WRITE_S):
        await response.write(lines)
