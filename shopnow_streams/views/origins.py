"""Pages of other origins that may read the API (CORS, by the Fetch standard). None unless they are named."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from shopnow_streams.views.page import Handler

_MAX_AGE_S = 600
_APART = "/internal/"


class Origins:
    """`allowed` as browsers write them, `https://shop.example`; `*` is every one."""

    def __init__(self, allowed: frozenset[str] = frozenset()) -> None:
        self._allowed = allowed

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """Answers preflights."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
                return await handler(request)
            if not self._known(request):
                return await handler(request)
            response = web.Response(status=204)
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, If-None-Match, Last-Event-ID"
            response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
            return response

        return answer

    async def tell(self, request: web.Request, response: web.StreamResponse) -> None:
        """Tells browsers whose pages may read an answer, before its first byte: a stream has no end to wait for."""
        if not self._asked(request):
            return
        if "*" not in self._allowed:
            response.headers.add("Vary", "Origin")
        if self._known(request):
            origin = request.headers.get("Origin", "")
            response.headers["Access-Control-Allow-Origin"] = "*" if "*" in self._allowed else origin
            response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"

    def _asked(self, request: web.BaseRequest) -> bool:
        return bool(self._allowed) and not request.path.startswith(_APART)

    def _known(self, request: web.BaseRequest) -> bool:
        return self._asked(request) and ("*" in self._allowed or request.headers.get("Origin", "") in self._allowed)
