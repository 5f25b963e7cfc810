"""Facts that are no rows which changed: rates of the shop, and how long products last as they are sold."""

import math
from collections.abc import Iterator, Mapping

from shopnow_streams.alerting.shop import NotNow, Shop, of_topics
from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.rates import BEFORE_MIN, NOW_MIN, STAGES, last_minute, rates
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Offsets, Transition, moment
from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.folds.shop import SHOP
from shopnow_streams.folds.stock import STOCK
from shopnow_streams.folds.windows import MINUTE
from shopnow_streams.topics import Topic
from shopnow_streams.views.awaited import NOTHING
from shopnow_streams.views.estimate import LATELY
from shopnow_streams.views.page import Problem
from shopnow_streams.views.sales import Sales
from shopnow_streams.views.stock import stock_of
from tables.reads import Query

READ_PRODUCTS = 200
"""In one question, each with its windows."""

AGAIN_S = 30.0
"""What is sold out the soonest is looked for so often at the most: it takes a look at every product's sales."""

Found = tuple[Facts, Offsets]


class ShopNumbers:
    """See `evaluator.MoreFacts`. Looks for what a rule that is on needs, and no more."""

    def __init__(self, rules: Rules, sales: Sales, most_open: int) -> None:
        self._rules, self._sales, self._most = rules, sales, most_open
        self._looked_s = -math.inf

    async def __call__(self, shop: Shop, as_of_s: float, open_alerts: Mapping[str, Transition]) -> list[Found]:
        """The facts. Raises NotNow."""
        found: list[Found] = []
        if self._rules.on & {"rate-fall", "rate-spike"}:
            found.append(await self._rates(shop, as_of_s))
        if "running-out" in self._rules.on and as_of_s - self._looked_s >= AGAIN_S:
            found += await self._running_out(shop, as_of_s, open_alerts)
            self._looked_s = as_of_s
        return found

    async def _rates(self, shop: Shop, as_of_s: float) -> Found:
        end = last_minute(as_of_s)
        start, below = (MINUTE.key(moment(minute * 60)) for minute in (end - NOW_MIN - BEFORE_MIN, end))
        answer = await shop.read(Query(SHOP.name, start=start, end=below))
        minutes = {
            int(MINUTE.begin(str(key)).timestamp()) // 60: {stage: getattr(window, stage) for stage in STAGES}
            for key, window in answer.rows
        }
        topics = (Topic.PRODUCT_VIEWED, Topic.ITEM_ADDED, Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED)
        return Facts(as_of_s, rates=rates(minutes, end)), of_topics(answer.offsets, *topics)

    async def _running_out(self, shop: Shop, as_of_s: float, open_alerts: Mapping[str, Transition]) -> list[Found]:
        """Those that are sold out the soonest, until one lasts, and those with an open alert; each is read again with
        what was sold of it, so that it is as of known offsets."""
        try:
            soonest = await self._sales.soonest(NOTHING)
        except Problem as problem:
            raise NotNow(f"what is sold out the soonest can't be ranked: {problem.detail}") from problem
        opened = [int(alert.subject) for alert in open_alerts.values() if alert.rule == "running-out"]
        found = [await self._last(shop, as_of_s, part) for part in _parts(sorted(opened))]
        for part in _parts(soonest[: self._most + READ_PRODUCTS]):
            facts, offsets = await self._last(shop, as_of_s, part)
            found.append((facts, offsets))
            if max(facts.hours_until_out.values(), default=0.0) >= self._rules.enough_hours:
                break
        return found

    async def _last(self, shop: Shop, as_of_s: float, products: list[int]) -> Found:
        counted = await shop.read(Query(STOCK.name, keys=[str(product) for product in products]))
        recent = min(last.begins(counted.clock) for last in LATELY)
        subjects = {str(key): min(level.counted_at, recent) for key, level in counted.rows}
        beside = Query(ACTIVITY.name, subjects=subjects)
        answer = await shop.read(Query(STOCK.name, keys=list(subjects), beside=beside))
        hours = {item.id_produit: _hours(item.estimated_units, item.hours_until_out) for item in stock_of(answer)}
        known = {product: lasts for product, lasts in hours.items() if lasts is not None}
        return Facts(as_of_s, hours_until_out=known), of_topics(answer.offsets, Topic.STOCK_UPDATED, Topic.ORDER_PLACED)


def _hours(units: int | None, hours: float | None) -> float | None:
    """None where it can't be known; infinite where there is some, and nothing is sold."""
    if units is None:
        return None
    return math.inf if hours is None else hours


def _parts(products: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(products), READ_PRODUCTS):
        yield products[start : start + READ_PRODUCTS]
