"""The other workers of the application, asked over HTTP. Who does not answer in time is left out; the log says so."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import aiohttp
import msgspec

from shopnow_streams.logs.logger import get_logger
from shopnow_streams.views.page import Problem
from shopnow_streams.views.tokens import Tokens

logger = get_logger(__name__)

_TIMEOUT_S = 2.0

Answer = TypeVar("Answer")


class Peers:
    """The workers that Faust's metadata of the group names, but for this one. Asked with the first of `tokens`."""

    def __init__(self, app: Any, tokens: Tokens | None = None) -> None:
        self._app = app
        self._headers = tokens.own if tokens else {}

    @property
    def own(self) -> str:
        """This one's address, host:port."""
        return _host(str(self._app.conf.canonical_url))

    @property
    def hosts(self) -> list[str]:
        """Their addresses, host:port."""
        return sorted({_host(str(url)) for url in self._app.router.tables_metadata()} - {self.own})

    async def ask(self, path: str, body: bytes = b"") -> dict[str, bytes]:
        """What each answers to a POST of `body`, by address. Raises Problem 413 where one has more than can be sent."""
        hosts = self.hosts
        answers = await asyncio.gather(*(self._ask(host, path, body) for host in hosts))
        return {host: answer for host, answer in zip(hosts, answers, strict=True) if answer is not None}

    async def _ask(self, host: str, path: str, body: bytes) -> bytes | None:
        session: aiohttp.ClientSession = self._app.http_client
        timeout = aiohttp.ClientTimeout(_TIMEOUT_S)
        try:
            async with session.post(
                f"http://{host}{path}", data=body, timeout=timeout, headers=self._headers
            ) as response:
                if response.status == 413:
                    raise Problem(413, "Content Too Large", f"worker {host} has more rows than can be ranked")
                response.raise_for_status()
                return bytes(await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning(
                "worker {worker} did not answer: {error!r}; answers are incomplete", worker=host, error=error, path=path
            )
        except RuntimeError as error:
            if not session.closed:
                raise
            logger.info(
                "worker {worker} was not asked, since this one is stopping: {error}",
                worker=host,
                error=error,
                path=path,
            )
        return None


def decoded(bodies: Mapping[str, bytes], decode: Callable[[bytes], Answer], so: str) -> Iterator[Answer]:
    """What was answered in our form, by `decode`; `so` is what it means that another was not, for the log."""
    for peer, body in bodies.items():
        try:
            answer = decode(body)
        except (msgspec.MsgspecError, ValueError) as error:
            logger.warning("worker {worker} answers in another form: {error!r}; " + so, worker=peer, error=error)
        else:
            yield answer


def _host(url: str) -> str:
    return url.removeprefix("http://").rstrip("/")
