"""Every worker reads the topic `alertes` as it grows: so each answers for all alerts, without asking another."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import KafkaException
from mode import Service

from shopnow_streams.alerting.records import AlertRecords
from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.logs.logger import get_logger

logger = get_logger(__name__)

MOST_RESOLVED = 1_000
_WAIT_S = 0.5
_AGAIN_S = 5.0


class Tail(Service):
    """`register` is what the topic says. `whole` once it was read to its end; `on_records` is told of what is new."""

    def __init__(self, librdkafka: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.register = Register(MOST_RESOLVED)
        self.whole = False
        self.on_records: Callable[[Sequence[Recorded]], object] = lambda _records: None
        self._librdkafka = librdkafka
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="alerts-tail")

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            records = AlertRecords(self._librdkafka)
            try:
                await self._in_thread(records.begin, self.register.end)
                while not self.should_stop:
                    self._take(await self._in_thread(records.fetch, _WAIT_S), records.at_end)
            except KafkaException as error:
                logger.warning("alerts can't be read, tried again: {error}", error=error.args[0].str())
                await self.sleep(_AGAIN_S)
            finally:
                self._threads.submit(records.close)
        self._threads.shutdown(wait=False)

    def _take(self, records: Sequence[Recorded], at_end: bool) -> None:
        for recorded in records:
            self.register.take(recorded)
        if self.whole and records:
            self.on_records(records)
        self.whole = self.whole or at_end

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)
