"""Reading tables: what one worker answers for the partitions it owns, and how answers of all workers become one."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from shopnow_streams.errors import StoreClosed
from shopnow_streams.folds.definition import Definition, Key, State
from shopnow_streams.folds.encoding import decoder, encode
from shopnow_streams.folds.windows import EPOCH
from tables.live import LiveTables
from tables.partition import Partition
from tables.rows import Rows
from tables.windowed import WindowedRows

MAX_RANKED_ROWS = 200_000
MAX_WINDOWS = 200_000
"""Looked up for one answer, in each partition."""

_SLICE_ROWS = 500


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of one table: those of `keys`, or else those from `start` on and below `end`, the first `limit` of them or
    (limit 0) all. Of a windowed table: those of `subjects`, each in its windows that are not over by a moment.

    `beside` asks for rows of another table, as of the same moment: by keys or subjects.
    """

    table: str
    keys: list[str] | None = None
    start: str | None = None
    limit: int = 0
    end: str | None = None
    subjects: dict[str, datetime] | None = None
    beside: "Query | None" = None


class PartitionAnswer(msgspec.Struct, frozen=True):
    """One partition's rows, exactly as they stand at `offsets` (next offset by topic), and how far event time was."""

    partition: int
    offsets: dict[str, int]
    rows: list[tuple[str, msgspec.Raw]]
    clock: datetime = EPOCH
    beside: list[tuple[str, msgspec.Raw]] = []


@dataclass(frozen=True)
class Answer(Generic[State]):
    """Rows merged over partitions, in order of key. `offsets` has the next offset by topic and partition.

    `answered` of `of` partitions are in it: where they differ, rows may be missing or too low, and the answer must say
    so to whoever asked. `clock` is the latest moment of any event in it: what "now" is to windows.
    """

    rows: list[tuple[Key, State]]
    offsets: dict[str, dict[int, int]]
    answered: int
    of: int
    clock: datetime
    beside: list[tuple[Key, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every partition answered."""
        return self.answered == self.of


async def answer_locally(live: LiveTables, query: Query) -> list[PartitionAnswer]:
    """This worker's partitions. Raises KeyError for an unknown table, ValueError for a key of the wrong form."""
    tables = [live.definitions[each.table] for each in (query, query.beside) if each is not None]
    answers = []
    for number, owned in list(live.owned.items()):
        if live.owned.get(number) is owned:  # not let go of while another one was read
            with suppress(StoreClosed):  # let go of while it was read: its next owner answers for it
                answers.append(await _answer(owned.partition, tables, query))
    return answers


async def _answer(partition: Partition, tables: Sequence[Definition[Any]], query: Query) -> PartitionAnswer:
    offsets, clock = dict(partition.positions), partition.clock
    beside = [] if query.beside is None else _looked_up(partition, tables[1], query.beside) or []
    definition, rows = tables[0], partition.tables[tables[0].name]
    found = _looked_up(partition, definition, query)
    if found is None:
        start, end = (None if text is None else definition.key_type(text) for text in (query.start, query.end))
        if query.limit:
            found = [(key, encode(state)) for key, state in rows.scan(start, query.limit, end)]
        else:
            found = await _in_slices(rows.encoded(start, end))
    return PartitionAnswer(partition.number, offsets, _sent(found), clock, _sent(beside))


def _sent(rows: list[tuple[Key, bytes]]) -> list[tuple[str, msgspec.Raw]]:
    return [(str(key), msgspec.Raw(row)) for key, row in rows]


def _looked_up(partition: Partition, definition: Definition[Any], query: Query) -> list[tuple[Key, bytes]] | None:
    """The rows of a query by keys or subjects; None where it is by range."""
    rows = partition.tables[definition.name]
    if query.keys is not None:
        return _of_keys(rows, map(definition.key_type, query.keys))
    if query.subjects is not None:
        return _of_keys(rows, _keys_of(rows, query.subjects, partition.clock))
    return None


def _of_keys(rows: Rows[Any], keys: Iterable[Key]) -> list[tuple[Key, bytes]]:
    return [(key, row) for key in keys if (row := rows.get_encoded(key)) is not None]


def _keys_of(rows: Rows[Any], subjects: Mapping[str, datetime], clock: datetime) -> Iterator[Key]:
    if not isinstance(rows, WindowedRows):
        raise ValueError(f"table {rows.definition.name} has no windows")  # noqa: TRY004  (it is the query that is wrong)
    for count, key in enumerate(rows.keys(subjects, clock)):
        if count >= MAX_WINDOWS:
            raise OverflowError(f"more than {MAX_WINDOWS} windows in one partition: ask for fewer rows")
        yield key


async def _in_slices(rows: Iterator[tuple[Key, bytes]]) -> list[tuple[Key, bytes]]:
    found = []
    for row in rows:
        found.append(row)
        if len(found) % _SLICE_ROWS == 0:
            await asyncio.sleep(0)
        if len(found) > MAX_RANKED_ROWS:
            raise OverflowError(f"more than {MAX_RANKED_ROWS} rows in one partition: ask for pages")
    return found


def merge_answers(
    definition: Definition[State],
    answers: Collection[PartitionAnswer],
    partitions: int,
    limit: int = 0,
    beside: Definition[Any] | None = None,
) -> Answer[State]:
    """One answer of many. Where two workers answer for a partition (a rebalance), the one further on counts.

    `beside` is the table of the rows that are beside."""
    best = furthest(answers)
    rows = _merged(definition, [answer.rows for answer in best.values()])
    others = [] if beside is None else _merged(beside, [answer.beside for answer in best.values()])
    return answer_of(best, rows[:limit] if limit else rows, partitions, others)


def _merged(definition: Definition[Any], partials: Iterable[list[tuple[str, msgspec.Raw]]]) -> list[tuple[Key, Any]]:
    decode = decoder(definition.state).decode
    merged: dict[Key, Any] = {}
    for rows in partials:
        for name, raw in rows:
            key, state = definition.key_type(name), decode(raw)
            merged[key] = definition.merge(merged[key], state) if key in merged else state
    return sorted(merged.items())


class Placed(Protocol):
    """What every partition's answer has: its number, and the next offset by topic."""

    @property
    def partition(self) -> int: ...
    @property
    def offsets(self) -> dict[str, int]: ...


class Standing(Placed, Protocol):
    """And how far event time was."""

    @property
    def clock(self) -> datetime: ...


OfPartition = TypeVar("OfPartition", bound=Placed)


def furthest(answers: Iterable[OfPartition]) -> dict[int, OfPartition]:
    """One answer for each partition: where two workers answer for it (a rebalance), the one further on."""
    best: dict[int, OfPartition] = {}
    for answer in answers:
        other = best.get(answer.partition)
        if other is None or sum(answer.offsets.values()) > sum(other.offsets.values()):
            best[answer.partition] = answer
    return best


def answer_of(
    best: Mapping[int, Standing],
    rows: list[tuple[Key, Any]],
    partitions: int,
    beside: Sequence[tuple[Key, Any]] = (),
) -> Answer[Any]:
    """What was made of the answers of these partitions, and where it stands."""
    offsets: dict[str, dict[int, int]] = {}
    for number, answer in sorted(best.items()):
        for topic, offset in answer.offsets.items():
            offsets.setdefault(topic, {})[number] = offset
    clock = max((answer.clock for answer in best.values()), default=EPOCH)
    return Answer(rows, offsets, len(best), partitions, clock, list(beside))
