"""Where a worker sends transitions of alerts: it takes most of them, and remembers each."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SECRET = "a secret of the tests' own"  # noqa: S105


class Hook:
    """`with Hook() as hook: ...`. Every eighth request is answered with 503, the first one too."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.forged: list[str] = []
        self.requests = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/a/path"

    @property
    def once(self) -> list[Any]:
        """What was taken, each transition where it came first."""
        first: dict[str, Any] = {}
        for key, body in self.taken:
            first.setdefault(key, body)
        return list(first.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _take(self, headers: Any, body: bytes) -> int:
        self.requests += 1
        signed = headers["X-ShopNow-Timestamp"].encode() + b"." + body
        signature = "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if headers["X-ShopNow-Signature"] != signature:
            self.forged.append(headers["X-ShopNow-Signature"])
        if self.requests % 8 == 1:
            return 503
        self.taken.append((headers["Idempotency-Key"], json.loads(body)))
        return 204

    def _handler(hook) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = hook._take(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
