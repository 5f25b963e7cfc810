"""`/api/sessions`: visits of the last hours, how long they were and what came of them; `/api/sessions/{user_id}`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import nlargest
from typing import Annotated, NamedTuple

from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.events import Instant, UserId, epoch_ms
from shopnow_streams.folds.shoppers import PAUSE_MS, Visit, joined
from shopnow_streams.folds.windows import EPOCH, HOUR
from shopnow_streams.views.awaited import NOTHING, WAITING, Awaited
from shopnow_streams.views.customers import KEPT, USER_ID, Customers, by_customer, moment, user_id, whole_shopper
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import whole
from shopnow_streams.views.shared import CHEAP_S, Shared
from shopnow_streams.views.standing import Count, Timed, timed
from shopnow_streams.views.turns import in_turns
from tables.answer import Answer

MOST = 500
LONGEST_H = 24
MILLISECOND = timedelta(milliseconds=1)
PAUSE = timedelta(milliseconds=PAUSE_MS)

LAST_H = whole("last_h", 1, LONGEST_H, 1, "Sessions that began in the last so many hours of event time.", "6")
LIMIT = whole("limit", 1, MOST, 50, "At most so many sessions; the summary is of all.", "5")


class Session(Struct, frozen=True, kw_only=True):
    """What a customer did without a pause of more than 30 minutes."""

    user_id: Annotated[UserId, Meta(examples=[7])]
    began_at: Instant
    ended_at: Annotated[Instant, Meta(description="Its last event so far.")]
    length_s: Annotated[Count, Meta(description="From the one to the other, in whole seconds.")]
    pages: Annotated[Count, Meta(description="Views of products.")]
    adds: Count
    orders: Count
    payments: Count
    converted: Annotated[bool, Meta(description="Whether something was ordered.")]
    open: Annotated[bool, Meta(description="Whether its pause, as of `as_of`, is not over 30 minutes: it may go on.")]


class Summary(Struct, frozen=True, kw_only=True):
    """Of all sessions; averages and rates are null where there was none."""

    sessions: Count
    customers: Count
    average_length_s: Annotated[float, Meta(ge=0)] | None
    median_length_s: Annotated[float, Meta(ge=0)] | None
    average_pages: Annotated[float, Meta(ge=0)] | None
    converted: Annotated[Count, Meta(description="Sessions with an order.")]
    conversion_rate: Annotated[float, Meta(ge=0, le=1)] | None
    open: Annotated[Count, Meta(description="Sessions that may go on.")]


class CustomerSessions(Timed, frozen=True, kw_only=True):
    """The sessions of one customer, the newest first."""

    since: Annotated[
        Instant,
        Meta(
            description="Sessions that began then or later are in the answer. What is older than 24 hours is not kept, "
            "so that of a session at the edge its beginning would not be known: with `last_h=24` up to half an hour "
            "less than that is looked at."
        ),
    ]
    items: list[Session]


class SessionPage(CustomerSessions, frozen=True, kw_only=True):
    """The newest sessions, and a summary of all."""

    summary: Summary


class SessionRow(Struct, gc=False):
    """What sessions need of a row."""

    visits: tuple[Visit, ...] = ()


class Began(NamedTuple):
    """A session of somebody. They sort by when they began."""

    first_ms: int
    user: int
    visit: Visit


def since(last_h: int, as_of: datetime) -> datetime:
    """From when on it is known of each session where it began: nothing of it is in an hour that is not kept."""
    return max(as_of - timedelta(hours=last_h), KEPT.oldest(as_of) + PAUSE)


def looked_at_from(last_h: int, as_of: datetime) -> datetime:
    """The first hour of rows that tell whether a session began before `since`."""
    return HOUR.start(since(last_h, as_of) - PAUSE)


def begun(user: int, visits: Sequence[Visit], since_ms: int) -> Iterator[Began]:
    """A customer's sessions, of their visits in no order, that began at `since_ms` or later."""
    for visit in visits if len(visits) == 1 else joined(visits):
        if visit.first_ms >= since_ms:
            yield Began(visit.first_ms, user, visit)


