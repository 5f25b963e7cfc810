"""One row of a table as a resource: `/api/orders/{id}` and its like."""

from collections.abc import Callable
from typing import Any, Generic

import msgspec
from aiohttp import web
from msgspec import Struct

from shopnow_streams.folds.definition import Definition, Key, State
from shopnow_streams.views.awaited import NOTHING, WAITING, Awaited
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.parameters import Parameter
from shopnow_streams.views.standing import standing
from tables.answer import Answer
from tables.reads import Query

Show = Callable[[Key, State], Struct]


class Row(Generic[State]):
    """The rows of `definition`, each shown by `show` and answered as `answer`; `what` is what a problem calls one."""

    def __init__(
        self,
        gather: Gather,
        definition: Definition[State],
        show: Show[State],
        answer: type[Struct],
        key: Parameter[Any],
        what: str,
    ) -> None:
        self._gather = gather
        self._table = definition.name
        self._show = show
        self._answer = answer
        self._key = key
        self._what = what

    async def one(self, request: web.Request) -> Struct:
        """The row of the path's id. Raises Problem 404 where the partitions that answered have none."""
        answer, _ = await self.asked_for(request)
        shown = msgspec.structs.asdict(self._show(*answer.rows[0]))
        return self._answer(**shown, **standing(answer))

    async def asked_for(self, request: web.Request) -> tuple[Answer[State], Awaited]:
        """The answer with the row of the path's id, and what was awaited. Raises Problem 404 as `one` does."""
        only(request, *WAITING)
        awaited = self._gather.at_least.read(request)
        return await self.found(self.key(request), awaited), awaited

    def key(self, request: web.Request) -> str:
        """That of the path. Raises Problem 404 for what can be none."""
        text = request.match_info[self._key.name]
        try:
            return str(self._key.of(text))
        except msgspec.ValidationError:
            raise Problem(404, "Not Found", self._missing(text, True)) from None

    async def found(self, key: str, awaited: Awaited = NOTHING) -> Answer[State]:
        """The answer with the row. Raises Problem 404 where the partitions that answered have none."""
        answer = await self._gather.read(Query(self._table, keys=[key]), awaited)
        if not answer.rows:
            raise Problem(404, "Not Found", self._missing(key, answer.complete))
        return answer

    def _missing(self, key: str, complete: bool) -> str:
        """Nothing found: a fact where all partitions answered, else a maybe."""
        return f"no {self._what} {key[:200]!r}" + ("" if complete else " in the partitions that answered; not all did")
