"""The public API, path by path: what each takes and answers. `openapi` tells it to programs, `docs` to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from shopnow_streams.views import (
    activity,
    carts,
    funnel,
    late,
    listing,
    orders,
    products,
    revenue,
    sessions,
    spans,
    stock,
    trending,
)
from shopnow_streams.views.alerts import LIMIT, RULE, SINCE, STATE, AlertsPage
from shopnow_streams.views.archive import Progress
from shopnow_streams.views.awaited import WAIT_MS, AtLeast
from shopnow_streams.views.customers import USER_ID
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
    span = (spans.BY, spans.FROM, spans.LIMIT, *waiting)
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
            "/api/products/{id}/windows",
            "listProductWindows",
            "What one product did, minute by minute, by hour or by day of event time",
            (activity.ProductByMinute, activity.ProductByHour, activity.ProductByDay),
            (listing.PRODUCT_ID, activity.BY, activity.LIMIT, *waiting),
            (400, 404, 413, 504),
        ),
        Operation(
            "/api/trending",
            "listTrending",
            "Products by what they did in the last minutes or hours of event time, and how that rises",
            (trending.Trending,),
            (trending.BY, trending.LAST, trending.LIMIT, *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/stock",
            "listStock",
            "Stock counts and what may be left, in order of id, the lowest or the soonest sold out first",
            (stock.StockPage,),
            (*page, listing.sorting(stock.RANKINGS), *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/stock/{id}",
            "getStock",
            "The stock count of one product, and what may be left",
            (stock.StockAnswer,),
            (listing.PRODUCT_ID, *waiting),
            (400, 404, 413, 504),
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
            "Revenue by hour, day or minute of event time, and the baskets",
            (revenue.RevenueByHour, revenue.RevenueByDay, revenue.RevenueByMinute),
            span,
            (400, 413, 504),
        ),
        Operation(
            "/api/funnel",
            "getFunnel",
            "Views, carts, orders and payments by hour, day or minute, the rates between them, and different customers",
            (funnel.FunnelByHour, funnel.FunnelByDay, funnel.FunnelByMinute),
            span,
            (400, 413, 504),
        ),
        Operation(
            "/api/carts",
            "listCarts",
            "Carts with something in them, open or abandoned, and what they are worth",
            (carts.CartPage,),
            (carts.STATE, carts.IDLE_MIN, carts.SORT, carts.LIMIT, *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/carts/{user_id}",
            "getCart",
            "The cart of one customer",
            (carts.CartAnswer,),
            (USER_ID, *waiting),
            (400, 404, 504),
        ),
        Operation(
            "/api/sessions",
            "listSessions",
            "Sessions of the last hours: a summary, and the newest",
            (sessions.SessionPage,),
            (sessions.LAST_H, sessions.LIMIT, *waiting),
            (400, 413, 504),
        ),
        Operation(
            "/api/sessions/{user_id}",
            "listSessionsOfCustomer",
            "The sessions of one customer, of the last 24 hours",
            (sessions.CustomerSessions,),
            (USER_ID, *waiting),
            (400, 404, 504),
        ),
        Operation(
            "/api/late",
            "listLate",
            "Events that came too late for any window, or are dated ahead; and the watermarks",
            (late.LatePage,),
            (late.TOPIC, late.LIMIT, *waiting),
            (400, 504),
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
