"""`/api/stock`: the newest count of each product; `/api/stock/{id}`."""

from typing import Any

from aiohttp import web

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.stock import STOCK, StockLevel
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import MAX_LIMIT, Problem, choice, integer, only, standing
from shopnow_streams.views.products import missing
from tables.reads import Query


def shown(key: Any, level: StockLevel) -> dict[str, Any]:
    """A stock level as the API shows it."""
    return {"id_produit": key, "units": level.units, "counted_at": level.counted_at, "counts": level.counts}


class Stock:
    """The stock resource."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def listed(self, request: web.Request) -> dict[str, Any]:
        """A page in order of id, from `after` on; or the `limit` lowest levels (`sort=units`)."""
        only(request, "after", "limit", "sort")
        limit = integer(request, "limit", 50, 1, MAX_LIMIT)
        if choice(request, "sort", "id", ("id", "units")) == "id":
            after = integer(request, "after", -1, 0, MAX_ID)
            answer = await self._gather.read(Query(STOCK.name, start=str(after + 1), limit=limit))
            rows = answer.rows
            following = rows[-1][0] if len(rows) == limit else None
        else:
            if "after" in request.query:
                raise Problem(400, "Bad Request", "after pages in order of id; it does not go with sort")
            answer = await self._gather.read(Query(STOCK.name))
            rows = sorted(answer.rows, key=lambda row: (row[1].units, row[0]))[:limit]
            following = None
        return {"items": [shown(*row) for row in rows], "after": following, **standing(answer)}

    async def one(self, request: web.Request) -> dict[str, Any]:
        """One product's level. Raises Problem 404 where it was never counted."""
        only(request)
        key = request.match_info["key"]
        answer = await self._gather.read(Query(STOCK.name, keys=[key]))
        if not answer.rows:
            raise Problem(404, "Not Found", missing("stock count of product", key, answer.complete))
        return {**shown(*answer.rows[0]), **standing(answer)}
