"""Whether two streams of records are the same events: by offset, key, value and timestamp. Does no IO of its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from shopnow_streams.archive.offsets import Ranges

CONTENT = ("timestamp", "key", "value")

NOTHING = pa.RecordBatch.from_pydict({})


@dataclass
class Difference:
    """What only one of them has, and at which offsets both have something else; `columns` counts what differs there."""

    only_a: Ranges = field(default_factory=Ranges)
    only_b: Ranges = field(default_factory=Ranges)
    changed: Ranges = field(default_factory=Ranges)
    columns: dict[str, int] = field(default_factory=dict)
    same: int = 0


def compare(a: Iterable[pa.RecordBatch], b: Iterable[pa.RecordBatch]) -> Difference:
    """Go along both, whose offsets rise, a batch of each in memory. Raises what they raise."""
    found = Difference()
    one, other = _Stream(a), _Stream(b)
    while one.batch.num_rows and other.batch.num_rows:
        upto = min(one.last, other.last)
        _compare(found, one.take(upto), other.take(upto))
    for stream, only in ((one, found.only_a), (other, found.only_b)):
        while stream.batch.num_rows:
            only.add_all(stream.take(stream.last)["offset"])
    return found


class _Stream:
    """A stream of batches, to be taken up to an offset. `batch` is what comes next, without rows at the end."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches: Iterator[pa.RecordBatch] = (batch for batch in batches if batch.num_rows)
        self.batch: pa.RecordBatch = next(self._batches, NOTHING)

    @property
    def last(self) -> int:
        """The last offset of `batch`."""
        return int(self.batch["offset"][-1].as_py())

    def take(self, upto: int) -> pa.RecordBatch:
        """What `batch` has up to and with that offset, which may be nothing."""
        count = pc.sum(pc.less_equal(self.batch["offset"], upto)).as_py()
        taken, self.batch = self.batch[:count], self.batch[count:]
        if not self.batch.num_rows:
            self.batch = next(self._batches, NOTHING)
        return taken


def _compare(found: Difference, a: pa.RecordBatch, b: pa.RecordBatch) -> None:
    if not a["offset"].equals(b["offset"]):
        in_b, in_a = pc.is_in(a["offset"], b["offset"]), pc.is_in(b["offset"], a["offset"])
        found.only_a.add_all(a["offset"].filter(pc.invert(in_b)))
        found.only_b.add_all(b["offset"].filter(pc.invert(in_a)))
        a, b = a.filter(in_b), b.filter(in_a)
    found.same += a.num_rows
    if a.equals(b):
        return
    changed = pa.repeat(False, a.num_rows)
    for name in CONTENT:
        differ = _differ(a[name], b[name])
        count = pc.sum(differ, min_count=0).as_py()
        if count:
            found.columns[name] = found.columns.get(name, 0) + count
            changed = pc.or_(changed, differ)
    found.changed.add_all(a["offset"].filter(changed))
    found.same -= pc.sum(changed, min_count=0).as_py()


def _differ(a: pa.Array, b: pa.Array) -> pa.Array:
    """Row by row; null is like null alone."""
    return pc.or_(pc.xor(a.is_null(), b.is_null()), pc.fill_null(pc.not_equal(a, b), False))
