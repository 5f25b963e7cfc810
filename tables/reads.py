"""Reading tables: what one worker answers for the partitions it owns, and how answers of all workers become one."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

import msgspec

from shopnow_streams.errors import StoreClosed
from shopnow_streams.folds.definition import Definition, Key, State
from shopnow_streams.folds.encoding import decoder, encode
from shopnow_streams.folds.windows import EPOCH
from tables.live import LiveTables
from tables.partition import Partition

MAX_RANKED_ROWS = 200_000
SLICE_ROWS = 500
"""Of many rows so many are read, or looked at, before others have their turn: about a millisecond."""


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of one table: those of `keys`, or else those from `start` on and below `end`, the first `limit` of them or
    (limit 0) all."""

    table: str
    keys: list[str] | None = None
    start: str | None = None
    limit: int = 0
    end: str | None = None


class PartitionAnswer(msgspec.Struct, frozen=True):
    """One partition's rows, exactly as they stand at `offsets` (next offset by topic), and how far event time was: the
    watermark of each topic, and the latest of them."""

    partition: int
    offsets: dict[str, int]
    rows: list[tuple[str, msgspec.Raw]]
    clock: datetime = EPOCH
    watermarks: dict[str, datetime] = {}


@dataclass(frozen=True)
class Answer(Generic[State]):
    """Rows merged over partitions, in order of key. `offsets` has the next offset by topic and partition.

    `answered` of `of` partitions are in it: where they differ, rows may be missing or too low, and the answer must say
    so to whoever asked. `clock` is the latest moment of any event in it: what "now" is to windows. `watermarks` has
    that of each topic by partition.
    """

    rows: list[tuple[Key, State]]
    offsets: dict[str, dict[int, int]]
    answered: int
    of: int
    clock: datetime
    watermarks: dict[str, dict[int, datetime]]

    @property
    def complete(self) -> bool:
        """Whether every partition answered."""
        return self.answered == self.of


async def answer_locally(live: LiveTables, query: Query) -> list[PartitionAnswer]:
    """This worker's partitions. Raises KeyError for an unknown table, ValueError for a key of the wrong form."""
    definition = live.definitions[query.table]
    answers = []
    for number, owned in list(live.owned.items()):
        if live.owned.get(number) is owned:  # not let go of while another one was read
            with suppress(StoreClosed):  # let go of while it was read: its next owner answers for it
                answers.append(await _answer(owned.partition, definition, query))
    return answers


async def _answer(partition: Partition, definition: Definition[Any], query: Query) -> PartitionAnswer:
    rows = partition.tables[definition.name]
    offsets, clock, watermarks = dict(partition.positions), partition.clock, dict(partition.watermarks)
    start, end = (None if text is None else definition.key_type(text) for text in (query.start, query.end))
    if query.keys is None and not query.limit:
        encoded = await _in_slices(rows.encoded(start, end))
    else:
        found: Iterable[tuple[Key, Any]]
        if query.keys is not None:
            keys = [definition.key_type(key) for key in query.keys]
            found = [(key, state) for key in keys if (state := rows.get(key)) is not None]
        else:
            found = rows.scan(start, query.limit, end)
        encoded = [(str(key), msgspec.Raw(encode(state))) for key, state in found]
    return PartitionAnswer(partition.number, offsets, encoded, clock, watermarks)


async def _in_slices(rows: Iterator[tuple[Key, bytes]]) -> list[tuple[str, msgspec.Raw]]:
    found = []
    for key, value in rows:
        found.append((str(key), msgspec.Raw(value)))
        if len(found) % SLICE_ROWS == 0:
            await asyncio.sleep(0)
        if len(found) > MAX_RANKED_ROWS:
            raise OverflowError(f"more than {MAX_RANKED_ROWS} rows in one partition: ask for pages")
    return found


def merge_answers(
    definition: Definition[State], answers: Collection[PartitionAnswer], partitions: int, limit: int = 0
) -> Answer[State]:
    """One answer of many. Where two workers answer for a partition (a rebalance), the one further on counts."""
    best = _best(answers)
    decode = decoder(definition.state).decode
    merged: dict[Key, State] = {}
    for answer in best:
        for name, raw in answer.rows:
            key, state = definition.key_type(name), decode(raw)
            merged[key] = definition.merge(merged[key], state) if key in merged else state
    rows = sorted(merged.items())
    return _standing(best, partitions, rows[:limit] if limit else rows)


async def unmerged_answers(answers: Collection[PartitionAnswer], partitions: int, form: type[State]) -> Answer[State]:
    """Rows as the partitions have them, in no order: a key as often as there are partitions with it.

    `form` may have less fields than the table's state. Others have their turn between slices. Raises
    msgspec.ValidationError for rows of another form.
    """
    best, decode = _best(answers), decoder(form).decode
    rows: list[tuple[Key, State]] = []
    for answer in best:
        for first in range(0, len(answer.rows), SLICE_ROWS):
            rows += [(name, decode(raw)) for name, raw in answer.rows[first : first + SLICE_ROWS]]
            await asyncio.sleep(0)
    return _standing(best, partitions, rows)


def _best(answers: Collection[PartitionAnswer]) -> list[PartitionAnswer]:
    best: dict[int, PartitionAnswer] = {}
    for answer in answers:
        other = best.get(answer.partition)
        if other is None or sum(answer.offsets.values()) > sum(other.offsets.values()):
            best[answer.partition] = answer
    return [answer for _, answer in sorted(best.items())]


def _standing(answers: Collection[PartitionAnswer], partitions: int, rows: list[tuple[Key, State]]) -> Answer[State]:
    offsets: dict[str, dict[int, int]] = {}
    watermarks: dict[str, dict[int, datetime]] = {}
    for answer in answers:
        for topic, offset in answer.offsets.items():
            offsets.setdefault(topic, {})[answer.partition] = offset
        for topic, watermark in answer.watermarks.items():
            watermarks.setdefault(topic, {})[answer.partition] = watermark
    clock = max((answer.clock for answer in answers), default=EPOCH)
    return Answer(rows, offsets, len(answers), partitions, clock, watermarks)
