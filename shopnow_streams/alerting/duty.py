"""The worker that owns partition 0 has the duty: it evaluates, and tells the webhook. One at a time; the log fences."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from mode import Service

from shopnow_streams.alerting.ends import TopicEnds
from shopnow_streams.alerting.evaluator import Evaluator, MoreFacts, no_more
from shopnow_streams.alerting.log import AlertLog
from shopnow_streams.alerting.shop import NotNow, Shop, Tables
from shopnow_streams.alerting.webhook import Webhook
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Rule, State, Transition
from shopnow_streams.errors import WriterFenced
from shopnow_streams.logs.logger import get_logger

logger = get_logger(__name__)

LOOK_S = 0.2
"""How often it is looked whether the duty is still ours."""

AGAIN_S = 5.0
"""After what went wrong."""


@dataclass(frozen=True)
class DutyConfig:
    """`again_s` is how long one that was fenced waits before it takes over again: until its session is over, if so."""

    application_id: str
    librdkafka: Mapping[str, str]
    partitions: int
    rules: Rules
    interval_s: float
    most_open: int
    again_s: float = AGAIN_S


class Duty(Service):
    """`owned` gives something that is another one for each time that partition 0 was taken over; None: not ours."""

    def __init__(
        self,
        config: DutyConfig,
        tables: Tables,
        owned: Callable[[], object | None],
        webhook: Webhook | None = None,
        more: MoreFacts = no_more,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.judged_at_s: float | None = None
        self.happened: Counter[tuple[Rule, State]] = Counter()
        self.left_out: Counter[Rule] = Counter()
        self.untracked = 0
        self._config, self._tables, self._owned = config, tables, owned
        self._webhook, self._more = webhook, more
        self._since_s: float | None = None
        self._said = ""

    @property
    def judges(self) -> bool:
        """Whether it is to judge at all."""
        return self._config.interval_s > 0

    @property
    def age_s(self) -> float | None:
        """How old the last judgement is, where the duty is ours; how long it is ours, where there was none yet."""
        if self._since_s is None:
            return None
        return max(0.0, time.time() - (self._since_s if self.judged_at_s is None else self.judged_at_s))

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            term = self._owned()
            if term is None:
                self._since_s = self.judged_at_s = None
                await self.sleep(LOOK_S)
                continue
            if self._since_s is None:
                self._since_s = time.time()
            try:
                await self._serve(term)
            except WriterFenced as error:
                logger.info("another worker judges alerts now: {error}", error=error)
                await self.sleep(self._config.again_s)
            except KafkaException as error:
                logger.warning("alerts are not judged, taken over again: {error}", error=error.args[0].str())
                await self.sleep(AGAIN_S)
            except Exception:
                logger.exception("alerts are not judged, taken over again")
                await self.sleep(AGAIN_S)

    async def _serve(self, term: object) -> None:
        """As long as it is our term. Raises what ended it before."""
        log = AlertLog(self._config.librdkafka, self._config.application_id)
        threads = ThreadPoolExecutor(1, thread_name_prefix="alerts")
        began = asyncio.Event()
        work = {asyncio.create_task(self._evaluate(log, threads, began))}
        if self._webhook is None:
            began.set()
        else:
            work.add(asyncio.create_task(self._webhook.run(began)))
        try:
            ended: Iterable[asyncio.Task[None]] = ()
            while self._owned() is term and not self.should_stop and not ended:
                ended, _ = await asyncio.wait(work, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            self.left_out, self.untracked = Counter(), 0
            log.give_up()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            threads.submit(log.close)
            threads.shutdown(wait=False)

    async def _evaluate(self, log: AlertLog, threads: ThreadPoolExecutor, began: asyncio.Event) -> None:
        config = self._config
        await began.wait()
        loop = asyncio.get_running_loop()
        register = await loop.run_in_executor(threads, log.take_over)
        logger.info("judging alerts: {open} are open", open=len(register.open), offset=register.end)
        ends = TopicEnds(config.librdkafka, config.partitions)
        shop = Shop(self._tables, config.partitions)
        evaluator = Evaluator(shop, log, register, config.rules, config.most_open, ends, threads, self._more)
        while True:
            begun_s = loop.time()
            try:
                at_s, happened = await evaluator.round()
                self._tell(evaluator, at_s, happened)
            except NotNow as error:
                self._say(f"alerts are not judged just now: {error}")
            await asyncio.sleep(max(0.0, begun_s + config.interval_s - loop.time()))

    def _tell(self, evaluator: Evaluator, at_s: float | None, happened: Iterable[Transition]) -> None:
        for one in happened:
            self.happened[one.rule, one.state] += 1
        self.left_out = evaluator.left_out
        if evaluator.suspects.untracked != self.untracked:
            self.untracked = evaluator.suspects.untracked
            if self.untracked:
                logger.warning(
                    "there is no room for {orders} orders that may become alerts: they are not judged until they "
                    "change again",
                    orders=self.untracked,
                )
        if at_s is not None:
            self.judged_at_s = at_s
            self._said = ""

    def _say(self, what: str) -> None:
        """Once, until it was judged again."""
        if what != self._said:
            self._said = what
            logger.warning(what)
