"""Between HTTP and a view: JSON or an RFC 9457 problem out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from shopnow_streams.logs.logger import get_logger

logger = get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What answers a request: a view, or a middleware's next one."""


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: Annotated[str, Meta(description="The status in words.", examples=["Bad Request"])]
    status: Annotated[int, Meta(ge=400, le=599, examples=[400])]
    detail: Annotated[
        str,
        Meta(
            description="What is wrong, in a sentence.",
            examples=["limit must be a whole number from 1 to 500, not 'many'"],
        ),
    ]


class Problem(Exception):
    """An answer that is an error: its HTTP status, and one sentence for whoever asked."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail

    @property
    def body(self) -> ProblemDetails:
        """What is sent."""
        return ProblemDetails(title=self.title, status=self.status, detail=self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """What is sent besides."""
        return {}


def json_response(body: Any, status: int = 200, content_type: str = "application/json") -> web.Response:
    """`body` as JSON; never cached, since it is of this moment."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=content_type, headers=headers)


def problem_response(problem: Problem) -> web.Response:
    """RFC 9457."""
    response = json_response(problem.body, problem.status, "application/problem+json")
    response.headers.update(problem.headers)
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> Any:
    """Every error under /api, /health and /internal as a problem; a bug too, told in full in the log alone."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(problem)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = problem_response(
            Problem(error.status, error.reason, f"{request.method} {request.path}: {error.reason}")
        )
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        logger.exception("{method} {path} failed", method=request.method, path=request.path)
        return problem_response(Problem(500, "Internal Server Error", "the worker failed on this; its log says how"))


def only(request: web.Request, *names: str) -> None:
    """Raises Problem 400 for a parameter that this resource does not know: a typo must not be ignored."""
    unknown = sorted(set(request.query) - set(names))
    if unknown:
        raise Problem(400, "Bad Request", f"unknown parameter {unknown[0][:40]!r}; known: {', '.join(names) or 'none'}")
