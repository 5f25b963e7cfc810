"""What the demo asks a worker, and what it makes of answers that are none of a worker's."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from shopnow_streams.demo.numbers import WorkerApi
from shopnow_streams.errors import NoWorker
from shopnow_streams.stack.ports import free_ports

PAGE = b"<html><h1>502 Bad Gateway</h1></html>"


class Answering(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b"{}"
    length: ClassVar[int | None] = None

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html" if self.body == PAGE else "application/json")
        self.send_header("Content-Length", str(self.length or len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerApi]:
    for name, value in (("status", 200), ("body", b"{}"), ("length", None)):
        monkeypatch.setattr(Answering, name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield WorkerApi(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 503])
def test_json_is_the_answer_whatever_the_status(api: WorkerApi, status: int) -> None:
    Answering.status, Answering.body = status, b'{"status": "restoring"}'
    assert api.get("/health/ready") == {"status": "restoring"}
    assert not api.ready()


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_page_of_somebody_else_is_told_as_such(api: WorkerApi, status: int) -> None:
    Answering.status, Answering.body = status, PAGE
    with pytest.raises(NoWorker, match=rf"{api.url}/health/ready is no worker of ours, but says {status} .*text/html"):
        api.ready()
    with pytest.raises(NoWorker, match="SHOPNOW_WEB_PORT"):
        api.rows("products")


def test_an_answer_that_is_cut_is_none_yet(api: WorkerApi) -> None:
    Answering.body, Answering.length = b'{"status":', 1_000
    assert api.get("/health/ready") is None


def test_where_nothing_answers_there_is_none_yet() -> None:
    (port,) = free_ports(1)
    assert WorkerApi(f"http://127.0.0.1:{port}").get("/health/ready") is None
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.listen()
        threading.Thread(target=lambda: mute.accept()[0].close(), daemon=True).start()
        assert WorkerApi(f"http://127.0.0.1:{mute.getsockname()[1]}").get("/health/ready") is None
