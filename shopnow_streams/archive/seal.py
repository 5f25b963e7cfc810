"""A seal: a file that says of an hour of a topic that it is complete, and what it came to when that was said.

    <root>/_seals/<topic>/date=2025-11-28/hour=12.json       the seal
    <root>/_seals/<topic>/date=2025-11-28/hour=12+1.json     the same, and what came late: it is amended

Hours are those of Kafka's timestamps, UTC. Where the first file is, the hour is complete; where a later hour has one
and this has none, nothing happened in it. Of several the last one counts, and lists all parts. Pure.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from shopnow_streams.archive.tally import Tally
from shopnow_streams.errors import ArchiveCorrupt

SEALS = "_seals"


class Part(msgspec.Struct, frozen=True):
    """Records of one partition and hour, below the offset `below` and from that of the part before on.

    `first` and `last` are null where there are none. `checksum`: see `shopnow_streams.archive.tally`.
    """

    below: int
    records: int = 0
    first: int | None = None
    last: int | None = None
    value_bytes: int = 0
    checksum: int = 0


class Seal(msgspec.Struct, frozen=True):
    """One hour of one topic: by partition the part that was there when it was sealed, then each that came late."""

    topic: str
    hour: datetime
    sealed_at: datetime
    partitions: dict[int, tuple[Part, ...]]

    @property
    def hour_ms(self) -> int:
        """Its beginning, in milliseconds since 1970."""
        return int(self.hour.timestamp()) * 1000

    @property
    def records(self) -> int:
        """Of all partitions and parts."""
        return sum(part.records for parts in self.partitions.values() for part in parts)

    @property
    def late(self) -> int:
        """Records that came after it was sealed."""
        return sum(part.records for parts in self.partitions.values() for part in parts[1:])


class SealName(NamedTuple):
    """Which hour (its beginning, in milliseconds since 1970), and how often it was amended."""

    hour_ms: int
    revision: int


def part_of(below: int, tally: Tally | None) -> Part:
    """What is said of those records."""
    if tally is None:
        return Part(below)
    return Part(below, tally.records, tally.first, tally.last, tally.value_bytes, tally.checksum)


def instant(ms: int) -> datetime:
    """That moment, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def hour_text(hour_ms: int) -> str:
    """For messages: 2025-11-28T12."""
    return instant(hour_ms).strftime("%Y-%m-%dT%H")


def seal_path(topic: str, name: SealName) -> str:
    """Relative to the archive's root."""
    amended = f"+{name.revision}" if name.revision else ""
    return f"{SEALS}/{topic}/{instant(name.hour_ms):date=%Y-%m-%d/hour=%H}{amended}.json"


def parse_seal_path(path: str) -> SealName | None:
    """The inverse; None for what is no seal."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    hour = datetime.fromisoformat(f"{found['day']}T{found['hour']}:00:00+00:00")
    return SealName(int(hour.timestamp()) * 1000, int(found["revision"] or 0))


def encode_seal(seal: Seal) -> bytes:
    """As it is written."""
    return msgspec.json.format(msgspec.json.encode(seal), indent=1)


def decode_seal(data: bytes, name: SealName, path: str) -> Seal:
    """The inverse. Raises ArchiveCorrupt where it is none, or one of another hour than its name says."""
    try:
        seal = msgspec.json.decode(data, type=Seal)
    except msgspec.MsgspecError as error:
        raise ArchiveCorrupt(f"{path} is no seal ({error}): put it back from a copy, or move it away") from error
    if seal.hour_ms != name.hour_ms:
        raise ArchiveCorrupt(f"{path} is the seal of another hour: put it back from a copy, or move it away")
    return seal


_PATH = re.compile(
    rf"{SEALS}/[^/]+/date=(?P<day>\d{{4}}-\d\d-\d\d)/hour=(?P<hour>[01]\d|2[0-3])(\+(?P<revision>[1-9]\d{{0,8}}))?\.json"
)
