"""Reading `shoppers`: the rows of a customer, or of all, that are kept as of now, and no other."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from shopnow_streams.events import MAX_ID
from shopnow_streams.folds.shoppers import SHOPPERS, WINDOWS, Shopper, merge
from shopnow_streams.folds.windows import EPOCH, HOUR, subject_of
from shopnow_streams.views.awaited import Awaited
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem
from shopnow_streams.views.parameters import whole
from shopnow_streams.views.turns import in_turns
from tables.answer import Answer
from tables.reads import Query

(KEPT,) = WINDOWS.levels
USER_ID = whole("user_id", 0, MAX_ID, None, "The customer's id.", "7")
Row = TypeVar("Row", bound=msgspec.Struct)


def moment(ms: int) -> datetime:
    """That many milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=ms)


def user_id(text: str, what: str) -> int:
    """The customer whom a path is about. Raises Problem 404: nobody has an id of another form."""
    try:
        return int(USER_ID.of(text) or 0)
    except msgspec.ValidationError:
        raise Problem(404, "Not Found", f"no {what} {text[:200]!r}") from None


class Customers:
    """The table of shoppers. It is read by hours of event time: how far that is has to be asked first, and where it
    went on between the two questions so that the second was too narrow, it is put again."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    async def scan(self, since: Callable[[datetime], datetime], form: type[Row], awaited: Awaited) -> Answer[Row]:
        """All rows of the hours from `since` of now on, as `Gather.scan` has them; to be filtered by `kept`."""
        clock = await self._clock()
        while True:
            first = HOUR.key(since(clock))
            answer = await self._gather.scan(Query(SHOPPERS.name, start=first), form, awaited)
            if HOUR.key(since(answer.clock)) >= first:
                return answer
            clock = answer.clock

    async def one(self, user: int, awaited: Awaited) -> Answer[Shopper]:
        """The rows of one customer, by key."""
        clock = await self._clock()
        while True:
            hours = _hours(clock)
            query = Query(SHOPPERS.name, keys=[HOUR.key(hour, user) for hour in hours])
            answer = await self._gather.read(query, awaited)
            if set(_hours(answer.clock)[:-1]) <= set(hours):
                return answer
            clock = answer.clock

    async def _clock(self) -> datetime:
        return (await self._gather.read(Query(SHOPPERS.name, keys=[]))).clock


def _hours(clock: datetime) -> list[datetime]:
    """Those that are kept, and the next one: it may begin any moment."""
    first = KEPT.oldest(clock)
    return [first + number * HOUR.lasts for number in range((HOUR.start(clock) - first) // HOUR.lasts + 2)]


def whole_shopper(answer: Answer[Shopper]) -> Shopper:
    """The rows of one customer that are kept, as one."""
    bound, shopper = KEPT.bound(answer.clock), Shopper()
    for key, row in answer.rows:
        if str(key) >= bound:
            shopper = merge(shopper, row)
    return shopper


async def by_customer(
    rows: Sequence[tuple[Any, Row]], bound: str, wanted: Callable[[Row], Any]
) -> dict[int, tuple[Row, ...]]:
    """The rows that are `wanted`, of keys from `bound` on, by customer. Others have their turn meanwhile.

    In tuples, which the garbage collector leaves alone where it may leave alone what is in them: a pass over as many
    lists as there are customers would hold everybody up.
    """
    found: dict[int, tuple[Row, ...]] = {}
    before = found.get
    async for part in in_turns(rows):
        for key, row in part:
            if key >= bound and wanted(row):
                user = int(subject_of(key))
                found[user] = (*before(user, ()), row)
    return found
