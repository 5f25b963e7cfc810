"""What the demo asks of a worker over HTTP, as anybody would."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shopnow_streams.errors import NoWorker

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class WorkerApi:
    """The API at `url`, asked with `headers`. Every method blocks; None where the worker does not answer (yet).

    Raises NoWorker for an answer that is no JSON, which a worker never gives: a proxy's 502, say.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        """The JSON at `path`, also where the status says that something is not well."""
        return self._ask(urllib.request.Request(self.url + path, headers=dict(self.headers)))  # noqa: S310 (our own address)

    def rows(self, table: str) -> list[tuple[int, dict[str, int], list[list[Any]]]] | None:
        """Every row of a table by partition: (partition, offsets, [key, state] pairs)."""
        body = json.dumps({"table": table}).encode()
        answers = self._ask(urllib.request.Request(f"{self.url}/internal/rows", body, dict(self.headers)))  # noqa: S310
        return None if answers is None else [(one["partition"], one["offsets"], one["rows"]) for one in answers]

    def ready(self) -> bool:
        """Whether it serves all partitions and has folded what there was."""
        state = self.get("/health/ready")
        return state is not None and state.get("status") == "ready"

    @staticmethod
    def _ask(request: urllib.request.Request) -> Any:
        try:
            try:
                response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
            except urllib.error.HTTPError as error:
                response = error
            with response:
                body = response.read()
        except (OSError, http.client.HTTPException):
            return None
        try:
            return json.loads(body)
        except ValueError as error:
            raise NoWorker(
                f"what answers at {request.full_url} is no worker of ours, but says {response.status} "
                f"{response.reason}, as {response.headers.get_content_type()}: look at SHOPNOW_WEB_HOST and "
                "SHOPNOW_WEB_PORT, or at the proxy in between"
            ) from error
