"""One partition on its way into the archive: what is open, sealed, committed."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from faust.types import TP

from sinks.formats import Encoder
from sinks.segments import Segment, SegmentName


@dataclass
class OpenSegment:
    """A segment in the making."""

    name: SegmentName
    encoder: Encoder
    opened_s: float
    rows: int = 0


@dataclass
class PartitionArchive:
    """One partition of a topic. `end` is the archive's, `stands` ours: what lies between is open or on its way."""

    tp: TP
    end: int
    stands: int
    open: OpenSegment | None = None
    sealed: deque[Segment] = field(default_factory=deque)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    committing: asyncio.Future[None] | None = None

    @property
    def next(self) -> int:
        """Where the next segment begins: where the last one ends. Not where we stand, which may be past a marker that
        another writer has not seen: two segments of other names would hold the same records."""
        return self.sealed[-1].next if self.sealed else self.end

    @property
    def durable(self) -> int:
        """All below is in the archive, or was never a record (a marker at the end)."""
        return self.end if self.open or self.sealed else self.stands

    @property
    def held_bytes(self) -> int:
        """What it holds in memory."""
        return (self.open.encoder.held if self.open else 0) + sum(len(segment.data) for segment in self.sealed)
