"""One row of a table as a resource: `/api/orders/{key}` and its like."""

from collections.abc import Callable
from typing import Any, Generic

from aiohttp import web

from shopnow_streams.folds.definition import Definition, Key, State
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only, standing
from tables.reads import Query

Show = Callable[[Key, State], dict[str, Any]]


class Row(Generic[State]):
    """The rows of `definition`, each shown by `show`; `what` is what a problem calls one of them."""

    def __init__(self, gather: Gather, definition: Definition[State], show: Show[State], what: str) -> None:
        self._gather = gather
        self._table = definition.name
        self._show = show
        self._what = what

    async def one(self, request: web.Request) -> dict[str, Any]:
        """The row of the path's key. Raises Problem 404 where the partitions that answered have none."""
        only(request)
        key = request.match_info["key"]
        answer = await self._gather.read(Query(self._table, keys=[key]))
        if not answer.rows:
            raise Problem(404, "Not Found", self._missing(key, answer.complete))
        return {**self._show(*answer.rows[0]), **standing(answer)}

    def _missing(self, key: str, complete: bool) -> str:
        """Nothing found: a fact where all partitions answered, else a maybe."""
        return f"no {self._what} {key[:200]!r}" + ("" if complete else " in the partitions that answered; not all did")
