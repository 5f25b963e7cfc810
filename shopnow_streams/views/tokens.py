"""Bearer tokens (RFC 6750): who has one of the file's may read; without a file, everybody may.

Health stays open, since who restarts a worker has no token, and so do the pages and descriptions that hold no numbers.
`/metrics` does not: it tells how the shop does.
"""

import hmac
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web

from shopnow_streams.errors import SettingsError
from shopnow_streams.views.page import Handler, Problem

MIN_LENGTH = 16
_OPEN = ("/health/", "/docs", "/static/", "/openapi.json")


class Unauthorized(Problem):
    """401: no token, or none of ours."""

    def __init__(self) -> None:
        super().__init__(401, "Unauthorized", "this needs `Authorization: Bearer` and one of the API's tokens")

    @property
    def headers(self) -> dict[str, str]:
        """What RFC 9110 asks for."""
        return {"WWW-Authenticate": 'Bearer realm="shopnow-streams"'}


class Tokens:
    """`known`: those that are accepted, and the first is what workers send one another. None: no token is needed."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = [token.encode() for token in known]

    @property
    def needed(self) -> bool:
        """Whether there are any."""
        return bool(self._known)

    @property
    def own(self) -> dict[str, str]:
        """The header that another worker accepts."""
        return {"Authorization": f"Bearer {self._known[0].decode()}"} if self._known else {}

    def held_by(self, request: web.Request) -> bool:
        """Whether the request has one. Takes as long for a wrong one as for a right one."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip().encode(errors="replace")
        found = [hmac.compare_digest(given, known) for known in self._known]
        return scheme.lower() == "bearer" and any(found)

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """Raises Unauthorized."""

        @web.middleware
        async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.needed and not is_open(request.path) and not self.held_by(request):
                raise Unauthorized
            return await handler(request)

        return let_in


def is_open(path: str) -> bool:
    """Whether a path needs no token even where there are some."""
    return path == "/" or path.startswith(_OPEN)


def read_tokens(file: str) -> Tokens:
    """A token a line of `file`; empty lines and those that begin with # are none. No file: no tokens.

    Raises SettingsError where the file can't be read, has none, or has one that is easy to guess.
    """
    if not file:
        return Tokens()
    try:
        lines = [line.strip() for line in Path(file).read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SHOPNOW_WEB_TOKENS_FILE={file!r} can't be read: {error}") from error
    tokens = [line for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise SettingsError(f"SHOPNOW_WEB_TOKENS_FILE={file!r} has no token: write one a line")
    if any(len(token) < MIN_LENGTH or " " in token for token in tokens):
        raise SettingsError(
            f"SHOPNOW_WEB_TOKENS_FILE={file!r} has a token of less than {MIN_LENGTH} characters, or with a space: "
            "`openssl rand -hex 32` makes a good one"
        )
    return Tokens(tokens)
