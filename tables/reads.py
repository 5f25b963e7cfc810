"""Reading tables: what one worker answers for the partitions it owns."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from shopnow_streams.errors import StoreClosed
from shopnow_streams.folds.definition import Definition, Key
from shopnow_streams.folds.encoding import encode
from tables.answer import SLICE_ROWS, PartitionAnswer
from tables.live import LiveTables
from tables.partition import Partition
from tables.rows import Rows
from tables.windowed import WindowedRows

Answered = TypeVar("Answered")

MAX_RANKED_ROWS = 200_000
MAX_WINDOWS = 200_000
"""Looked up for one answer, in each partition."""


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


async def of_each_partition(live: LiveTables, answer: Callable[[Partition], Awaitable[Answered]]) -> list[Answered]:
    """What `answer` says of each partition of this worker. One that is let go of meanwhile is left out: its next owner
    answers for it."""
    answers = []
    for number, owned in list(live.owned.items()):
        if live.owned.get(number) is owned:  # not let go of while another one was read
            with suppress(StoreClosed):  # let go of while it was read
                answers.append(await answer(owned.partition))
        await asyncio.sleep(0)  # each is of one instant, and may be long
    return answers


async def answer_locally(live: LiveTables, query: Query) -> list[PartitionAnswer]:
    """This worker's partitions. Raises KeyError for an unknown table, ValueError for a key of the wrong form."""
    tables = [live.definitions[each.table] for each in (query, query.beside) if each is not None]
    return await of_each_partition(live, lambda partition: _answer(partition, tables, query))


async def _answer(partition: Partition, tables: Sequence[Definition[Any]], query: Query) -> PartitionAnswer:
    offsets, clock, watermarks = dict(partition.positions), partition.clock, dict(partition.watermarks)
    beside = [] if query.beside is None else _looked_up(partition, tables[1], query.beside) or []
    definition, rows = tables[0], partition.tables[tables[0].name]
    found = _looked_up(partition, definition, query)
    if found is None:
        start, end = (None if text is None else definition.key_type(text) for text in (query.start, query.end))
        if query.limit:
            found = [(key, encode(state)) for key, state in rows.scan(start, query.limit, end)]
        else:
            found = await _in_slices(rows.encoded(start, end))
    return PartitionAnswer(partition.number, offsets, _sent(found), clock, watermarks, _sent(beside))


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
    for count, key in enumerate(rows.keys_of(subjects, clock)):
        if count >= MAX_WINDOWS:
            raise OverflowError(f"more than {MAX_WINDOWS} windows in one partition: ask for fewer rows")
        yield key


async def _in_slices(rows: Iterator[tuple[Key, bytes]]) -> list[tuple[Key, bytes]]:
    found = []
    for row in rows:
        found.append(row)
        if len(found) % SLICE_ROWS == 0:
            await asyncio.sleep(0)
        if len(found) > MAX_RANKED_ROWS:
            raise OverflowError(f"more than {MAX_RANKED_ROWS} rows in one partition: ask for pages")
    return found
