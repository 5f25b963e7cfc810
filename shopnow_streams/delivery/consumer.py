"""Faust's consumer, changed in three places for our own topics.

* Records come from a `Reader`, a batch a partition; aiokafka only keeps the membership of the group.
* Reading starts where the application's state stands (`Progress`), not where the group committed.
* Offsets are committed only by `mark_processed`, after what came of them is durable. Faust's own tracking can
  commit past work in flight (docs/decisions/0002), so nothing of it moves an offset of ours. Since state carries
  its own positions, a commit is for those who watch the group's lag: one that fails is tried again, never fatal.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

import aiokafka
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from shopnow_streams.delivery.reader import Reader
from shopnow_streams.errors import OffsetsLost
from shopnow_streams.logs.logger import get_logger

logger = get_logger(__name__)

RECREATED = (
    "the topic was recreated or cut, and its new records would be taken for the old ones. Give the application a new "
    "SHOPNOW_APPLICATION_ID and SHOPNOW_ARCHIVE to start afresh."
)
EXPIRED = (
    "the topic's retention deleted records that were never processed. Give the application a new "
    "SHOPNOW_APPLICATION_ID to count what is left."
)


LEADER_TOPIC = "-__assignor-__leader"
"""How the name of the topic ends whose owner is Faust's leader."""


class Progress(Protocol):
    """What the application knows of its own progress; the consumer asks it where to read."""

    def next_offset(self, tp: TP) -> int | None:
        """The offset that `tp`'s state needs next; None where nothing of the partition was ever processed."""

    def begin(self, tp: TP, offset: int) -> None:
        """`tp`, of which nothing was processed yet, is read from `offset` on: its first."""


