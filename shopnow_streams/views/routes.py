"""Every path of the API and what answers it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from faust.types import TP

from shopnow_streams.folds.activity import ACTIVITY
from shopnow_streams.views import activity, dashboard, orders, products, sales, stock, totals, trending
from shopnow_streams.views.access import EVERYBODY, Access
from shopnow_streams.views.alerts import PATH as ALERTS_PATH
from shopnow_streams.views.alerts import Alerts
from shopnow_streams.views.archive import PATH as ARCHIVE_PATH
from shopnow_streams.views.archive import ArchiveProgress
from shopnow_streams.views.carts import Carts
from shopnow_streams.views.changed import PATH as CHANGES_PATH
from shopnow_streams.views.docs import STYLE_PATH, Docs
from shopnow_streams.views.funnel import FUNNEL
from shopnow_streams.views.gather import PATH, Gather
from shopnow_streams.views.health import Health
from shopnow_streams.views.late import LateEvents
from shopnow_streams.views.metrics import Metrics, TablesCollector
from shopnow_streams.views.needs import there
from shopnow_streams.views.openapi import Description
from shopnow_streams.views.operations import operations
from shopnow_streams.views.page import json_response
from shopnow_streams.views.question import Question
from shopnow_streams.views.requests import Requests
from shopnow_streams.views.revalidation import REVALIDATED, revalidated
from shopnow_streams.views.revenue import REVENUE
from shopnow_streams.views.sessions import Sessions
from shopnow_streams.views.snapshots import PATH as SNAPSHOT_PATH
from shopnow_streams.views.snapshots import WORKERS_PATH, Snapshots
from shopnow_streams.views.spans import Spans
from shopnow_streams.views.stream import Stream
from tables.live import LiveTables

MAX_BODY_BYTES = 1 << 20


def add_routes(
    server: web.Application,
    gather: Gather,
    live: LiveTables,
    settled: Callable[[], bool],
    lag: Callable[[], Mapping[TP, int]],
    archive: ArchiveProgress | None = None,
    snapshots: Snapshots | None = None,
    access: Access = EVERYBODY,
    stream: Stream | None = None,
    alerts: Alerts | None = None,
) -> None:
    """Put the API on Faust's own web server."""
    health = Health(settled, lag, live.next_offset)
    has = {"archive": archive is not None, "stream": stream is not None, "alerts": alerts is not None}
    tables = live.definitions
    description = Description(operations(gather.at_least.partitions, **has, tables=tables), access)
    docs = Docs(description.document)
    sums, sold = totals.Totals(gather, live), sales.Sales(gather, live)
    levels = stock.resource(gather, sold if ACTIVITY.name in tables else None)
    requests = Requests()
    metrics = Metrics(TablesCollector(live, lag), requests, *filter(None, (archive, stream, alerts)))
    outside_in: list[Any] = [requests.middleware(), *access.middlewares(gather.peers)]
    server.middlewares.extend(outside_in)
    server.on_response_prepare.extend((access.origins.tell, requests.begun))
    carts, sessions = Carts(gather), Sessions(gather)
    for path, view in (
        ("/", dashboard.index),
        (dashboard.FILE_PATH, dashboard.file),
        ("/api/products", products.resource(gather).listed),
        ("/api/products/{id}", products.resource(gather).one),
        ("/api/products/{id}/windows", activity.ProductActivityWindows(gather).listed),
        ("/api/trending", trending.TrendingProducts(gather, sums).listed),
        ("/api/stock", levels.listed),
        ("/api/stock/{id}", levels.one),
        ("/api/orders", orders.resource(gather).listed),
        ("/api/orders/{id}", orders.resource(gather).one),
        ("/api/revenue", Spans(gather, REVENUE).listed),
        ("/api/funnel", Spans(gather, FUNNEL).listed),
        ("/api/carts", carts.listed),
        ("/api/carts/{user_id}", carts.one),
        ("/api/sessions", sessions.listed),
        ("/api/sessions/{user_id}", sessions.one),
        ("/api/late", LateEvents(gather, live.config.event_time).listed),
        ("/health/live", health.live),
        ("/health/ready", health.ready),
        ("/metrics", metrics.exposed),
        ("/openapi.json", description.shown),
        ("/docs", docs.page),
        (STYLE_PATH, docs.style),
        *([("/api/archive", archive.shown)] if archive else []),
        *([("/api/stream", stream.open)] if stream else []),
        *([("/api/alerts", alerts.listed)] if alerts else []),
        *([(SNAPSHOT_PATH, snapshots.serve), (WORKERS_PATH, snapshots.workers)] if snapshots else []),
    ):
        if there(path, tables):
            sent = revalidated if path.startswith(REVALIDATED) else _of_this_moment
            server.router.add_get(path, _answering(view, sent))
    server.router.add_post(PATH, gather.serve)
    questions: list[Question[Any, Any]] = [sums.question, sold.question]
    for question in questions:
        if there(question.path, tables):
            server.router.add_post(question.path, question.serve)
    if archive:
        server.router.add_post(ARCHIVE_PATH, archive.serve)
    if alerts:
        server.router.add_post(ALERTS_PATH, alerts.serve)
    if stream:
        server.router.add_post(CHANGES_PATH, stream.hub.changed.serve)
        server.on_shutdown.append(stream.end)


def _answering(
    view: Callable[[web.Request], Awaitable[Any]], sent: Callable[[web.Request, Any], web.Response]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = await view(request)
        return body if isinstance(body, web.StreamResponse) else sent(request, body)

    return answer


def _of_this_moment(_request: web.Request, body: Any) -> web.Response:
    return json_response(body)
