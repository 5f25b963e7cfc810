"""What each product did in spans of time: numbers alone, added up where their rows are.

A ranking of all products looks at a row for each of them and each minute. To send these from worker to worker, each
with its visitors, would cost many times what it costs to add them up.
"""

import asyncio
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec

from shopnow_streams.folds.activity import ACTIVITY, Numbers
from shopnow_streams.folds.windows import SUBJECT
from tables.answer import Answer, answer_of, furthest
from tables.live import LiveTables
from tables.partition import Partition
from tables.reads import of_each_partition

MAX_SUMMED_ROWS = 1_000_000
_SLICE_ROWS = 500
_decode = msgspec.json.Decoder(Numbers).decode


class TotalsQuery(msgspec.Struct, frozen=True):
    """Spans, each by the ranges of keys (from, below) of the rows that lie in it. `fresh`: nothing from before now."""

    spans: tuple[tuple[tuple[str, str], ...], ...]
    fresh: bool = False


class PartitionTotals(msgspec.Struct, frozen=True):
    """One partition's: for each span the numbers of each product, exactly as they stand at `offsets`."""

    partition: int
    offsets: dict[str, int]
    clock: datetime
    spans: list[dict[str, Numbers]]


async def totals_locally(live: LiveTables, query: TotalsQuery) -> list[PartitionTotals]:
    """This worker's partitions. Raises OverflowError above `MAX_SUMMED_ROWS` rows in one."""
    return await of_each_partition(live, lambda partition: _totals(partition, query))


async def _totals(partition: Partition, query: TotalsQuery) -> PartitionTotals:
    rows = partition.tables[ACTIVITY.name]
    offsets, clock = dict(partition.positions), partition.clock
    scans = [[rows.encoded(*bounds) for bounds in span] for span in query.spans]  # all of this moment
    found, left = [], MAX_SUMMED_ROWS
    for span in scans:
        numbers: dict[str, Numbers] = {}
        for scan in span:
            left -= await _add_up(scan, numbers, left)
        found.append(numbers)
    return PartitionTotals(partition.number, offsets, clock, found)


async def _add_up(scan: Iterator[tuple[Any, bytes]], into: dict[str, Numbers], most: int) -> int:
    count = 0
    known = into.get
    for key, row in scan:
        subject, more = key.partition(SUBJECT)[2], _decode(row)
        already = known(subject)
        if already is None:
            into[subject] = more
        else:
            already.add(more)
        count += 1
        if count % _SLICE_ROWS == 0:
            await asyncio.sleep(0)
            if count > most:
                raise OverflowError(f"more than {MAX_SUMMED_ROWS} rows in one partition: ask for a shorter span")
    return count


def merge_totals(answers: Collection[PartitionTotals], partitions: int) -> Answer[Any]:
    """Of all partitions: a row for each product with its numbers in each span."""
    best = furthest(answers)
    rows: dict[int, list[Numbers]] = {}
    for answer in best.values():
        for place, numbers in enumerate(answer.spans):
            for subject, more in numbers.items():
                of_product = rows.get(int(subject))
                if of_product is None:
                    of_product = rows[int(subject)] = [Numbers() for _ in answer.spans]
                of_product[place].add(more)
    return answer_of(best, sorted(rows.items()), partitions)
