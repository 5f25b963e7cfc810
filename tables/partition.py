"""One partition number, for all topics and all tables: the unit that is owned, folded, cut and restored.

Its state is always exactly the fold of every record below `positions`, of each topic. That is the whole proof:
a cut holds rows and positions of one instant and is written in one transaction, so whoever restores the partition
stands at an exact point of each topic and reads on from there. Rows need no offsets of their own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec

from shopnow_streams.delivery.batch import Batch, Record
from shopnow_streams.errors import DeliveryGap, OffsetsLost, TablesChanged
from shopnow_streams.events import NOT_AN_EVENT, Event, decoder, rejection
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.folds.rejections import REJECTIONS, Rejections, rejected
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS, Cut, Reject
from tables.journal import Journal
from tables.rows import Rows
from tables.store import PartitionStore, prefix

_NOT_AN_EVENT = (*NOT_AN_EVENT, TypeError)  # the last one where a record has no value


_SOURCE = "source:"
"""What the keys of topics' ids begin with, among the positions: no topic's name can hold a colon."""

_TABLES = "tables:"
"""The key of which tables, and which versions of them, the rows were folded by."""


class Partition:
    """The state of partition `number`. The event loop's alone, but for `store`, which one flush at a time writes."""

    def __init__(self, number: int, definitions: Iterable[Definition[Any]], store: PartitionStore) -> None:
        self.number = number
        self.store = store
        self.tables = {definition.name: Rows(definition, store) for definition in definitions}
        stored = {key.decode(): value for key, value in store.scan(prefix(POSITIONS))}
        self.positions = {key: int(value) for key, value in stored.items() if ":" not in key}
        self._sources = {
            key.removeprefix(_SOURCE): value.decode() for key, value in stored.items() if key.startswith(_SOURCE)
        }
        self._sources_cut = self._sources
        self._versions = {rows.definition.name: rows.definition.version for rows in self.tables.values()}
        # rows of before this was noted are of the tables that there were then, all still at their first version
        self._versions_cut = msgspec.json.decode(stored[_TABLES]) if _TABLES in stored else {}
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.journal: Journal | None = None
        self._rejects: list[Reject] = []
        self._whole = True
        self._cut_at = dict(self.positions)
        self._flows: dict[str, list[tuple[Rows[Any], Flow[Any]]]] = {
            topic: [
                (rows, flow) for rows in self.tables.values() for flow in rows.definition.flows if flow.topic == topic
            ]
            for topic in Topic
        }

    def recognise(self, ids: Mapping[str, str]) -> None:
        """Note the ids that Kafka gives the topics which are read.

        Raises OffsetsLost where one was made anew since the last cut: the offsets that the tables stand at would be of
        other records, and what lies below them would be missing. Raises TablesChanged where the rows were folded by
        other tables: a new one would lack all that lies below the positions, and never say so.
        """
        self._compare_versions()
        for topic, topic_id in ids.items():
            if topic in self.positions and self._sources.get(topic, topic_id) != topic_id:
                raise OffsetsLost(
                    f"{topic} partition {self.number}: the topic was deleted and made anew; the tables stand at "
                    f"{self.positions[topic]} of the one before. Give the application a new SHOPNOW_APPLICATION_ID and "
                    "SHOPNOW_ARCHIVE to start afresh.",
                    topic,
                    self.number,
                )
        self._sources = dict(ids)

    def _compare_versions(self) -> None:
        before = self._versions_cut
        other = [name for name, version in self._versions.items() if before.get(name) != version]
        if before and other and self.positions:
            raise TablesChanged(
                f"partition {self.number}: below the offsets it stands at, {', '.join(other)} did not exist or had "
                "other rules. Stop all workers and run `shopnow rebuild --replace`, which makes all tables again from "
                "the archive; or give the application a new SHOPNOW_APPLICATION_ID, to fold what Kafka still has.",
                partition=self.number,
            )

    def begin(self, topic: str, offset: int) -> None:
        """Stand at `offset`, the first one of a topic of which nothing was folded yet."""
        self.positions.setdefault(topic, offset)

    def apply(self, batch: Batch) -> None:
        """Fold a batch. Raises DeliveryGap, with nothing changed, where it is not the next one of its topic."""
        topic = batch.topic
        stands = self.positions.get(topic)
        if batch.start != stands:
            raise DeliveryGap(
                f"{topic} partition {self.number}: a batch begins at {batch.start}, the tables stand at {stands}",
                topic=topic,
                partition=self.number,
                offset=batch.start,
            )
        try:
            events = self._decode(topic, batch.records)
            for rows, flow in self._flows[topic]:
                rows.fold(flow, events)
        except BaseException:
            self._whole = False
            raise
        self.positions[topic] = batch.next_offset
        self.accepted[topic] += len(events)

    def _decode(self, topic: str, records: Sequence[Record]) -> list[Event]:
        decode: Any = decoder(topic).decode
        try:
            return [decode(record.value()) for record in records]
        except _NOT_AN_EVENT:
            return self._decode_each(topic, records)

    def _decode_each(self, topic: str, records: Sequence[Record]) -> list[Event]:
        decode: Any = decoder(topic).decode
        events = []
        for record in records:
            try:
                events.append(decode(record.value()))
            except _NOT_AN_EVENT as error:
                self._reject(topic, record, error)
        return events

    def _reject(self, topic: str, record: Record, error: Exception) -> None:
        reason, detail = rejection(record.value(), error)
        self.refused[topic, reason] += 1
        self._rejects.append(Reject(topic, record.offset(), record.key(), record.value(), reason, detail))
        rows: Rows[Rejections] = self.tables[REJECTIONS.name]
        rows.change(topic, lambda state: rejected(state, reason))

    @property
    def pending(self) -> int:
        """How much the next cut would write: rows changed and rejects, not counting positions."""
        return sum(len(rows.changed) for rows in self.tables.values()) + len(self._rejects)

    @property
    def origin(self) -> int:
        """The same for all partitions whose offsets are of the same topics, folded by the same rules."""
        return crc32(msgspec.json.encode((self._sources, self._versions), order="sorted"))

    def watch(self, journal: Journal | None) -> None:
        """Keep the keys that change from now on for `journal`; None: no more."""
        self.journal = journal
        for rows in self.tables.values():
            rows.watched = None if journal is None else set()

    def note(self) -> None:
        """Tell the journal, where there is one, what changed since the last time."""
        if self.journal is None:
            return
        changed = {name: rows.watched for name, rows in self.tables.items() if rows.watched}
        self.journal.note(changed, self.positions)
        for name in changed:
            self.tables[name].watched = set()

    def cut(self) -> Cut | None:
        """Everything since the last cut, as of now; None where nothing moved. `settle` before the next one.

        None for ever once a fold raised half way through a batch: the next owner folds all since the last cut again.

        Encodes all changed rows at once (about 1 µs each), so that rows and positions are of one instant.
        """
        if not self._whole or self.positions == self._cut_at:
            return None
        positions = dict(self.positions)
        changed = {name: rows.cut() for name, rows in self.tables.items()}
        changed[POSITIONS] = [(topic.encode(), b"%d" % offset) for topic, offset in positions.items()]
        if self._sources_cut != self._sources:
            changed[POSITIONS] += [(f"{_SOURCE}{topic}".encode(), one.encode()) for topic, one in self._sources.items()]
            self._sources_cut = self._sources
        if self._versions_cut != self._versions:
            changed[POSITIONS].append((_TABLES.encode(), msgspec.json.encode(self._versions)))
            self._versions_cut = self._versions
        rejects, self._rejects = self._rejects, []
        self._cut_at = positions
        return Cut(self.number, changed, positions, rejects)

    def settle(self, keep_rows: int) -> None:
        """The last cut is durable."""
        for rows in self.tables.values():
            rows.settle(keep_rows)
