"""A cut: one partition's changed rows at one instant, with the offsets they stand at. Written whole or not at all."""

from dataclasses import dataclass
from typing import NamedTuple

POSITIONS = "positions"
"""The table of next offsets, by topic: the proof that goes with every cut, in the same transaction."""

Row = tuple[bytes, bytes]
"""Key and value as they stand in the store."""

Change = tuple[bytes, bytes | None]
"""Key and value as they go to the changelog and to the store; None where there is no such row any more."""


class Reject(NamedTuple):
    """A record that is not an event, on its way to the reject topic."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str
    detail: str


@dataclass(frozen=True)
class Cut:
    """`rows` by table (the positions among them); `positions` maps a topic to the next offset it stands at."""

    partition: int
    rows: dict[str, list[Change]]
    positions: dict[str, int]
    rejects: list[Reject]

    def __len__(self) -> int:
        return sum(map(len, self.rows.values())) + len(self.rejects)
