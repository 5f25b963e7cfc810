"""Alerts as a part of the worker: it reads them, always; judges them, where that is its duty; and tells of both."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mode import Service

from shopnow_streams.alerting.duty import Duty, DutyConfig
from shopnow_streams.alerting.numbers import ShopNumbers
from shopnow_streams.alerting.tables import GatheredTables
from shopnow_streams.alerting.tail import Tail
from shopnow_streams.alerting.webhook import RESULTS, Target, Webhook
from shopnow_streams.alerts.register import Register
from shopnow_streams.alerts.transition import Rule, State
from shopnow_streams.settings import Settings
from shopnow_streams.views.changed import Changed
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.sales import Sales
from tables.live import LiveTables


class Alerting(Service):
    """What `views.alerts.AlertsWatch` asks for. Without an interval nothing is judged, and nothing sent."""

    def __init__(
        self,
        settings: Settings,
        changed: Changed,
        gather: Gather,
        live: LiveTables,
        target: Target | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        librdkafka = settings.connection.librdkafka()
        self.tail = Tail(librdkafka)
        self._webhook = Webhook(target, librdkafka, settings.application_id) if target else None
        config = DutyConfig(
            application_id=settings.application_id,
            librdkafka=librdkafka,
            partitions=settings.partitions,
            rules=settings.alert_rules,
            interval_s=settings.alerts_interval_s,
            most_open=settings.alerts_most_open,
            again_s=settings.session_timeout_s,
        )
        tables = GatheredTables(live, changed, gather)
        numbers = ShopNumbers(config.rules, Sales(gather, live), config.most_open)
        self._duty = Duty(config, tables, lambda: live.owned.get(0), self._webhook, numbers)

    async def on_start(self) -> None:
        """Called by mode."""
        await self.add_runtime_dependency(self.tail)
        if self._duty.judges:
            await self.add_runtime_dependency(self._duty)

    @property
    def register(self) -> Register:
        """What the topic says."""
        return self.tail.register

    @property
    def whole(self) -> bool:
        """Whether the topic was read to its end."""
        return self.tail.whole

    @property
    def judged_at_s(self) -> float | None:
        """As of which moment the rules were judged last."""
        return self._duty.judged_at_s

    @property
    def age_s(self) -> float | None:
        """How long ago that was."""
        return self._duty.age_s

    @property
    def happened(self) -> Counter[tuple[Rule, State]]:
        """Transitions written."""
        return self._duty.happened

    @property
    def left_out(self) -> Counter[Rule]:
        """What holds and is not raised, since too many are open."""
        return self._duty.left_out

    @property
    def untracked(self) -> int:
        """Orders that there was no room for."""
        return self._duty.untracked

    @property
    def webhook(self) -> Mapping[str, int]:
        """Requests by what became of them."""
        return {result: self._webhook.results[result] if self._webhook else 0 for result in RESULTS}
