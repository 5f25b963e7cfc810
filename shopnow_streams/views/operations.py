"""The public API, path by path: what each takes and answers. `openapi` tells it to programs, `docs` to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from shopnow_streams.views import hours, listing, orders, products, stock
from shopnow_streams.views.alerts import LIMIT, RULE, SINCE, STATE, AlertsPage
from shopnow_streams.views.archive import Progress
from shopnow_streams.views.awaited import WAIT_MS, AtLeast
from shopnow_streams.views.health import Live, Ready
from shopnow_streams.views.parameters import Described
from shopnow_streams.views.pushed import EVENTS
from shopnow_streams.views.revalidation import REVALIDATED
from shopnow_streams.views.stream import CONTENT_TYPE, IDS, LAST_EVENT_ID, TABLES


@dataclass(frozen=True)
class Operation:
    """What a GET of `path` does. `answers` are the types of its body, one of them at a time; none where it is text.

    `problems` are the statuses of the errors that are its own. `events` are the types of a stream's data, by event;
    `headers` what it takes besides parameters.
    """

    path: str
    name: str
    summary: str
    answers: tuple[type[Struct], ...]
    parameters: tuple[Described, ...] = ()
    problems: tuple[int, ...] = ()
    content_type: str = "application/json"
    not_ready: type[Struct] | None = None
    events: Mapping[str, type[Struct]] = field(default_factory=dict)
    headers: tuple[Described, ...] = ()

    @property
    def tagged(self) -> bool:
        """Whether the answer has an ETag."""
        return self.path.startswith(REVALIDATED) and not self.events


def operations(partitions: int, *, archive: bool, stream: bool, alerts: bool) -> Sequence[Operation]:
    """All, in reading order, over tables of so many partitions. `archive`: whether this worker archives;
    `stream`: whether its tables change; `alerts`: whether it knows of alerts."""
    waiting = (AtLeast(partitions), WAIT_MS)
    page = (listing.AFTER, listing.LIMIT)
    span = (hours.BY, hours.FROM, hours.LIMIT, *waiting)
    found = [
        Operation(
            "/api/products",
            "listProducts",
            "Products, in order of id or ranked",
            (products.ProductPage,),
            (*page, listing.sorting(products.RANKINGS), *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/products/{id}",
            "getProduct",
            "What one product does",
            (products.ProductAnswer,),
            (listing.PRODUCT_ID, *waiting),
            (400, 404, 504),
        ),
        Operation(
            "/api/stock",
            "listStock",
            "Stock levels, in order of id or the lowest first",
            (stock.StockPage,),
            (*page, listing.sorting(stock.RANKINGS), *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/stock/{id}",
            "getStock",
            "The stock level of one product",
            (stock.StockAnswer,),
            (listing.PRODUCT_ID, *waiting),
            (400, 404, 504),
        ),
        Operation(
            "/api/orders",
            "listOrders",
            "Orders in order of id, all or those in trouble",
            (orders.OrdersPage,),
            (orders.PROBLEM, orders.PLACED_BEFORE, orders.AFTER, orders.LIMIT, *waiting),
            (400, 504),
        ),
        Operation(
            "/api/orders/{id}",
            "getOrder",
            "One order, placed and paid",
            (orders.OrderAnswer,),
            (orders.ORDER_ID, *waiting),
            (400, 404, 504),
        ),
        Operation(
            "/api/revenue",
            "getRevenue",
            "Revenue by hour or day of event time",
            (hours.RevenueByHour, hours.RevenueByDay),
            span,
            (400, 413, 504),
        ),
        Operation(
            "/api/funnel",
            "getFunnel",
            "Views, carts, orders and payments by hour or day, and the rates between them",
            (hours.FunnelByHour, hours.FunnelByDay),
            span,
            (400, 413, 504),
        ),
    ]
    if archive:
        found.append(
            Operation("/api/archive", "getArchive", "How far the archive is, by all workers", (Progress,), (), (400,))
        )
    if alerts:
        found.append(
            Operation(
                "/api/alerts",
                "listAlerts",
                "Alerts that are open, or were resolved of late, the newest first",
                (AlertsPage,),
                (RULE, STATE, SINCE, LIMIT),
                (400,),
            )
        )
    if stream:
        found.append(
            Operation(
                "/api/stream",
                "streamChanges",
                "Rows that change, and alerts, pushed as server-sent events; resumed by Last-Event-ID at any worker",
                (),
                (TABLES, IDS),
                (400, 503),
                CONTENT_TYPE,
                events=EVENTS,
                headers=(LAST_EVENT_ID,),
            )
        )
    return (
        *found,
        Operation("/health/live", "isLive", "Whether this worker answers at all", (Live,)),
        Operation(
            "/health/ready",
            "isReady",
            "Whether this worker's offsets move, or there is nothing left to read",
            (Ready,),
            not_ready=Ready,
        ),
        Operation("/metrics", "getMetrics", "This worker's metrics for Prometheus", (), content_type="text/plain"),
        Operation("/openapi.json", "getOpenapi", "This description", (), (), (400,)),
    )
