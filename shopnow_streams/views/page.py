"""Between HTTP and a view: bounded parameters in, JSON or an RFC 9457 problem out."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from tables.reads import Answer

logger = logging.getLogger(__name__)

MAX_LIMIT = 500


class Problem(Exception):
    """An answer that is an error: its HTTP status, and one sentence for whoever asked."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def json_response(body: Any, status: int = 200, content_type: str = "application/json") -> web.Response:
    """`body` as JSON; never cached, since it is of this moment."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=msgspec.json.encode(body), status=status, content_type=content_type, headers=headers)


def problem_response(problem: Problem) -> web.Response:
    """RFC 9457."""
    body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    return json_response(body, problem.status, "application/problem+json")


@web.middleware
async def problems(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
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
        logger.exception("%s %s failed", request.method, request.path)
        return problem_response(Problem(500, "Internal Server Error", "the worker failed on this; its log says how"))


def integer(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query. Raises Problem 400 outside `low` to `high`."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise Problem(400, "Bad Request", f"{name} must be a whole number from {low} to {high}, not {text[:40]!r}")
    return value


def choice(request: web.Request, name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of `choices`. Raises Problem 400 otherwise."""
    value = request.query.get(name, default)
    if value not in choices:
        raise Problem(400, "Bad Request", f"{name} must be one of {', '.join(choices)}, not {value[:40]!r}")
    return value


def only(request: web.Request, *names: str) -> None:
    """Raises Problem 400 for a parameter that this resource does not know: a typo must not be ignored."""
    unknown = sorted(set(request.query) - set(names))
    if unknown:
        raise Problem(400, "Bad Request", f"unknown parameter {unknown[0][:40]!r}; known: {', '.join(names) or 'none'}")


def standing(answer: Answer[Any]) -> dict[str, Any]:
    """What every answer says of itself: how complete it is, and at which offsets it stands."""
    return {
        "complete": answer.complete,
        "partitions": {"answered": answer.answered, "of": answer.of},
        "offsets": answer.offsets,
    }
