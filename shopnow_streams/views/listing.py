"""A table with whole numbers for keys as a resource: in pages, ranked, or one row."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from msgspec import Struct

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.definition import Definition, State
from shopnow_streams.views.awaited import WAITING
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.parameters import Parameter, choice, whole
from shopnow_streams.views.row import Row, Show
from shopnow_streams.views.standing import Page, standing
from tables.reads import Query

PRODUCT_ID = whole("id", 0, MAX_ID, None, "The product's id.", "1597")
AFTER = whole("after", 0, MAX_ID, None, "The page of ids above this one; does not go with a ranking.", "1597")
LIMIT = whole("limit", 1, 500, 50, "At most so many rows.", "5")


def sorting(rankings: tuple[str, ...]) -> Parameter[str]:
    """The parameter that ranks."""
    return choice("sort", ("id", *rankings), "In order of id, or ranked by a number.")


class Listing(Row[State]):
    """The rows of `definition`. `rankings` are the ways to rank them by name: by a number of the row, lowest first."""

    def __init__(
        self,
        gather: Gather,
        definition: Definition[State],
        show: Show[State],
        answers: tuple[type[Struct], type[Page[Any]]],
        what: str,
        rankings: Mapping[str, Callable[[State], int]],
    ) -> None:
        answer, self._page = answers
        super().__init__(gather, definition, show, answer, PRODUCT_ID, what)
        self._rankings = rankings
        self._sort = sorting(tuple(rankings))

    async def listed(self, request: web.Request) -> Struct:
        """A page in order of id, from `after` on; or the first `limit` rows by `sort`, equal ones in order of id."""
        only(request, "after", "limit", "sort", *WAITING)
        limit, sort, after = LIMIT.read(request), self._sort.read(request), AFTER.read(request)
        awaited = self._gather.at_least.read(request)
        if sort == "id":
            start = 0 if after is None else after + 1
            answer = await self._gather.read(Query(self._table, start=str(start), limit=limit), awaited)
            rows = answer.rows
            following = int(rows[-1][0]) if len(rows) == limit else None
        else:
            if after is not None:
                raise Problem(400, "Bad Request", "after pages in order of id; it does not go with sort")
            answer = await self._gather.read(Query(self._table), awaited)
            rank = self._rankings[sort]
            rows = sorted(answer.rows, key=lambda row: (rank(row[1]), row[0]))[:limit]
            following = None
        return self._page(items=[self._show(*row) for row in rows], after=following, **standing(answer))
