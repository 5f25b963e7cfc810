"""Each transition is signed, tried again while that can help, and passed over where it can't; no secret is in a log."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from shopnow_streams.alerting.webhook import LONGEST_ASKED_S, LONGEST_S, Target, Webhook, target
from shopnow_streams.alerts.register import Recorded
from shopnow_streams.errors import SettingsError
from shopnow_streams.settings import Settings
from tests.unit.alerts.facts import transition

SECRET = b"0123456789abcdef"
LOW = transition("low-stock", "1597", "raised")
RECORDED = Recorded(42, LOW.id, LOW)


class Enough(Exception):
    """No more tries: the test has seen what it came for."""


class Receiver:
    """Answers with `statuses` in turn, then 204; None is a connection that ends without an answer."""

    def __init__(self) -> None:
        self.statuses: list[int | None] = []
        self.answer_headers: dict[str, str] = {}
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.slept_s: list[float] = []
        application = web.Application()
        application.router.add_post("/hook/secret-path", self._take)
        self.server = TestServer(application)
        self.now_s = 1_795_860_000.7
        self.sleep_at_most: int | None = None

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        if status is None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 204, headers=self.answer_headers)

    async def sleep(self, seconds: float) -> None:
        if len(self.slept_s) == self.sleep_at_most:
            raise Enough
        self.slept_s.append(seconds)
        self.now_s += seconds

    def webhook(self, tls: ssl.SSLContext | None = None) -> Webhook:
        hook = Target(str(self.server.make_url("/hook/secret-path")), SECRET, tls)
        return Webhook(hook, {"bootstrap.servers": "nowhere:1"}, "shop", lambda: self.now_s, self.sleep)

    async def deliver(self, webhook: Webhook, recorded: Recorded = RECORDED) -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.wait_for(webhook.deliver(session, recorded), 10)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.server.start_server()
    yield receiver
    await receiver.server.close()


async def test_the_body_is_the_transition_and_the_signature_is_of_it_and_the_time(receiver: Receiver) -> None:
    webhook = receiver.webhook()
    await receiver.deliver(webhook)
    ((headers, body),) = receiver.requests
    assert msgspec.json.decode(body, type=type(LOW)) == LOW
    assert headers["X-ShopNow-Timestamp"] == "1795860000"
    signed = hmac.new(SECRET, b"1795860000." + body, hashlib.sha256).hexdigest()
    assert headers["X-ShopNow-Signature"] == f"sha256={signed}"
    assert (headers["Idempotency-Key"], headers["Content-Type"]) == ("low-stock:1597@42", "application/json")
    assert webhook.results == {"delivered": 1, "failed": 0, "refused": 0}


@pytest.mark.parametrize("failure", [500, 503, 408, 425, 429, None])
async def test_what_may_be_taken_later_is_tried_again_later_and_later(receiver: Receiver, failure: int | None) -> None:
    webhook = receiver.webhook()
    receiver.statuses = [failure] * 4
    await receiver.deliver(webhook)
    assert {headers["Idempotency-Key"] for headers, _ in receiver.requests} == {"low-stock:1597@42"}
    stamps = [headers["X-ShopNow-Timestamp"] for headers, _ in receiver.requests]
    assert len(set(stamps)) == len({headers["X-ShopNow-Signature"] for headers, _ in receiver.requests}) == 5
    assert receiver.slept_s == sorted(receiver.slept_s)
    assert webhook.results == {"delivered": 1, "failed": 4, "refused": 0}


async def test_it_goes_on_for_as_long_as_it_takes(receiver: Receiver) -> None:
    receiver.statuses = [503] * 40
    webhook = receiver.webhook()
    await receiver.deliver(webhook)
    assert webhook.results["delivered"] == 1
    assert max(receiver.slept_s) <= LONGEST_S


@pytest.mark.parametrize(
    ("asked", "waits_s"), [("120", 120), ("999999", LONGEST_ASKED_S), ("0", 0), ("-5", 0), ("soon", 0)]
)
async def test_it_waits_as_long_as_it_is_asked_to(receiver: Receiver, asked: str, waits_s: float) -> None:
    receiver.statuses, receiver.answer_headers = [429], {"Retry-After": asked}
    await receiver.deliver(receiver.webhook())
    (slept_s,) = receiver.slept_s
    assert waits_s <= slept_s <= max(waits_s, 2)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 301, 307])
async def test_what_won_t_be_taken_later_is_passed_over_and_a_redirect_is_not_followed(
    receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses, receiver.answer_headers = [status], {"Location": "/hook/secret-path"}
    webhook = receiver.webhook()
    await receiver.deliver(webhook)
    assert len(receiver.requests) == 1
    assert webhook.results == {"delivered": 0, "failed": 0, "refused": 1}
    assert f"refused low-stock:1597 with {status}" in caplog.text


async def test_no_log_has_the_secret_or_the_path(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    webhook = receiver.webhook()
    receiver.statuses = [None, 500, 404]
    await receiver.deliver(webhook)
    assert caplog.text.count("127.0.0.1") == 3
    for secret in (SECRET.decode(), "secret-path", repr(SECRET)):
        assert secret not in caplog.text
        assert secret not in repr(webhook._target)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def https(authority: trustme.CA) -> AsyncIterator[Receiver]:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    receiver = Receiver()
    await receiver.server.start_server(ssl=serving)
    yield receiver
    await receiver.server.close()


async def test_a_receiver_whose_authority_is_named_is_trusted(
    https: Receiver, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "secret").write_bytes(SECRET)
    found = target(settings(tmp_path, alert_webhook_ca_file=str(tmp_path / "ca.pem")))
    assert found is not None
    webhook = https.webhook(found.tls)
    await https.deliver(webhook)
    assert (len(https.requests), webhook.results["delivered"]) == (1, 1)


async def test_one_that_nobody_vouches_for_is_told_nothing_and_the_log_says_which_setting(
    https: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = https.webhook()
    https.sleep_at_most = 3
    with pytest.raises(Enough):
        await https.deliver(webhook)
    assert (https.requests, webhook.results["failed"]) == ([], 4)
    assert "not trusted, unable to get local issuer certificate (SHOPNOW_ALERT_WEBHOOK_CA_FILE" in caplog.text
    assert "secret-path" not in caplog.text


async def test_why_nobody_is_reached_is_said_in_the_systems_words(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = receiver.webhook()
    await receiver.server.close()
    receiver.sleep_at_most = 0
    with pytest.raises(Enough):
        await receiver.deliver(webhook)
    assert "did not take low-stock:1597: Connection refused; again in" in caplog.text
    assert "secret-path" not in caplog.text


async def test_what_is_forgotten_is_not_told(receiver: Receiver) -> None:
    await receiver.deliver(receiver.webhook(), Recorded(7, LOW.id, None))
    assert receiver.requests == []


class TestTarget:
    def test_without_a_url_there_is_none(self) -> None:
        assert target(Settings()) is None

    def test_the_secret_is_what_the_file_has_without_the_line_s_end(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(SECRET + b"\r\n")
        found = target(settings(tmp_path))
        assert found is not None
        assert (found.secret, found.url, found.host) == (SECRET, "https://hook.example/a", "hook.example")

    @pytest.mark.parametrize("content", [b"", b"\n", b"short\n", None])
    def test_a_file_without_a_good_secret_is_refused(self, tmp_path: Path, content: bytes | None) -> None:
        if content is not None:
            (tmp_path / "secret").write_bytes(content)
        with pytest.raises(SettingsError, match="SHOPNOW_ALERT_WEBHOOK_SECRET_FILE"):
            target(settings(tmp_path))

    @pytest.mark.parametrize(
        "half", [{"alert_webhook_url": "https://hook.example"}, {"alert_webhook_secret_file": "secret"}]
    )
    def test_url_and_secret_go_together(self, half: Any) -> None:
        with pytest.raises(SettingsError, match="go together"):
            target(Settings(**half))

    @pytest.mark.parametrize("content", [b"", b"no certificate", None])
    def test_a_file_without_certificates_is_refused(self, tmp_path: Path, content: bytes | None) -> None:
        (tmp_path / "secret").write_bytes(SECRET)
        if content is not None:
            (tmp_path / "ca.pem").write_bytes(content)
        with pytest.raises(SettingsError, match=r"ca\.pem \(SHOPNOW_ALERT_WEBHOOK_CA_FILE\) cannot be loaded"):
            target(settings(tmp_path, alert_webhook_ca_file=str(tmp_path / "ca.pem")))

    def test_an_authority_for_a_webhook_without_tls_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(SECRET)
        with pytest.raises(SettingsError, match="SHOPNOW_ALERT_WEBHOOK_CA_FILE is of no use"):
            target(settings(tmp_path, alert_webhook_url="http://hook.example/a", alert_webhook_ca_file="ca.pem"))


def settings(folder: Path, **changes: Any) -> Settings:
    usual = {"alert_webhook_url": "https://hook.example/a", "alert_webhook_secret_file": str(folder / "secret")}
    return Settings(**{**usual, **changes})
