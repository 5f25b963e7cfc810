"""Which products are sold out the soonest, of all of them: asked of all workers."""

import math
from functools import partial

from shopnow_streams.folds.stock import STOCK
from shopnow_streams.views.awaited import NOTHING, Awaited
from shopnow_streams.views.estimate import LATELY, estimate, first_window, late
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.question import Question
from shopnow_streams.views.shared import Shared
from tables.live import LiveTables
from tables.reads import Query
from tables.sales import PartitionSales, SalesQuery, merge_sales, sales_locally

PATH = "/internal/sales"


class Sales:
    """What was sold of every product since its newest count; one reading at a time, for all who ask meanwhile."""

    def __init__(self, gather: Gather, live: LiveTables) -> None:
        self._gather = gather
        self.question = Question(gather.peers, PATH, (SalesQuery, PartitionSales), partial(sales_locally, live))
        self._shared: Shared[str, list[int]] = Shared(lambda _: self._soonest(NOTHING))

    async def soonest(self, awaited: Awaited) -> list[int]:
        """All products with a count, what is sold out the soonest first, then those that do not sell; by id where it is
        the same. Raises Problem for more rows than can be added up."""
        return await (self._soonest(awaited) if awaited.offsets else self._shared.get(""))

    async def _soonest(self, awaited: Awaited) -> list[int]:
        counted = await self._gather.read(Query(STOCK.name), awaited)
        clock = counted.clock
        firsts = {int(key): first_window(level.counted_at, clock) for key, level in counted.rows}
        since = {str(product): first or "~" for product, first in firsts.items()}
        sold = merge_sales(await self.question.ask(SalesQuery(since, late(clock)))) if since else {}
        nothing = [0] * (1 + len(LATELY))
        ranked = []
        for key, level in counted.rows:
            product = int(key)
            found = estimate(level.units, firsts[product], sold.get(product, nothing), clock).hours_until_out
            ranked.append((math.inf if found is None else found, product))
        return [product for _, product in sorted(ranked)]
