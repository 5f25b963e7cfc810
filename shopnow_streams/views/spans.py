"""`/api/revenue` and `/api/funnel`: the shop by minute, hour or day of event time (UTC).

Two tables have a part in it. `hours` counts every event of each hour for ever. `shop` has what `hours` has not:
minutes, baskets and different customers; but not late events, and not for ever. So no number is made of both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import groupby
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from shopnow_streams.folds.hours import HOURS, ShopHour, hour_key
from shopnow_streams.folds.hours import merge as merge_hours
from shopnow_streams.folds.shop import SHOP, ShopWindow
from shopnow_streams.folds.shop import merge as merge_windows
from shopnow_streams.folds.windows import EPOCH, window_of
from shopnow_streams.views.awaited import WAITING, Awaited
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.hours import Counts
from shopnow_streams.views.page import only
from shopnow_streams.views.parameters import Parameter, choice, whole
from shopnow_streams.views.standing import Timed, timed
from shopnow_streams.views.windows import LEVELS, filled, merged
from tables.answer import Answer
from tables.reads import Query

MAX_HOURS = 24 * 100
_FIRST = "0000"

_DATE = (
    r"[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29"
)
"""A day that there is, of the years from 1000 to 2999."""

_CLOCK = r"(?:[01][0-9]|2[0-3])"
_TIME = rf"{_CLOCK}(?::[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?)?(?:Z|[+-]{_CLOCK}:[0-5][0-9])?"

FROM = Parameter(
    "from",
    Annotated[str, Meta(pattern=rf"^(?:{_DATE})(?:T{_TIME})?$")],
    None,
    "a day or hour such as 2025-11-28T10",
    "Nothing before this day or hour. A moment without an offset is UTC.",
    "2025-11-28T10",
)
BY = choice(
    "by",
    ("hour", "day", "minute"),
    "By hour or by day (UTC), of all events, late ones too; or by minute, of the last two hours of event time, without "
    "those that came too late.",
)
LIMIT = whole(
    "limit", 1, MAX_HOURS, MAX_HOURS, "The newest so many hours, or the days that they make; or minutes.", "24"
)


Item = TypeVar("Item")
Total = TypeVar("Total")


class Span(Timed, Generic[Item, Total], frozen=True, kw_only=True):
    """Minutes, hours or days, in order, and their total."""

    items: list[Item]
    total: Total
    truncated: Annotated[bool, Meta(description="Whether `limit` left older ones out, of the total too.")]


@dataclass(frozen=True)
class Measure:
    """What is shown of a span: of its counts, and of its window in `shop` where that is kept. And the types of an item
    and of the whole answer by `by`."""

    show: Callable[[Counts, ShopWindow | None], Struct]
    items: Mapping[str, type[Struct]]
    answers: Mapping[str, type[Span[Any, Any]]]


class Shown(NamedTuple):
    """An item, by the name of its beginning."""

    name: str
    counts: Counts
    window: ShopWindow | None


class Spans:
    """A resource over the shop's minutes, hours and days."""

    def __init__(self, gather: Gather, measure: Measure) -> None:
        self._gather = gather
        self._measure = measure

    async def listed(self, request: web.Request) -> Struct:
        """The newest `limit` (or the days that so many hours make, `by=day`), not before `from`; and their total."""
        only(request, "from", "by", "limit", *WAITING)
        by, limit, moment = BY.read(request), LIMIT.read(request), FROM.read(request)
        since = None if moment is None else _utc(moment)
        awaited = self._gather.at_least.read(request)
        return await (self._minutes(limit, since, awaited) if by == "minute" else self._of(by, limit, since, awaited))

    async def _minutes(self, limit: int, since: datetime | None, awaited: Awaited) -> Struct:
        answer = await self._gather.read(_shop("minute", None), awaited)  # older ones too: no gap after them
        level = LEVELS["minute"]
        found = filled(merged(answer.rows, level, answer.clock, merge_windows), level, answer.clock, ShopWindow)
        first = _FIRST if since is None else window_of(level.length.key(since))
        wanted = [(name, window) for name, window in found.items() if name >= first]
        rows = wanted[-limit:]
        total = reduce(merge_windows, (window for _, window in rows), ShopWindow())
        items = [Shown(name, window, window) for name, window in rows]
        return self._shown("minute", items, (total, total), answer, truncated=len(rows) < len(wanted))

    async def _of(self, by: str, limit: int, since: datetime | None, awaited: Awaited) -> Struct:
        answer = await self._gather.read(Query(HOURS.name, beside=_shop(by, since)), awaited)
        first = _FIRST if since is None else hour_key(since)
        wanted = [(str(hour), state) for hour, state in answer.rows if str(hour) >= first]
        rows = wanted[-limit:]
        names = LEVELS[by].length.digits
        windows = Windows(by, answer, begun_before(rows, [hour for hour, _ in wanted], since, names))
        items = []
        for name, of_span in groupby(rows, key=lambda row: row[0][:names]):
            counts = reduce(merge_hours, (state for _, state in of_span), ShopHour())
            items.append(Shown(name, counts, windows.of(name)))
        total = reduce(merge_hours, (state for _, state in rows), ShopHour())
        together = union([item.window for item in items])
        return self._shown(by, items, (total, together), answer, truncated=len(rows) < len(wanted))

    def _shown(
        self,
        by: str,
        items: Sequence[Shown],
        total: tuple[Counts, ShopWindow | None],
        answer: Answer[Any],
        *,
        truncated: bool,
    ) -> Struct:
        measure = self._measure
        item, show = measure.items[by], measure.show
        return measure.answers[by](
            items=[item(**{by: each.name}, **msgspec.structs.asdict(show(each.counts, each.window))) for each in items],
            total=show(*total),
            truncated=truncated,
            **timed(answer),
        )


class Windows:
    """The windows of `shop` in an answer, by what hours and days are called. Of `partly` not all of it is shown."""

    def __init__(self, by: str, answer: Answer[Any], partly: str | None) -> None:
        level = LEVELS[by]
        self._oldest = window_of(level.bound(answer.clock))
        self._newest = window_of(level.length.key(answer.clock))
        self._partly = partly
        self._found = merged(answer.beside, level, answer.clock, merge_windows)

    def of(self, name: str) -> ShopWindow | None:
        """That window; None where it is not kept, or not in the answer as a whole."""
        if name == self._partly or not self._oldest <= name <= self._newest:
            return None
        return self._found.get(name) or ShopWindow()


def begun_before(
    rows: Sequence[tuple[str, Any]], hours: Sequence[str], since: datetime | None, digits: int
) -> str | None:
    """The first span of `rows`, where hours of it are left out of them: by `since`, or as older ones of `hours`."""
    if not rows:
        return None
    first = rows[0][0]
    left_out = hours[: len(hours) - len(rows)][-1:]
    before = hour_key(since) if since is not None else ""
    starts_within = before[:digits] == first[:digits] and not before.endswith("T00") and digits < len(before)
    return first[:digits] if starts_within or (left_out and left_out[0][:digits] == first[:digits]) else None


def union(windows: Sequence[ShopWindow | None]) -> ShopWindow | None:
    """All of them as one, a customer of several being one; None where one is missing."""
    kept = [window for window in windows if window is not None]
    return reduce(merge_windows, kept, ShopWindow()) if len(kept) == len(windows) else None


def _shop(by: str, since: datetime | None) -> Query:
    return Query(SHOP.name, subjects={"": EPOCH if since is None else LEVELS[by].length.start(since)})


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
