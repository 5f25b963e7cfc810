"""How often each path is asked for, how that ends, and how long it takes: a histogram for `/metrics`."""

import time
from collections.abc import Awaitable, Callable, Iterator

from aiohttp import web
from prometheus_client import Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from shopnow_streams.views.page import Handler

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
UNKNOWN = "unknown"
"""The path of what no route matches: a label must not be what anybody may make up."""


class Requests(Collector):
    """Every request that the worker answers, other workers' questions among them."""

    def __init__(self) -> None:
        self._seconds = Histogram(
            "shopnow_http_request_seconds",
            "Time to answer a request, by the pattern of its path and the status of the answer",
            ("path", "status"),
            buckets=BUCKETS_S,
            registry=None,
        )
        self._begun_s: dict[int, float | None] = {}  # of requests that are being answered

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        yield from self._seconds.collect()

    async def begun(self, request: web.BaseRequest, _response: web.StreamResponse) -> None:
        """Called before an answer's first byte. That is when a stream is answered, however long its reader stays."""
        if id(request) in self._begun_s:
            self._begun_s[id(request)] = time.perf_counter()

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """To be the outermost one."""

        @web.middleware
        async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
            begun_s = time.perf_counter()
            self._begun_s[id(request)] = None
            status = 499  # the client went away
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as error:
                status = error.status
                raise
            except Exception:
                status = 500
                raise
            finally:
                ended_s = self._begun_s.pop(id(request)) or time.perf_counter()
                self._seconds.labels(_pattern(request), status).observe(ended_s - begun_s)
            return response

        return timed


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return UNKNOWN if resource is None else resource.canonical
