"""Each transition POSTed to a URL, in order, at least once: what was taken is a committed offset of a group of its own.

    POST /…
    Content-Type: application/json
    Idempotency-Key: low-stock:1597@42          the alert and the offset of its record: the same at each try
    X-ShopNow-Timestamp: 1795860000             when this try was made, in seconds since 1970
    X-ShopNow-Signature: sha256=…               hex HMAC-SHA256 of `timestamp.body`, by the shared secret

An answer of 2xx is taken. 408, 425, 429, 5xx and no answer are tried again, later and later, for as long as it takes,
and what comes after waits. Any other answer won't become another one: it is logged, counted and passed over.
"""

import asyncio
import hashlib
import hmac
import os
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from shopnow_streams.alerting.records import AlertRecords
from shopnow_streams.alerts.register import Recorded
from shopnow_streams.alerts.transition import encode
from shopnow_streams.errors import SettingsError
from shopnow_streams.logs.logger import get_logger
from shopnow_streams.settings import Settings

logger = get_logger(__name__)

TIMEOUT_S = 10.0
LONGEST_S = 300.0
"""Between two tries; `Retry-After` may ask for up to `LONGEST_ASKED_S`."""

LONGEST_ASKED_S = 3_600.0
MIN_SECRET_BYTES = 16
_AGAIN = {408, 425, 429}
_WAIT_S = 0.5

Result = Literal["delivered", "failed", "refused"]
RESULTS: tuple[Result, ...] = ("delivered", "failed", "refused")


