"""How many units of each product were sold: since it was counted, and of late. Added up where the rows are."""

import asyncio
from collections.abc import Collection

import msgspec

from shopnow_streams.folds.activity import ACTIVITY, WINDOWS
from shopnow_streams.folds.windows import subject_of, window_of
from tables import totals
from tables.answer import furthest
from tables.live import LiveTables
from tables.partition import Partition
from tables.reads import of_each_partition

_SLICE_ROWS = 500


class SalesQuery(msgspec.Struct, frozen=True):
    """For each product the first window after it was counted, and the first of each time of late: by their names, of
    whatever length (`2025-11-28T10:31`, `2025-11-28`)."""

    since: dict[str, str]
    late: tuple[str, ...]


class PartitionSales(msgspec.Struct, frozen=True):
    """One partition's: for each product with any the units since then, then those of each time of late."""

    partition: int
    offsets: dict[str, int]
    sold: dict[str, list[int]]


class _Units(msgspec.Struct, gc=False):
    units_sold: int = 0


_decode = msgspec.json.Decoder(_Units).decode


async def sales_locally(live: LiveTables, query: SalesQuery) -> list[PartitionSales]:
    """This worker's partitions. Raises OverflowError for more rows than can be added up in one."""
    return await of_each_partition(live, lambda partition: _sales(partition, query))


async def _sales(partition: Partition, query: SalesQuery) -> PartitionSales:
    rows = partition.tables[ACTIVITY.name]
    offsets, oldest = dict(partition.positions), min([*query.since.values(), *query.late])
    scans = [rows.encoded(level.length.mark + oldest, level.length.after) for level in WINDOWS.levels]
    sold: dict[str, list[int]] = {}
    count = 0
    for scan in scans:
        for name, row in scan:
            count += 1
            if count % _SLICE_ROWS == 0:
                await asyncio.sleep(0)
                if count > totals.MAX_SUMMED_ROWS:
                    raise OverflowError(f"more than {totals.MAX_SUMMED_ROWS} rows in one partition: ask for pages")
            units = _decode(row).units_sold
            key, subject = str(name), subject_of(str(name))
            since = query.since.get(subject)
            if units and since is not None:
                window, of_product = window_of(key), sold.get(subject)
                if of_product is None:
                    of_product = sold[subject] = [0] * (1 + len(query.late))
                for place, first in enumerate((since, *query.late)):
                    if window >= first:
                        of_product[place] += units
    return PartitionSales(partition.number, offsets, sold)


def merge_sales(answers: Collection[PartitionSales]) -> dict[int, list[int]]:
    """Of all partitions."""
    found: dict[int, list[int]] = {}
    for answer in furthest(answers).values():
        for subject, units in answer.sold.items():
            before = found.get(int(subject)) or [0] * len(units)
            found[int(subject)] = [one + more for one, more in zip(before, units, strict=True)]
    return found
