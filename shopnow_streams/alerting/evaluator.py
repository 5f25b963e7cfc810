"""One round after the other: what changed in the tables, what the rules say of it, and the transitions on the topic."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from datetime import timedelta
from itertools import islice
from typing import Any

from confluent_kafka import KafkaException

from shopnow_streams.alerting.log import AlertLog
from shopnow_streams.alerting.shop import NotNow, Shop, of_topics
from shopnow_streams.alerts.covered import Covered, Ends, reaches
from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.judge import judge
from shopnow_streams.alerts.register import Register
from shopnow_streams.alerts.round import Round
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.suspects import OF_ROWS, Suspects
from shopnow_streams.alerts.transition import Offsets, Rule, Transition, moment
from shopnow_streams.folds.orders import ORDERS
from shopnow_streams.folds.stock import STOCK
from shopnow_streams.topics import ALERTS_KEPT_DAYS, Topic

MOST_JUDGED = 2_000
"""Products, and again orders, that one round judges: the next one goes on."""

MOST_FORGOTTEN = 1_000
"""Alerts that one round forgets."""


MoreFacts = Callable[[Shop, float, Mapping[str, Transition]], Awaitable[list[tuple[Facts, Offsets]]]]
"""Facts that are not of rows which changed: as of a moment, in seconds since 1970, given what is open; each with the
offsets that it stands at. Raises NotNow where they can't be had."""


async def no_more(_shop: Shop, _as_of_s: float, _open: Mapping[str, Transition]) -> list[tuple[Facts, Offsets]]:
    """None."""
    return []


class Evaluator:
    """Of one term of office: it trusts that nobody else writes the log since `register` was read from it."""

    def __init__(
        self,
        shop: Shop,
        log: AlertLog,
        register: Register,
        rules: Rules,
        most_open: int,
        ends: Callable[[], Ends],
        threads: Executor,
        more: MoreFacts = no_more,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.suspects = Suspects(rules)
        self.left_out: Counter[Rule] = Counter()
        self._shop, self._log, self._register = shop, log, register
        self._rules, self._most_open, self._more = rules, most_open, more
        self._ends, self._threads, self._clock = ends, threads, clock
        self._covered = Covered()

    async def round(self) -> tuple[float | None, list[Transition]]:
        """Judge once: the moment as of which it was, and what happened. None where the tables lack some of what Kafka
        had at every moment since the round before.

        Raises NotNow where the facts can't be had. WriterFenced where another evaluator took over, and KafkaException
        where Kafka refuses what is written: after either the log is of no more use.
        """
        asked_s = self._clock()
        try:
            self._covered.ask(asked_s, await self._in_thread(self._ends))
        except (KafkaException, TimeoutError) as error:
            raise NotNow(f"Kafka does not say where its topics end ({error!r})") from error
        shop = self._shop
        await shop.look()
        as_of_s = self._covered.up_to(shop.standing)
        if as_of_s is None:
            return None, []
        if not reaches(shop.standing, self._register.stands(shop.origin)):
            raise NotNow("the tables stand below what was judged already")
        await self._follow(as_of_s)
        return as_of_s, await self._judge(as_of_s)

    async def _follow(self, as_of_s: float) -> None:
        """Tell the suspects of what changed; of everything at first, and where it is not known what changed."""
        shop, open_alerts = self._shop, self._register.open
        if shop.lost:
            shop.forget()
            self.suspects = Suspects(self._rules)
            stock, orders = shop.everything(STOCK), shop.everything(ORDERS)
        else:
            stock, orders = shop.rows(STOCK, shop.changed(STOCK)), shop.rows(ORDERS, shop.changed(ORDERS))
        async for answer in stock:
            for product, level in answer.rows:
                self.suspects.saw_stock(int(product), level.units, open_alerts)
        async for answer in orders:
            for name, order in answer.rows:
                self.suspects.saw_order(str(name), order, as_of_s, open_alerts)
        shop.seen()

    async def _judge(self, as_of_s: float) -> list[Transition]:
        """What is suspected is read again, so that each judgement is of rows that stand at known offsets."""
        shop, suspects = self._shop, self.suspects
        for rule, count in self._register.counts().items():
            suspects.make_room(rule, self._most_open - count)
        now = Round(self._register.open, moment(self._clock()), shop.origin, self._most_open)
        now.end_others(self._rules.on)
        products, orders = suspects.to_judge(as_of_s, MOST_JUDGED)
        async for answer in shop.rows(STOCK, [str(product) for product in products]):
            units = {int(product): level.units for product, level in answer.rows}
            now.add(judge(Facts(as_of_s, units=units), self._rules), of_topics(answer.offsets, Topic.STOCK_UPDATED))
        async for answer in shop.rows(ORDERS, orders):
            facts = Facts(as_of_s, orders={str(name): order for name, order in answer.rows})
            now.add(judge(facts, self._rules), of_topics(answer.offsets, Topic.ORDER_PLACED, Topic.PAYMENT_ACCEPTED))
        for facts, offsets in await self._more(shop, as_of_s, self._register.open):
            now.add(judge(facts, self._rules), offsets)
        await self._write(now.happened)
        suspects.judged(
            products,
            orders,
            [finding for finding in now.findings if finding.rule in OF_ROWS],
            [finding for finding in now.left_out if finding.rule in OF_ROWS],
        )
        self._count_left_out(now)
        return now.happened

    def _count_left_out(self, now: Round) -> None:
        """Of rows that changed all that wait; of the other facts those of the last time that there were any."""
        for rule in {finding.rule for finding in now.findings}.difference(OF_ROWS):
            self.left_out[rule] = sum(finding.rule == rule for finding in now.left_out)
        for rule in OF_ROWS:
            self.left_out[rule] = len(self.suspects.left_out.get(rule, ()))

    async def _write(self, happened: list[Transition]) -> None:
        before = moment(self._clock()) - timedelta(days=ALERTS_KEPT_DAYS)
        forgotten = list(islice(self._register.resolved_before(before), MOST_FORGOTTEN))
        if happened or forgotten:
            ended = {one.id for one in happened}
            forgotten = [id for id in forgotten if id not in ended]
            for recorded in await self._in_thread(self._log.write, happened, forgotten):
                self._register.take(recorded)

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