@dataclass(frozen=True)
class Target:
    """Where to, and the secret; neither is ever in a log or a repr. `host` is."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """Who is trusted to vouch for it; those that the system trusts where there is none."""

    @property
    def host(self) -> str:
        """What a log may say: paths of webhooks are often secrets."""
        return urlsplit(self.url).hostname or ""


def target(settings: Settings) -> Target | None:
    """None where no URL is set. Reads the files; raises SettingsError where one is not what it should be."""
    url, file = settings.alert_webhook_url, settings.alert_webhook_secret_file
    if bool(url) != bool(file):
        raise SettingsError("SHOPNOW_ALERT_WEBHOOK_URL and SHOPNOW_ALERT_WEBHOOK_SECRET_FILE go together: set both")
    if not url:
        return None
    try:
        secret = Path(file).read_bytes().rstrip(b"\r\n")  # an editor's newline is no part of it
    except OSError as error:
        raise SettingsError(f"cannot read {file} (SHOPNOW_ALERT_WEBHOOK_SECRET_FILE): {error.strerror}") from error
    if len(secret) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"{file} (SHOPNOW_ALERT_WEBHOOK_SECRET_FILE) has {len(secret)} bytes: a secret has {MIN_SECRET_BYTES} or "
            "more, as `openssl rand -hex 32` makes one"
        )
    return Target(url, secret, _trusting(url, settings.alert_webhook_ca_file))


def _trusting(url: str, file: str) -> ssl.SSLContext | None:
    if not file:
        return None
    if urlsplit(url).scheme != "https":
        raise SettingsError(
            "SHOPNOW_ALERT_WEBHOOK_CA_FILE is of no use without TLS: make SHOPNOW_ALERT_WEBHOOK_URL https"
        )
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # ssl.SSLError is one: a file that is there, but is not PEM
        raise SettingsError(
            f"{file} (SHOPNOW_ALERT_WEBHOOK_CA_FILE) cannot be loaded as certificates in PEM: {error.strerror}"
        ) from error


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of X-ShopNow-Signature."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class TryAgain(Exception):
    """Not taken, and may be later; after so many seconds at the least."""

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Webhook:
    """Delivers from where the group `<application>-alerts-webhook` stands; one worker at a time runs it.

    Another one that still does (it was paused) delivers what was delivered, never less.
    """

    def __init__(
        self,
        target: Target,
        librdkafka: Mapping[str, str],
        application_id: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.results: Counter[Result] = Counter(dict.fromkeys(RESULTS, 0))
        self._target, self._librdkafka = target, librdkafka
        self._group = f"{application_id}-alerts-webhook"
        self._clock = clock
        self._sleep = sleep
        self._backoff = wait_exponential_jitter(1, LONGEST_S)

    async def run(self, began: asyncio.Event) -> None:
        """Until it is cancelled. Sets `began` once its place is known: what happens after that is delivered.

        Raises KafkaException where Kafka does not answer.
        """
        threads = ThreadPoolExecutor(1, thread_name_prefix="alerts-webhook")
        loop = asyncio.get_running_loop()
        records = AlertRecords(self._librdkafka, self._group)
        try:
            await loop.run_in_executor(threads, records.begin_where_committed)
            began.set()
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S)) as session:
                while True:
                    for recorded in await loop.run_in_executor(threads, records.fetch, _WAIT_S):
                        await self.deliver(session, recorded)
                        await loop.run_in_executor(threads, records.commit, recorded.offset + 1)
        finally:
            threads.submit(records.close)
            threads.shutdown(wait=False)

    async def deliver(self, session: aiohttp.ClientSession, recorded: Recorded) -> None:
        """Once it was taken, or refused for good."""
        if recorded.transition is None:
            return
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TryAgain),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._not_taken,
        )
        await retrying(self._post, session, recorded.id, recorded.offset, encode(recorded.transition))

    async def _post(self, session: aiohttp.ClientSession, id: str, offset: int, body: bytes) -> None:
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{id}@{offset}",
            "X-ShopNow-Timestamp": timestamp,
            "X-ShopNow-Signature": signature(self._target.secret, timestamp, body),
        }
        tls = self._target.tls or True
        try:
            async with session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False, ssl=tls
            ) as response:
                status, after = response.status, response.headers.get("Retry-After", "")
        except aiohttp.ClientConnectorCertificateError as error:
            raise TryAgain(f"its certificate is not trusted, {_distrust(error)}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TryAgain(_what_failed(error)) from None
        if 200 <= status < 300:
            self.results["delivered"] += 1
        elif status in _AGAIN or status >= 500:
            raise TryAgain(f"status {status}", _seconds(after))
        else:
            self.results["refused"] += 1
            logger.error(
                "the webhook at {host} refused {alert} with {status}: it is passed over, and stays on the topic at "
                "{offset}",
                host=self._target.host,
                alert=id,
                status=status,
                offset=offset,
            )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(self._backoff(state), error.after_s if isinstance(error, TryAgain) else 0.0)

    def _not_taken(self, state: RetryCallState) -> None:
        self.results["failed"] += 1
        logger.warning(
            "the webhook at {host} did not take {alert}: {error}; again in {seconds:.0f} s, what comes after waits",
            host=self._target.host,
            alert=state.args[1],
            error=str(state.outcome.exception() if state.outcome else ""),
            seconds=state.next_action.sleep if state.next_action else 0.0,
        )


def _what_failed(error: Exception) -> str:
    """In the system's words, or else by its kind: what aiohttp says may have the URL in it."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(error, ssl.SSLError | aiohttp.ClientSSLError):
        return "no TLS is spoken there, or another version of it"
    if not isinstance(error, OSError) or not error.errno:
        return type(error).__name__
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)  # below 0: of the name's look-up


def _distrust(error: aiohttp.ClientConnectorCertificateError) -> str:
    """Why, and what to do: OpenSSL's words for it name the host at most."""
    why = getattr(error.certificate_error, "verify_message", "") or "whoever signed it"
    return f"{why} (SHOPNOW_ALERT_WEBHOOK_CA_FILE names who may vouch for it)"


def _seconds(text: str) -> float:
    """Of a Retry-After in seconds; 0 for none, or a date, which is no better than our own waiting."""
    with suppress(ValueError):
        return min(float(int(text)), LONGEST_ASKED_S) if int(text) > 0 else 0.0
    return 0.0
