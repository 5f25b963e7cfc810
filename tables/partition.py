"""One partition number, for all topics and all tables: the unit that is owned, folded, cut and restored.

Its state is always exactly the fold of every record below `positions`, of each topic. That is the whole proof:
a cut holds rows and positions of one instant and is written in one transaction, so whoever restores the partition
stands at an exact point of each topic and reads on from there. Rows need no offsets of their own. How far event time
has come is part of that state: the watermark of each topic, and the moment at which each windowed table stands.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import msgspec

from shopnow_streams.delivery.batch import Batch, Record
from shopnow_streams.errors import DeliveryGap, OffsetsLost, TablesChanged
from shopnow_streams.events import NOT_AN_EVENT, Event, decoder, rejection
from shopnow_streams.folds.definition import Definition, Flow
from shopnow_streams.folds.late import LATE, Late, LateEvent, misdated
from shopnow_streams.folds.rejections import REJECTIONS, Rejections, rejected
from shopnow_streams.folds.watermark import STANDARD, EventTime, progress
from shopnow_streams.folds.windows import EPOCH
from shopnow_streams.topics import Topic
from tables.cut import POSITIONS, Cut, Reject
from tables.journal import Journal
from tables.proof import Proof, read_proof
from tables.rows import Rows
from tables.store import PartitionStore
from tables.windowed import WindowedRows

_NOT_AN_EVENT = (*NOT_AN_EVENT, TypeError)  # the last one where a record has no value


class Partition:
    """The state of partition `number`. The event loop's alone, but for `store`, which one flush at a time writes."""

    def __init__(
        self, number: int, definitions: Iterable[Definition[Any]], store: PartitionStore, rules: EventTime = STANDARD
    ) -> None:
        self.number = number
        self.store = store
        self.rules = rules
        self._proof = read_proof(store)
        self.positions = self._proof.positions
        self.watermarks = self._proof.watermarks
        self.tables = {definition.name: _rows(definition, store, self._proof) for definition in definitions}
        self._versions = {rows.definition.name: rows.definition.version for rows in self.tables.values()}
        self._versions |= self.rules.versions
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.misdated: Counter[tuple[str, str]] = Counter()
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
            if topic in self.positions and self._proof.sources.get(topic, topic_id) != topic_id:
                raise OffsetsLost(
                    f"{topic} partition {self.number}: the topic was deleted and made anew; the tables stand at "
                    f"{self.positions[topic]} of the one before. Give the application a new SHOPNOW_APPLICATION_ID and "
                    "SHOPNOW_ARCHIVE to start afresh.",
                    topic,
                    self.number,
                )
        self._proof.sources = dict(ids)
        self._proof.versions = self._versions

    def _compare_versions(self) -> None:
        before = self._proof.versions
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
            events, records = self._decode(topic, batch.records)
            on_time = self._on_time(topic, events, records)
            for rows, flow in self._flows[topic]:
                rows.fold(flow, events if rows.definition.windows is None else on_time)
        except BaseException:
            self._whole = False
            raise
        self.positions[topic] = batch.next_offset
        self.accepted[topic] += len(events)

    def _decode(self, topic: str, records: Sequence[Record]) -> tuple[list[Event], Sequence[Record]]:
        """The events, and the records that they are of."""
        decode: Any = decoder(topic).decode
        try:
            return [decode(record.value()) for record in records], records
        except _NOT_AN_EVENT:
            return self._decode_each(topic, records)

    def _decode_each(self, topic: str, records: Sequence[Record]) -> tuple[list[Event], Sequence[Record]]:
        decode: Any = decoder(topic).decode
        events, of = [], []
        for record in records:
            try:
                events.append(decode(record.value()))
            except _NOT_AN_EVENT as error:
                self._reject(topic, record, error)
            else:
                of.append(record)
        return events, of

    def _on_time(self, topic: str, events: list[Event], records: Sequence[Record]) -> list[Event]:
        """Those that are for windows; the topic's watermark comes with them, and the others are named in `late`."""
        if not events:
            return events
        moments = [event.timestamp for event in events]
        stamps_ms = [record.timestamp()[1] for record in records]
        before = self.watermarks.get(topic, self.rules.beginning)
        self.watermarks[topic], apart = progress(self.rules, before, moments, stamps_ms)
        if not apart:
            return events
        rows: Rows[Late] = self.tables[LATE.name]
        for place, ahead in apart:
            event = LateEvent(stamps_ms[place], self.number, records[place].offset(), moments[place], ahead)
            rows.change(topic, lambda state, event=event: misdated(state, event))  # type: ignore[misc]
            self.misdated[topic, "ahead" if ahead else "late"] += 1
        places = {place for place, _ in apart}
        return [event for place, event in enumerate(events) if place not in places]

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
    def clock(self) -> datetime:
        """The latest moment that any event of the partition had: event time is that far. 1970 before the first."""
        return max(self.watermarks.values(), default=EPOCH)

    @property
    def stands(self) -> dict[str, datetime]:
        """The moment that each windowed table stands at, as its rows are now."""
        return {name: rows.stands for name, rows in self.tables.items() if isinstance(rows, WindowedRows)}

    @property
    def moved(self) -> Counter[tuple[str, str]]:
        """Rows of windows since the start that were merged into longer ones or forgotten, by table and which of it."""
        windowed = [(name, rows) for name, rows in self.tables.items() if isinstance(rows, WindowedRows)]
        found = {(name, "longer"): rows.moved for name, rows in windowed}
        return Counter(found | {(name, "forgotten"): rows.forgotten for name, rows in windowed})

    @property
    def origin(self) -> int:
        """The same for all partitions whose offsets are of the same topics, folded by the same rules."""
        return crc32(msgspec.json.encode((self._proof.sources, self._versions), order="sorted"))

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

        Moves what is due in windows first. Encodes all changed rows at once (about 1 µs each), so that rows and
        positions are of one instant.
        """
        if not self._whole or self.positions == self._cut_at:
            return None
        for rows in self.tables.values():
            if isinstance(rows, WindowedRows):
                rows.advance(self.clock)
        positions = dict(self.positions)
        self._proof.stands = self.stands
        changed = {name: rows.cut() for name, rows in self.tables.items()}
        changed[POSITIONS] = self._proof.rows()
        rejects, self._rejects = self._rejects, []
        self._cut_at = positions
        return Cut(self.number, changed, positions, rejects)

    def settle(self, keep_rows: int) -> None:
        """The last cut is durable."""
        for rows in self.tables.values():
            rows.settle(keep_rows)


def _rows(definition: Definition[Any], store: PartitionStore, proof: Proof) -> Rows[Any]:
    if definition.windows is None:
        return Rows(definition, store)
    stands, newest = proof.stands.get(definition.name, EPOCH), max(proof.watermarks.values(), default=EPOCH)
    return WindowedRows(definition, definition.windows, store, stands, newest)
