"""`/api/revenue` and `/api/funnel`: the shop by hour or day of event time (UTC)."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import reduce
from itertools import groupby
from typing import Any

from aiohttp import web

from shopnow_streams.folds.hours import HOURS, ShopHour, hour_key, merge
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, choice, integer, only, standing
from tables.reads import Query

MAX_HOURS = 24 * 100
_FIRST = "0000"


def revenue(hour: ShopHour) -> dict[str, Any]:
    """What was ordered and what was paid."""
    return {
        "orders": hour.orders,
        "placed_cents": hour.placed_cents,
        "payments": hour.payments,
        "paid_cents": hour.paid_cents,
    }


def funnel(hour: ShopHour) -> dict[str, Any]:
    """Counts of each stage, and what part of the stage before it is."""
    return {
        "views": hour.views,
        "adds": hour.adds,
        "orders": hour.orders,
        "payments": hour.payments,
        "adds_per_view": _rate(hour.adds, hour.views),
        "orders_per_add": _rate(hour.orders, hour.adds),
        "payments_per_order": _rate(hour.payments, hour.orders),
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


class Hours:
    """A resource over the hours, each shown by `show`."""

    def __init__(self, gather: Gather, show: Callable[[ShopHour], dict[str, Any]]) -> None:
        self._gather = gather
        self._show = show

    async def listed(self, request: web.Request) -> dict[str, Any]:
        """The newest `limit` hours (or the days they make, `by=day`), not before `from`; and their total."""
        only(request, "from", "by", "limit")
        by = choice(request, "by", "hour", ("hour", "day"))
        limit = integer(request, "limit", MAX_HOURS, 1, MAX_HOURS)
        start = _hour(request.query["from"]) if "from" in request.query else _FIRST
        answer = await self._gather.read(Query(HOURS.name))
        since = [row for row in answer.rows if str(row[0]) >= start]
        rows = since[-limit:]
        if by == "day":
            days = groupby(rows, key=lambda row: str(row[0])[:10])
            shown = [(day, reduce(merge, (hour for _, hour in hours))) for day, hours in days]
        else:
            shown = [(str(hour), state) for hour, state in rows]
        total = reduce(merge, (state for _, state in shown), ShopHour())
        return {
            "items": [{by: name, **self._show(state)} for name, state in shown],
            "total": self._show(total),
            "truncated": len(rows) < len(since),
            **standing(answer),
        }


def _hour(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        raise Problem(
            400, "Bad Request", f"from must be a day or hour such as 2025-11-28T10, not {text[:40]!r}"
        ) from error
    return hour_key(moment)