class ReadOffsets(dict[TP, int | None]):
    """Faust's memory of what it handed out, below which it drops records; without one for `topics`.

    It would be the *group's* offset after a rebalance, and would drop batches that are read again on purpose.
    """

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__()
        self._topics = topics

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        if tp.topic not in self._topics:
            super().__setitem__(tp, offset)

    def update(self, offsets: Mapping[TP, int | None]) -> None:  # type: ignore[override]
        """As by `self[tp] = offset` each."""
        for tp, offset in offsets.items():
            self[tp] = offset


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka on its own thread, keeping membership."""

    async def hold(self, tps: Collection[TP]) -> None:
        """Keep aiokafka from fetching these partitions: the reader does. Safe on partitions that were lost."""
        await self.call_thread(self._hold, tps)

    async def _hold(self, tps: Collection[TP]) -> None:
        consumer = self._ensure_consumer()
        consumer.pause(*(aiokafka.TopicPartition(*tp) for tp in tps if tp in consumer.assignment()))

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        ours = {
            aiokafka.TopicPartition(*tp): aiokafka.structs.OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in consumer.assignment()
        }
        try:
            await consumer.commit(ours)
        except (KafkaError, aiokafka.errors.IllegalStateError) as error:
            logger.warning(
                "offsets not committed this time: {error!r}",
                error=error,
                offsets={f"{tp.topic}/{tp.partition}": offset for tp, offset in offsets.items()},
            )
            return False
        return True


class Consumer(driver.Consumer):
    """One worker's consumer in one group. `topics` are read in batches, the rest as Faust does."""

    topics: Collection[str]
    reader: Reader
    progress: Progress
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._processed: dict[TP, int] = {}
        super().__init__(*args, **kwargs)
        self._read_offset = ReadOffsets(self.topics)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def mark_processed(self, offsets: Mapping[TP, int]) -> None:
        """All below these offsets is durable: the group may commit them at its next interval."""
        self._processed.update(offsets)

    async def rewind(self) -> None:
        """Read on from where the application stands. What is in flight belongs to a past epoch and is dropped."""
        assigned = {TP(*tp) for tp in self.assignment()}
        await self.reader.assign(await self._positions({tp for tp in assigned if tp.topic in self.topics}))

    async def _positions(self, tps: Collection[TP]) -> dict[TP, int]:
        if not tps:
            return {}
        earliest = {TP(*tp): offset for tp, offset in (await self.earliest_offsets(*tps)).items()}
        ends = {TP(*tp): offset for tp, offset in (await self.highwaters(*tps)).items()}
        positions = {}
        for tp in tps:
            wanted = self.progress.next_offset(tp)
            if wanted is not None and not earliest[tp] <= wanted <= ends[tp]:
                raise OffsetsLost(
                    f"{tp.topic} partition {tp.partition}: offset {wanted} is needed next, but Kafka has "
                    f"{earliest[tp]} to {ends[tp]}: " + (RECREATED if wanted > ends[tp] else EXPIRED),
                    tp.topic,
                    tp.partition,
                )
            if wanted is None:
                self.progress.begin(tp, earliest[tp])
            positions[tp] = earliest[tp] if wanted is None else wanted
        return positions

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called by Faust after each rebalance, with the state restored."""
        await self._hold({TP(*tp) for tp in self.assignment()})
        committed = await super().seek_to_committed()
        await self.rewind()
        return committed

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Called by Faust when a rebalance has assigned `assigned`."""
        await self._hold(assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _hold(self, tps: Collection[TP]) -> None:
        """Keep aiokafka from fetching what it need not: ours, changelogs, which are restored in bulk, and the topic of
        Faust's leader, which is empty. Else a broker answers no other question of ours for 1.5 s, the fetch's patience.
        """
        await self._thread.hold([tp for tp in tps if self._is_held(tp)])

    def _is_held(self, tp: TP) -> bool:
        tables: Any = self.app.tables
        return tp.topic in self.topics or tp.topic in tables.changelog_topics or tp.topic.endswith(LEADER_TOPIC)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Called by Faust at the start of a rebalance."""
        self._processed.clear()
        await self.reader.assign({})  # what it is about to fetch is perhaps another worker's by now
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Commit what was marked, leave the group, close the reader."""
        await super().on_stop()
        await self.reader.close()

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        active = active_partitions or set()
        others = {tp for tp in active if tp.topic not in self.topics}
        if len(others) == len(active):
            return await super()._getmany(active_partitions, timeout)
        return await self.reader.take()

    def on_buffer_full(self, tp: TP) -> None:
        """Back-pressure on ours is a full queue that the fetcher waits for: a paused partition would lose batches."""
        if tp.topic not in self.topics:
            super().on_buffer_full(tp)

    def ack(self, message: Any) -> bool:
        """Faust acknowledges a delivered batch; for ours that says nothing about its effects."""
        if message.topic not in self.topics:
            return bool(super().ack(message))
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (tp for tp in list(self._processed) if topics is None or tp in topics or tp.topic in topics)
        yield from super()._filter_tps_with_pending_acks(topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._processed.get(tp) if tp.topic in self.topics else super()._new_offset(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        assigned = self.assignment()
        for tp in offsets.keys() - assigned:  # of a flush that ended after a rebalance: the next owner commits them
            self._processed.pop(tp, None)
        offsets = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        before = {tp: self._committed_offset.get(tp) for tp in offsets}
        done = await super()._commit_offsets(offsets, start_new_transaction)
        if not done:  # Faust notes them as committed all the same, and would not try again
            self._committed_offset.update(before)
        return done

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.topics:
            await super()._add_gap(tp, offset_from, offset_to)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock check looks at aiokafka's fetcher, which rests on what is held."""
        if not self._is_held(tp):
            super().verify_event_path(now, tp)


def transport(app: Any, topics: Collection[str], reader: Reader, progress: Progress) -> driver.Transport:
    """Faust's transport for `app`, its consumer reading `topics` through `reader` from where `progress` stands."""

    class BatchConsumer(Consumer):
        pass

    BatchConsumer.topics = topics
    BatchConsumer.reader = reader
    BatchConsumer.progress = progress

    class BatchTransport(driver.Transport):
        Consumer = BatchConsumer

    return BatchTransport([*app.conf.broker], app, loop=app.loop)