@dataclass
class Tally:
    """What the summary is made of. `lengths_s` is how many sessions had each length: few lengths, many sessions."""

    open_from_ms: int
    customers: int = 0
    pages: int = 0
    converted: int = 0
    open: int = 0
    lengths_s: Counter[int] = field(default_factory=Counter)

    def add(self, of_customer: Sequence[Began]) -> None:
        """All sessions of one customer."""
        self.customers += bool(of_customer)
        for _, _, visit in of_customer:
            self.pages += visit.pages
            self.converted += visit.orders > 0
            self.open += visit.last_ms >= self.open_from_ms
            self.lengths_s[_length_s(visit)] += 1

    def summary(self) -> Summary:
        """Of all that were added."""
        sessions = self.lengths_s.total()
        return Summary(
            sessions=sessions,
            customers=self.customers,
            average_length_s=_ratio(sum(length * count for length, count in self.lengths_s.items()), sessions),
            median_length_s=self._median() if sessions else None,
            average_pages=_ratio(self.pages, sessions),
            converted=self.converted,
            conversion_rate=_ratio(self.converted, sessions),
            open=self.open,
        )

    def _median(self) -> float:
        sessions = self.lengths_s.total()
        middle = {(sessions - 1) // 2, sessions // 2}
        found, before = [], 0
        for length_s, count in sorted(self.lengths_s.items()):
            found += [length_s for place in middle if before <= place < before + count]
            before += count
        return sum(found) / len(found)


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _length_s(visit: Visit) -> int:
    return (visit.last_ms - visit.first_ms) // 1000


def open_from_ms(as_of: datetime) -> int:
    """A session with an event then or later may go on."""
    return epoch_ms(as_of) - PAUSE_MS


def shown(session: Began, as_of: datetime) -> Session:
    """A session as the API shows it."""
    visit = session.visit
    return Session(
        user_id=session.user,
        began_at=moment(visit.first_ms),
        ended_at=moment(visit.last_ms),
        length_s=_length_s(visit),
        pages=visit.pages,
        adds=visit.adds,
        orders=visit.orders,
        payments=visit.payments,
        converted=visit.orders > 0,
        open=visit.last_ms >= open_from_ms(as_of),
    )


@dataclass(frozen=True)
class Found:
    """What there is to say of all sessions, the newest `MOST`, and the answer that they are of (its rows are gone)."""

    answer: Answer[SessionRow]
    summary: Summary
    newest: Sequence[Began]


async def found(answer: Answer[SessionRow], last_h: int) -> Found:
    """Out of rows. Others have their turn meanwhile."""
    as_of = answer.clock
    since_ms = _ms_from(since(last_h, as_of))
    rows = await by_customer(answer.rows, HOUR.key(looked_at_from(last_h, as_of)), lambda row: row.visits)
    answer.rows.clear()
    tally, newest = Tally(open_from_ms(as_of)), list[Began]()
    async for part in in_turns(rows.items()):
        some: list[Began] = []
        for user, of_user in part:
            visits = of_user[0].visits if len(of_user) == 1 else [visit for row in of_user for visit in row.visits]
            of_customer = list(begun(user, visits, since_ms))
            tally.add(of_customer)
            some += of_customer
        newest = _newest(MOST, (*newest, *some))
    return Found(answer, tally.summary(), newest)


def _newest(limit: int, sessions: Iterable[Began]) -> list[Began]:
    return nlargest(limit, sessions, key=lambda session: session[:2])


def _ms_from(moment: datetime) -> int:
    """The first whole millisecond that is not before `moment`."""
    return -(-(moment - EPOCH) // MILLISECOND)


class Sessions:
    """The resource."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._customers = Customers(gather)
        self._shared = Shared(self._all, CHEAP_S)

    async def _all(self, last_h: int, awaited: Awaited = NOTHING) -> Found:
        return await found(await self._customers.scan(partial(looked_at_from, last_h), SessionRow, awaited), last_h)

    async def listed(self, request: web.Request) -> SessionPage:
        """The newest `limit` sessions that began in the last `last_h` hours, and a summary of all that did."""
        only(request, "last_h", "limit", *WAITING)
        last_h, limit = LAST_H.read(request), LIMIT.read(request)
        awaited = self._gather.at_least.read(request)
        all_of = await self._shared.get(last_h, lambda kept: not awaited.missing(kept.answer.offsets))
        if awaited.missing(all_of.answer.offsets):
            all_of = await self._all(last_h, awaited)
        as_of = all_of.answer.clock
        return SessionPage(
            since=since(last_h, as_of).astimezone(UTC),
            items=[shown(session, as_of) for session in all_of.newest[:limit]],
            summary=all_of.summary,
            **timed(all_of.answer),
        )

    async def one(self, request: web.Request) -> CustomerSessions:
        """Those of one customer; none where there was none. Raises Problem 404 for an id that nobody can have."""
        only(request, *WAITING)
        awaited = self._gather.at_least.read(request)
        user = user_id(request.match_info[USER_ID.name], "customer")
        answer = await self._customers.one(user, awaited)
        as_of = answer.clock
        from_ = since(LONGEST_H, as_of)
        sessions = begun(user, whole_shopper(answer).visits, _ms_from(from_))
        return CustomerSessions(
            since=from_.astimezone(UTC),
            items=[shown(session, as_of) for session in _newest(LONGEST_H * 60, sessions)],
            **timed(answer),
        )
