"""`/api/stream`: rows that change, pushed as server-sent events (the HTML standard, 9.2), to be resumed at any worker.

    event: reset                read the resources now: what is sent is all that changes from here on
    data: {"reason": "new", "complete": true, "partitions": {…}, "offsets": {…}}

    id: AYfk…                   to be sent back as Last-Event-ID
    event: products             rows that changed, as `/api/products` shows them, at these offsets
    data: {"items": [{…}], "complete": true, "partitions": {…}, "offsets": {…}}

Nothing that changes is missed; a row may come again unchanged. `shopnow_streams.views.pushed` says what else is sent.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shopnow_streams.alerts.register import Recorded
from shopnow_streams.alerts.transition import encode
from shopnow_streams.events import MAX_ORDER_ID
from shopnow_streams.views.alerts import AlertsWatch
from shopnow_streams.views.client import Client
from shopnow_streams.views.hub import Hub, farewell
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.parameters import Parameter, converted
from shopnow_streams.views.pushed import ALERTS, EVENTS, PUSHED, AlertChanges, DropReason
from shopnow_streams.views.ticks import Batch, Choice, Piece, event

CONTENT_TYPE = "text/event-stream"
MAX_IDS = 100
_FAREWELL_S = 1.0
_COME_BACK_S = 5
_HEADERS = {
    "Cache-Control": "no-store, no-transform",  # a proxy that compressed it would wait for more to compress
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # nginx would wait for more
}

_NAMES = "|".join((*PUSHED, ALERTS))
TABLES = Parameter(
    "tables",
    Annotated[str, Meta(pattern=rf"^(?:{_NAMES})(?:,(?:{_NAMES}))*$")],
    ",".join(PUSHED),
    f"some of {', '.join((*PUSHED, ALERTS))}, with commas between them",
    f"The tables whose rows are sent, and {ALERTS}: all that are open at first, then each one raised or resolved.",
    "products,stock",
)


class Ids:
    """The parameter: keys of rows."""

    name = "ids"
    meaning = (
        f"Only rows with this id, in each of the tables: a product's, an order's, or an hour such as 2025-11-28T10. "
        f"Up to {MAX_IDS} of them; all rows without it. Alerts are sent whatever ids are asked for."
    )
    example = "1597"
    _one = Annotated[str, Meta(min_length=1, max_length=MAX_ORDER_ID)]

    def read(self, request: web.Request) -> frozenset[str] | None:
        """Those of the request. Raises Problem 400 for more than can be, or one that can be none."""
        texts = request.query.getall(self.name, [])
        if len(texts) > MAX_IDS:
            raise Problem(400, "Bad Request", f"{self.name} is given {len(texts)} times: at most {MAX_IDS}")
        try:
            return frozenset(converted(text, self._one) for text in texts) or None
        except msgspec.ValidationError:
            raise Problem(
                400, "Bad Request", f"{self.name} must be of 1 to {MAX_ORDER_ID} characters, and of no lines"
            ) from None

    def schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "array", "maxItems": MAX_IDS, "items": msgspec.json.schema(self._one)}


IDS = Ids()
LAST_EVENT_ID = Parameter[str | None](
    "Last-Event-ID",
    str,
    None,
    "the id of an event",
    "The id of the last event that was received: all that changed since is sent. Where that can't be, a reset is.",
    "AQAAAAA",
)


class Full(Problem):
    """503: as many streams are open as may be."""

    def __init__(self, clients: int) -> None:
        super().__init__(
            503,
            "Service Unavailable",
            f"{clients} streams are open, as many as this worker has room for: come back in {_COME_BACK_S} s, or ask "
            "another worker",
        )

    @property
    def headers(self) -> dict[str, str]:
        """When to come back."""
        return {"Retry-After": str(_COME_BACK_S)}


class Stream(Collector):
    """The resource, for so many clients at a time; and its metrics."""

    def __init__(self, hub: Hub, clients: int, alerts: AlertsWatch | None = None) -> None:
        self.hub = hub
        self._alerts = alerts
        self._most = clients
        self._refused = 0

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Send what changes until the client goes, is too slow, or the worker stops. Raises Full."""
        only(request, TABLES.name, IDS.name)
        choice = Choice(frozenset(TABLES.read(request).split(",")), IDS.read(request))
        if len(self.hub.clients) >= self._most:
            self._refused += 1
            raise Full(self._most)
        response = web.StreamResponse(headers=_HEADERS)
        response.content_type = CONTENT_TYPE
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        client = Client(request, response, choice, self.hub.sent)
        try:
            first = await self.hub.join(client, request.headers.get(LAST_EVENT_ID.name))
            await response.prepare(request)
            # not all at once, where many were cut off together
            wait_ms = random.randint(1_000, 4_000)  # noqa: S311
            for piece in (Piece(b"retry: %d\n\n" % wait_ms, ()), *first, *self._open_alerts(choice)):
                await client.write(piece)
            await self._follow(client)
            if client.dropped is not None:
                await self._dismiss(client, client.dropped)
        except ConnectionResetError:
            pass  # it went, or took nothing
        finally:
            self.hub.leave(client)
        return response

    def _open_alerts(self, choice: Choice) -> Iterator[Piece]:
        if self._alerts is not None and ALERTS in choice.tables:
            items = sorted(self._alerts.register.open.values(), key=lambda alert: (alert.at, alert.id))
            yield Piece(event(ALERTS, msgspec.json.encode(AlertChanges(items=items, whole=True))), (ALERTS,))

    def alerts_changed(self, records: Sequence[Recorded]) -> None:
        """Tell who asked for alerts of these transitions."""
        rows = {f"{id}@{at}": encode(one) for at, id, one in records if one is not None}
        if rows:
            self.hub.tell(Batch(ALERTS, rows, b',"whole":false}', lasting=True))

    async def end(self, _server: web.Application) -> None:
        """The worker stops: so do all streams."""
        self.hub.close()

    async def _follow(self, client: Client) -> None:
        """Until nobody is there, or it is dropped."""
        while client.dropped is None:
            await client.wake.wait()
            client.wake.clear()
            if client.gone:
                return
            found = self.hub.following(client)
            if found is None:
                client.drop("slow")
            for piece in found or ():
                await client.write(piece)

    @staticmethod
    async def _dismiss(client: Client, reason: DropReason) -> None:
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await client.write(farewell(reason))
        except TimeoutError:
            client.abort()

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        hub = self.hub
        clients = GaugeMetricFamily("shopnow_stream_clients", "Open streams of changes")
        clients.add_metric([], len(hub.clients))
        yield clients
        sent = CounterMetricFamily("shopnow_stream_events", "Events sent to open streams", labels=["event"])
        for name in EVENTS:
            sent.add_metric([name], hub.sent[name])
        yield sent
        dropped = CounterMetricFamily(
            "shopnow_stream_dropped", "Streams that the worker ended: too slow, or it stopped", labels=["reason"]
        )
        for reason in ("slow", "stopping"):
            dropped.add_metric([reason], hub.dropped[reason])
        yield dropped
        refused = CounterMetricFamily("shopnow_stream_refused", "Streams refused, since as many were open as may be")
        refused.add_metric([], self._refused)
        yield refused
