"""`/api/alerts`: what is open, and what was resolved of late, as this worker read it from the topic `alertes`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Protocol

import msgspec
from aiohttp import web
from msgspec import Meta, Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shopnow_streams.alerts.register import Register
from shopnow_streams.alerts.transition import RULES, Rule, State, Transition, moment
from shopnow_streams.events import Instant
from shopnow_streams.views.page import json_response, only
from shopnow_streams.views.parameters import Moment, Parameter, choice, whole
from shopnow_streams.views.peers import Peers, decoded
from shopnow_streams.views.standing import Count

PATH = "/internal/alerts"

RULE = Parameter[str | None]("rule", Rule, None, f"one of {', '.join(RULES)}", "Only alerts of this rule.", RULES[0])
STATE = choice("state", ("open", "resolved", "any"), "Only those that are open, or were resolved of late; or both.")
SINCE = Moment("since", "Only what was raised, or resolved, at that moment or after it.")
LIMIT = whole("limit", 1, 1_000, 100, "At most so many alerts, the newest.", "5")


class AlertsWatch(Protocol):
    """What a worker knows of alerts. `happened` and what follows are of the judgements that it made itself."""

    @property
    def register(self) -> Register:
        """What the topic says."""

    @property
    def whole(self) -> bool:
        """Whether the topic was read to its end."""

    @property
    def judged_at_s(self) -> float | None:
        """As of which moment the rules were judged last; None where another worker has the duty."""

    @property
    def age_s(self) -> float | None:
        """How long ago that was."""

    @property
    def happened(self) -> Mapping[tuple[Rule, State], int]:
        """Transitions written."""

    @property
    def left_out(self) -> Mapping[Rule, int]:
        """What holds and is not raised, since too many are open."""

    @property
    def untracked(self) -> int:
        """Orders that there was no room for."""

    @property
    def webhook(self) -> Mapping[str, int]:
        """Requests by what became of them."""


class JudgedAt(Struct, frozen=True):
    """One worker's part of the answer."""

    judged_at: Instant | None


class AlertsPage(Struct, frozen=True, kw_only=True):
    """Alerts by their last transition, the newest first."""

    items: list[Transition]
    open: Annotated[
        dict[Rule, Count], Meta(description="How many alerts of each rule are open, whatever was asked for.")
    ]
    judged_at: (
        Annotated[
            Instant,
            Meta(
                description="The rules were last judged as of then: what came later is in no alert yet. Null where no "
                "worker says so: none judges just now."
            ),
        ]
        | None
    )
    complete: Annotated[bool, Meta(description="Whether this worker has read all there is of alerts.")]


_decode = msgspec.json.Decoder(JudgedAt).decode


class Alerts(Collector):
    """The resource, and its metrics."""

    def __init__(self, watch: AlertsWatch, peers: Peers) -> None:
        self.watch = watch
        self._peers = peers

    async def listed(self, request: web.Request) -> AlertsPage:
        """Those that were asked for."""
        only(request, RULE.name, STATE.name, SINCE.name, LIMIT.name)
        rule, state = RULE.read(request), STATE.read(request)
        since, limit = SINCE.read(request), LIMIT.read(request)
        register = self.watch.register
        found: list[Transition] = []
        if state != "resolved":
            found += register.open.values()
        if state != "open":
            found += register.resolved.values()
        fitting = (one for one in found if (rule is None or one.rule == rule) and (since is None or one.at >= since))
        newest = sorted(fitting, key=lambda one: (one.at, one.id), reverse=True)
        return AlertsPage(
            items=list(islice(newest, limit)),
            open=dict(register.counts()),
            judged_at=await self._judged_at(),
            complete=self.watch.whole,
        )

    async def _judged_at(self) -> Instant | None:
        own = self._own()
        if own.judged_at is not None:
            return own.judged_at
        parts = decoded(await self._peers.ask(PATH), _decode, "when alerts were judged is not seen")
        return max((part.judged_at for part in parts if part.judged_at is not None), default=None)

    def _own(self) -> JudgedAt:
        at_s = self.watch.judged_at_s
        return JudgedAt(None if at_s is None else moment(at_s))

    async def serve(self, _request: web.Request) -> web.Response:
        """This worker's part, for another one."""
        return json_response(self._own())

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        watch = self.watch
        opened = GaugeMetricFamily("shopnow_alerts_open", "Open alerts: every worker tells of all", labels=["rule"])
        for rule, count in watch.register.counts().items():
            opened.add_metric([rule], count)
        yield opened
        happened = CounterMetricFamily(
            "shopnow_alert_transitions", "Alerts raised and resolved by this worker", labels=["rule", "state"]
        )
        states: tuple[State, ...] = ("raised", "resolved")
        for rule in RULES:
            for state in states:
                happened.add_metric([rule, state], watch.happened.get((rule, state), 0))
        yield happened
        left_out = GaugeMetricFamily(
            "shopnow_alerts_left_out", "What holds and is not raised, since too many are open", labels=["rule"]
        )
        for rule in RULES:
            left_out.add_metric([rule], watch.left_out.get(rule, 0))
        yield left_out
        untracked = GaugeMetricFamily(
            "shopnow_alerts_untracked", "Orders that are not judged until they change, since too many wait for it"
        )
        untracked.add_metric([], watch.untracked)
        yield untracked
        age = GaugeMetricFamily(
            "shopnow_alerts_judged_age_seconds", "How old the last judgement is, where it is this worker's to judge"
        )
        if watch.age_s is not None:
            age.add_metric([], watch.age_s)
        yield age
        requests = CounterMetricFamily(
            "shopnow_alert_webhook_requests",
            "Requests to the webhook: delivered, failed and tried again, or refused and passed over",
            labels=["result"],
        )
        for result, count in watch.webhook.items():
            requests.add_metric([result], count)
        yield requests
