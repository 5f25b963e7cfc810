"""The rows of all workers, each table and partition as of one moment, with the offsets of that moment: to files."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import msgspec

from shopnow_streams.audit.files import RowFile
from shopnow_streams.audit.rows import Table
from shopnow_streams.errors import AuditImpossible

READ_S = 30.0
OWNER_WITHIN_S = 60.0
"""A partition that moves is asked for again for so long: a session timeout, a restore, and then some."""

_PAUSE_S = 0.5
_PIECE_BYTES = 1 << 16


class Described(msgspec.Struct, frozen=True):
    """What a worker says of its application."""

    partitions: int
    workers: list[str]


class EventTime(msgspec.Struct, frozen=True):
    """The rules of event time that rows were folded by: what is late, and what is ahead."""

    lateness_ms: int
    skew_ms: int


class _Head(msgspec.Struct, frozen=True):
    partition: int
    offsets: dict[str, int]
    event_time: EventTime
    stands: datetime | None = None


class _End(msgspec.Struct, frozen=True):
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """One table in one partition: `rows` rows in `file`, exactly as they stood at `offsets` (next offset by topic).

    `stands` is the moment that its windows stood at; None of a table that has none.
    """

    table: str
    partition: int
    offsets: dict[str, int]
    rows: int
    file: Path
    event_time: EventTime
    stands: datetime | None = None


def standing(snapshots: Iterable[Snapshot], table: str) -> dict[int, dict[str, int]]:
    """Where a table stands: next offset by partition and topic."""
    return {snapshot.partition: snapshot.offsets for snapshot in snapshots if snapshot.table == table}


def windows_at(snapshots: Iterable[Snapshot], table: str) -> dict[int, datetime]:
    """At which moment the windows of a table stand, by partition; nothing of a table that has none."""
    return {
        snapshot.partition: snapshot.stands
        for snapshot in snapshots
        if snapshot.table == table and snapshot.stands is not None
    }


def rules_of(snapshots: Iterable[Snapshot]) -> EventTime:
    """The rules of event time that all of them follow. Raises AuditImpossible where they follow several."""
    rules = {snapshot.event_time for snapshot in snapshots}
    if len(rules) != 1:
        raise AuditImpossible(
            "the workers do not agree on which events are late: start them all with the same "
            "SHOPNOW_ALLOWED_LATENESS_S and SHOPNOW_CLOCK_SKEW_S"
        )
    return rules.pop()


def highest(snapshots: Iterable[Snapshot]) -> dict[str, dict[int, int]]:
    """The highest next offset that any table stands at, by topic and partition."""
    found: dict[str, dict[int, int]] = {}
    for snapshot in snapshots:
        for topic, offset in snapshot.offsets.items():
            partitions = found.setdefault(topic, {})
            partitions[snapshot.partition] = max(offset, partitions.get(snapshot.partition, 0))
    return found


class Cut(Exception):
    """An answer that has no end, or not the end that it should have."""


class Workers:
    """The workers of one application, found by way of the one at `url`. Every method blocks.

    A partition that nobody answers for is asked for again until `owner_within_s` are over. `headers` go with each
    question: workers of one application take the same token.
    """

    def __init__(
        self, url: str, *, owner_within_s: float = OWNER_WITHIN_S, headers: Mapping[str, str] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = dict(headers or {})
        self._owner_within_s = owner_within_s
        self._owners: dict[int, str] = {}

    def described(self) -> Described:
        """What that worker says. Raises AuditImpossible where it does not answer."""
        try:
            with self._open(f"{self.url}/internal/workers") as response:
                return msgspec.json.decode(response.read(), type=Described)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 401:
                    raise AuditImpossible(
                        f"{self.url} needs a token: set SHOPNOW_WEB_TOKENS_FILE to the file that its workers have"
                    ) from error
                raise AuditImpossible(
                    f"{self.url} answers {error.code} when it is asked for its workers: it is no worker, or one of "
                    "another version"
                ) from error
        except (OSError, HTTPException, ValueError) as error:
            raise AuditImpossible(
                f"no worker answers at {self.url} ({_reason(error)}): start one, or name one with --worker"
            ) from error

    def snapshot(self, table: Table, partition: int, file: Path) -> Snapshot:
        """Write the partition's rows to `file`. Raises AuditImpossible where no worker answers for it in time."""
        deadline = time.monotonic() + self._owner_within_s
        known = [self.url]
        while True:
            try:
                known = self.described().workers
            except AuditImpossible:
                if self.url not in known:  # the others may still be there
                    known = [*known, self.url]
            failures = []
            for worker in sorted(known, key=lambda url: url != self._owners.get(partition)):
                try:
                    found = self._ask(worker, table, partition, file)
                except (OSError, HTTPException, Cut) as error:
                    failures.append(f"{worker}: {_reason(error)}")
                    continue
                if found is not None:
                    self._owners[partition] = worker
                    return found
            if time.monotonic() >= deadline:
                said = "; ".join(failures) or f"it is not of {', '.join(known)}"
                raise AuditImpossible(f"no worker answered for partition {partition} of {table.name}: {said}")
            time.sleep(_PAUSE_S)

    def _open(self, url: str) -> HTTPResponse:
        response: HTTPResponse = urllib.request.urlopen(  # noqa: S310
            urllib.request.Request(url, headers=self._headers),  # noqa: S310
            timeout=READ_S,
        )
        return response

    def _ask(self, worker: str, table: Table, partition: int, file: Path) -> Snapshot | None:
        """None where the partition is another worker's."""
        url = f"{worker}/internal/snapshot/{table.name}/{partition}"
        try:
            response = self._open(url)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise Cut(_problem(error)) from error
        with response, RowFile(file, table.schema()) as rows:
            try:
                return _read(_lines(response), table, rows, file)
            except msgspec.ValidationError as error:
                raise AuditImpossible(
                    f"{worker} has rows of {table.name} that this audit does not know ({error}): "
                    "are they of the same version?"
                ) from error
            except msgspec.DecodeError as error:
                raise Cut(f"a line is not JSON: {error}") from error


def _read(lines: Iterator[bytes], table: Table, rows: RowFile, file: Path) -> Snapshot:
    head = msgspec.json.decode(next(lines, b""), type=_Head)
    decode = table.decoder().decode
    for line in lines:
        if line.startswith(b"{"):
            end = msgspec.json.decode(line, type=_End)
            if end.rows != rows.count:
                raise Cut(f"{rows.count} rows came of {end.rows}")
            return Snapshot(table.name, head.partition, head.offsets, rows.count, file, head.event_time, head.stands)
        key, state = decode(line)
        rows.add((head.partition, key, *table.plain(state)))
    raise Cut(f"the answer was cut after {rows.count} rows")


def _lines(response: HTTPResponse) -> Iterator[bytes]:
    """Whole lines; what a cut leaves of one is dropped."""
    rest = b""
    while piece := response.read1(_PIECE_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"HTTP {error.code}"


def _reason(error: Exception) -> str:
    """In few words: urllib wraps what the system said."""
    inner = getattr(error, "reason", None)
    return str(getattr(inner, "strerror", None) or inner or error) or type(error).__name__
