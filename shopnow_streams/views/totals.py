"""What every product did over the last span of event time and the one before it, asked of all workers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.folds.windows import Level
from shopnow_streams.views.awaited import NOTHING, Awaited, NotYet
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.question import Question
from shopnow_streams.views.shared import Shared
from shopnow_streams.views.windows import LEVELS, within
from tables.answer import Answer
from tables.live import LiveTables
from tables.reads import Query
from tables.totals import PartitionTotals, TotalsQuery, merge_totals, totals_locally

PATH = "/internal/totals"
_ATTEMPTS = 3


@dataclass(frozen=True)
class Last:
    """The last span of event time: so long before the window that is now, and what there is of that."""

    level: Level
    lasts: timedelta

    def begins(self, clock: datetime) -> datetime:
        """Its beginning, that of a window."""
        return self.level.length.start(clock) - self.lasts

    def minutes(self, clock: datetime) -> float:
        """How long it is by then."""
        return (clock - self.begins(clock)) / timedelta(minutes=1)

    def query(self, clock: datetime, *, fresh: bool = False) -> TotalsQuery:
        """The span, and the one of the same length before it."""
        begins, lengths = self.begins(clock), within(self.level)
        before = tuple((each.key(begins - self.lasts), each.key(begins)) for each in lengths)
        now = tuple((each.key(begins), each.after) for each in lengths)
        return TotalsQuery((now, before), fresh)


SPANS = {
    "5min": Last(LEVELS["minute"], timedelta(minutes=5)),
    "1h": Last(LEVELS["minute"], timedelta(hours=1)),
    "24h": Last(LEVELS["hour"], timedelta(hours=24)),
}


class Totals:
    """Totals over all workers; of one span at most one at a time, shared by all who ask meanwhile."""

    def __init__(self, gather: Gather, live: LiveTables) -> None:
        self._gather = gather
        self._live = live
        self._everywhere = Shared(self._asked)
        self._here = Shared(partial(totals_locally, live))
        self.question = Question(gather.peers, PATH, (TotalsQuery, PartitionTotals), self._locally)

    async def over(self, last: Last, awaited: Awaited = NOTHING) -> Answer[Any]:
        """A row for each product: its numbers in the span, and in the one before it.

        Raises Problem for more rows than can be added up; NotYet where it has not all that is awaited in time.
        """
        if not awaited.offsets:
            return (await self._everywhere.get((last, False)))[0]
        await self._gather.read(Query(ACTIVITY.name, keys=[]), awaited)  # from here on it can be had
        for fresh in (False, True):
            answer, _ = await self._everywhere.get((last, fresh), lambda made: not awaited.missing(made[0].offsets))
            missing = awaited.missing(answer.offsets)
            if not missing:
                return answer
        raise NotYet(missing, awaited.wait_ms)

    async def _asked(self, key: tuple[Last, bool]) -> tuple[Answer[Any], datetime]:
        last, fresh = key
        clock = (await self._gather.read(Query(ACTIVITY.name, keys=[]))).clock
        for _ in range(_ATTEMPTS):
            answer = await self._ask(last.query(clock, fresh=fresh))
            if last.begins(answer.clock) == last.begins(clock):
                break
            clock = answer.clock  # another window began meanwhile
        return answer, clock

    async def _ask(self, query: TotalsQuery) -> Answer[Any]:
        return merge_totals(await self.question.ask(query), self._gather.at_least.partitions)

    async def _locally(self, query: TotalsQuery) -> list[PartitionTotals]:
        return await (totals_locally(self._live, query) if query.fresh else self._here.get(query))
