"""Columns of offsets: where they rise, and the ranges they make up."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from sinks.chain import Range


def runs(offsets: pa.Array) -> Iterator[Range]:
    """The ranges without holes that `offsets`, rising, make up."""
    if len(offsets) == 0:
        return
    first = offsets[0].as_py()
    for place in pc.indices_nonzero(pc.greater(_steps(offsets), 1)).to_pylist():
        yield Range(first, offsets[place].as_py() + 1)
        first = offsets[place + 1].as_py()
    yield Range(first, offsets[-1].as_py() + 1)


def disorder(offsets: pa.Array, at_least: int) -> int | None:
    """The first offset that is below `at_least`, or not above the one before it; None where they rise."""
    if len(offsets) and offsets[0].as_py() < at_least:
        return int(offsets[0].as_py())
    place = pc.index(pc.less(_steps(offsets), 1), True).as_py()
    return None if place < 0 else int(offsets[place + 1].as_py())


def _steps(offsets: pa.Array) -> pa.Array:
    return pc.subtract(offsets[1:], offsets[:-1])


class Ranges:
    """Offsets, counted all and kept as ranges up to a bound: rising ones are added."""

    def __init__(self, bound: int = 1_000) -> None:
        self.count = 0
        self.kept: list[Range] = []
        self.more = 0  # ranges beyond the bound
        self._bound = bound
        self._next = -1

    def add(self, part: Range) -> None:
        """Add offsets; a range that goes on where the last one ended becomes one with it."""
        self.count += part.next - part.first
        goes_on = part.first == self._next
        self._next = part.next
        if goes_on and not self.more:
            self.kept[-1] = Range(self.kept[-1].first, part.next)
        elif not goes_on:
            if len(self.kept) < self._bound:
                self.kept.append(part)
            else:
                self.more += 1

    def add_all(self, offsets: pa.Array) -> None:
        """Add a rising column of them."""
        for run in runs(offsets):
            self.add(run)
