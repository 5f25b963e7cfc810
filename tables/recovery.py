"""What Faust does with tables at a rebalance, with ours fenced and restored before it looks at them."""

from typing import Any

from faust.tables import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP

from shopnow_streams.topics import Topic


class NothingToRecover(Recovery):
    """Faust's recovery, which resumes the streams; the tables are restored before it is asked."""

    def need_recovery(self) -> bool:
        """Never: it would compare offsets of a changelog that our own flushes move meanwhile."""
        return False


class LiveTableManager(TableManager):
    """Faust's table manager; partitions are fenced and restored before its own recovery looks at them."""

    @property
    def recovery(self) -> Recovery:
        """The recovery of this worker."""
        if self._recovery is None:
            self._recovery = NothingToRecover(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Called by Faust. Its own waits a second for tables that are defined late; ours are there from the start."""
        await self._update_channels()
        await self.recovery.start()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Called by Faust once a rebalance has assigned `assigned`."""
        app: Any = self.app
        numbers = {tp.partition for tp in assigned if tp.topic in set(Topic)}
        await app.live.take_over(numbers, generation_id)
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
