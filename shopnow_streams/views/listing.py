"""A table with whole numbers for keys as a resource: in pages, ranked, or one row."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.definition import Definition, State
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import MAX_LIMIT, Problem, choice, integer, only, standing
from shopnow_streams.views.row import Row, Show
from tables.reads import Query


class Listing(Row[State]):
    """The rows of `definition`. `rankings` are the ways to rank them by name: by a number of the row, lowest first."""

    def __init__(
        self,
        gather: Gather,
        definition: Definition[State],
        show: Show[State],
        what: str,
        rankings: Mapping[str, Callable[[State], int]],
    ) -> None:
        super().__init__(gather, definition, show, what)
        self._rankings = rankings

    async def listed(self, request: web.Request) -> dict[str, Any]:
        """A page in order of id, from `after` on; or the first `limit` rows by `sort`, equal ones in order of id."""
        only(request, "after", "limit", "sort")
        limit = integer(request, "limit", 50, 1, MAX_LIMIT)
        sort = choice(request, "sort", "id", ("id", *self._rankings))
        if sort == "id":
            after = integer(request, "after", -1, 0, MAX_ID)
            answer = await self._gather.read(Query(self._table, start=str(after + 1), limit=limit))
            rows = answer.rows
            following = rows[-1][0] if len(rows) == limit else None
        else:
            if "after" in request.query:
                raise Problem(400, "Bad Request", "after pages in order of id; it does not go with sort")
            answer = await self._gather.read(Query(self._table))
            rank = self._rankings[sort]
            rows = sorted(answer.rows, key=lambda row: (rank(row[1]), row[0]))[:limit]
            following = None
        return {"items": [self._show(*row) for row in rows], "after": following, **standing(answer)}
