"""What a partition's rows stand at: next offset by topic, and whatever else decides what they are.

Kept as rows of the table of positions, in the transaction of each cut. The next offset of a topic has the topic's name
for its key; other keys hold a colon, which no topic's name can.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from shopnow_streams.folds.windows import EPOCH
from tables.cut import POSITIONS, Change
from tables.store import PartitionStore, prefix

_MICROSECOND = timedelta(microseconds=1)
_SOURCE, _WATERMARK, _STANDS = "source:", "watermark:", "stands:"
_TABLES = "tables:"


@dataclass
class Proof:
    """`positions` is the next offset by topic, and `sources` Kafka's ids of the topics. `versions` are those of the
    tables, and of the rules of event time, that the rows were folded by. `watermarks` is how far each topic's events
    have come, and `stands` at which moment each windowed table stands."""

    positions: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    watermarks: dict[str, datetime] = field(default_factory=dict)
    stands: dict[str, datetime] = field(default_factory=dict)
    _rest: dict[str, bytes] = field(default_factory=dict)

    def rows(self) -> list[Change]:
        """What the next cut stores of it: every position, and of the rest what changed since the last call."""
        before, self._rest = self._rest, self._encoded()
        changed = {topic: b"%d" % offset for topic, offset in self.positions.items()}
        changed |= {key: value for key, value in self._rest.items() if before.get(key) != value}
        return [(key.encode(), value) for key, value in changed.items()]

    def _encoded(self) -> dict[str, bytes]:
        found = {_SOURCE + topic: one.encode() for topic, one in self.sources.items()}
        found |= {_WATERMARK + topic: _micros(moment) for topic, moment in self.watermarks.items()}
        found |= {_STANDS + table: _micros(moment) for table, moment in self.stands.items()}
        found[_TABLES] = msgspec.json.encode(self.versions)
        return found


def read_proof(store: PartitionStore) -> Proof:
    """What the rows of a store stand at.

    Rows of before `versions` were noted are of the tables that there were then, all still at their first version.
    """
    proof = Proof()
    for raw_key, value in store.scan(prefix(POSITIONS)):
        key = raw_key.decode()
        kind, colon, name = key.partition(":")
        if colon:
            proof._rest[key] = value
        match kind + colon:
            case "source:":
                proof.sources[name] = value.decode()
            case "watermark:":
                proof.watermarks[name] = _moment(value)
            case "stands:":
                proof.stands[name] = _moment(value)
            case "tables:":
                proof.versions = msgspec.json.decode(value, type=dict[str, int])
            case _ if not colon:
                proof.positions[key] = int(value)
    return proof


def _micros(moment: datetime) -> bytes:
    return b"%d" % ((moment - EPOCH) // _MICROSECOND)


def _moment(micros: bytes) -> datetime:
    return EPOCH + timedelta(microseconds=int(micros))
