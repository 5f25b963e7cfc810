"""A table with whole numbers for keys as a resource: in pages, ranked, or one row."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from aiohttp import web
from msgspec import Struct

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.definition import Definition, State
from shopnow_streams.views.awaited import WAITING, Awaited
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.parameters import Parameter, choice, whole
from shopnow_streams.views.row import Row, Show
from shopnow_streams.views.standing import standing
from tables.answer import Answer
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
        answers: tuple[type[Struct], Callable[..., Struct]],
        what: str,
        rankings: Mapping[str, Callable[[State], int]],
    ) -> None:
        answer, self._page = answers
        super().__init__(gather, definition, show, answer, PRODUCT_ID, what)
        self._rankings = rankings
        self._sort = sorting(tuple(rankings))

    async def listed(self, request: web.Request) -> Struct:
        """A page in order of id, from `after` on; or the first `limit` rows by `sort`, equal ones in order of id."""
        answer, following = await self.page(self.parameters(request))
        return self._page(items=[self._show(*row) for row in answer.rows], after=following, **standing(answer))

    def parameters(self, request: web.Request) -> "Asked":
        """Those of a listing. Raises Problem 400 for what can't be."""
        only(request, "after", "limit", "sort", *WAITING)
        limit, sort, after = LIMIT.read(request), self._sort.read(request), AFTER.read(request)
        awaited = self._gather.at_least.read(request)
        if sort != "id" and after is not None:
            raise Problem(400, "Bad Request", "after pages in order of id; it does not go with sort")
        return Asked(limit, sort, after, awaited)

    async def page(self, asked: "Asked") -> tuple[Answer[State], int | None]:
        """The answer with the rows of a page, and the `after` of the next one."""
        if asked.sort == "id":
            start = 0 if asked.after is None else asked.after + 1
            answer = await self._gather.read(Query(self._table, start=str(start), limit=asked.limit), asked.awaited)
            return answer, int(answer.rows[-1][0]) if len(answer.rows) == asked.limit else None
        answer = await self._gather.read(Query(self._table), asked.awaited)
        rank = self._rankings[asked.sort]
        rows = sorted(answer.rows, key=lambda row: (rank(row[1]), row[0]))[: asked.limit]
        return replace(answer, rows=rows), None


class Asked(NamedTuple):
    """What is asked of a listing."""

    limit: int
    sort: str
    after: int | None
    awaited: Awaited
