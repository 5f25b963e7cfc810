"""What the demo asks of a worker over HTTP, as anybody would."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class WorkerApi:
    """The API at `url`, asked with `headers`. Every method blocks; None where the worker does not answer (yet)."""

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
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())
        except (OSError, ValueError):
            return None
