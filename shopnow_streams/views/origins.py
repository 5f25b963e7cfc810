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
        """Answers preflights, and tells browsers whose pages may read an answer."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._allowed or request.path.startswith(_APART):
                return await handler(request)
            origin = request.headers.get("Origin", "")
            known = "*" in self._allowed or origin in self._allowed
            if known and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
                response: web.StreamResponse = web.Response(status=204)
                response.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
                response.headers["Access-Control-Allow-Headers"] = "Authorization, If-None-Match"
                response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
            else:
                response = await handler(request)
            if "*" not in self._allowed:
                response.headers.add("Vary", "Origin")
            if known:
                response.headers["Access-Control-Allow-Origin"] = "*" if "*" in self._allowed else origin
                response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"
            return response

        return answer
