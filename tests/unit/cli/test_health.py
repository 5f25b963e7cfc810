"""`shopnow health` of a worker that is not well: a sentence of what is and what to do, whatever is at its address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from shopnow_streams.cli import health
from shopnow_streams.settings import Settings
from shopnow_streams.stack.ports import free_ports


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """The port of something that answers one request with these bytes. None: it listens, and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer or b"")

        if answer is not None:
            threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def detail(port: int) -> str:
    """What is said of a worker that is not well."""
    check = health._checked("worker", lambda: health._worker(Settings(web_port=port)))
    assert not check.well
    return check.detail


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def to_be_started(port: int) -> None:
    said = detail(port)
    assert said.startswith(f"none answers at http://127.0.0.1:{port}/health/ready (")
    assert said.endswith("`faust -A shopnow_streams.app worker -l info` starts one")
    assert "urlopen" not in said


def test_a_worker_that_is_down_is_to_be_started() -> None:
    (port,) = free_ports(1)
    to_be_started(port)


def test_so_is_one_that_ends_meanwhile() -> None:
    with answering(b"") as port:
        to_be_started(port)


def test_a_worker_that_hangs_has_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_TIMEOUT_S", 0.1)
    with answering(None) as port:
        assert detail(port) == (
            f"connected to http://127.0.0.1:{port}/health/ready, but no answer within 0.1 s: its log says why"
        )


@pytest.mark.parametrize(
    "answer",
    [http("200 OK", "<html>"), http("200 OK", "[]"), http("200 OK", '{"status": "UP"}'), b"\x00\x00\x00\x04kafka\r\n"],
    ids=["a page", "a list", "another service", "no HTTP"],
)
def test_what_is_no_worker_is_at_the_wrong_address(answer: bytes) -> None:
    with answering(answer) as port:
        said = detail(port)
    assert "is no worker of ours" in said
    assert "SHOPNOW_WEB_PORT" in said


def test_a_worker_that_is_not_ready_says_why() -> None:
    with answering(http("503 Service Unavailable", '{"reasons": ["partitions are being restored"]}')) as port:
        assert detail(port).endswith("/health/ready: partitions are being restored")
