"""One answer of many: what each partition said, as one."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from shopnow_streams.folds.definition import Definition, Key, State
from shopnow_streams.folds.encoding import decoder
from shopnow_streams.folds.windows import EPOCH

SLICE_ROWS = 500
"""Of many rows so many are read, or looked at, before others have their turn: about a millisecond."""


class PartitionAnswer(msgspec.Struct, frozen=True):
    """One partition's rows, exactly as they stand at `offsets` (next offset by topic), and how far event time was: the
    watermark of each topic, and the latest of them. `beside` are the rows of the query's other table."""

    partition: int
    offsets: dict[str, int]
    rows: list[tuple[str, msgspec.Raw]]
    clock: datetime = EPOCH
    watermarks: dict[str, datetime] = {}
    beside: list[tuple[str, msgspec.Raw]] = []


@dataclass(frozen=True)
class Answer(Generic[State]):
    """Rows merged over partitions, in order of key. `offsets` has the next offset by topic and partition.

    `answered` of `of` partitions are in it: where they differ, rows may be missing or too low, and the answer must say
    so to whoever asked. `clock` is the latest moment of any event in it: what "now" is to windows. `watermarks` has
    that of each topic by partition. `beside` are the rows of the query's other table.
    """

    rows: list[tuple[Key, State]]
    offsets: dict[str, dict[int, int]]
    answered: int
    of: int
    clock: datetime = EPOCH
    watermarks: dict[str, dict[int, datetime]] = field(default_factory=dict)
    beside: list[tuple[Key, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every partition answered."""
        return self.answered == self.of


def merge_answers(
    definition: Definition[State],
    answers: Collection[PartitionAnswer],
    partitions: int,
    limit: int = 0,
    beside: Definition[Any] | None = None,
) -> Answer[State]:
    """One answer of many. Where two workers answer for a partition (a rebalance), the one further on counts.

    `beside` is the table of the rows that are beside.
    """
    best = furthest(answers)
    rows = _merged(definition, [answer.rows for answer in best.values()])
    others = [] if beside is None else _merged(beside, [answer.beside for answer in best.values()])
    return answer_of(best, rows[:limit] if limit else rows, partitions, others)


async def unmerged_answers(answers: Collection[PartitionAnswer], partitions: int, form: type[State]) -> Answer[State]:
    """Rows as the partitions have them, in no order: a key as often as there are partitions with it.

    `form` may have less fields than the table's state. Others have their turn between slices. Raises
    msgspec.ValidationError for rows of another form.
    """
    best, decode = furthest(answers), decoder(form).decode
    rows: list[tuple[Key, State]] = []
    for answer in best.values():
        for first in range(0, len(answer.rows), SLICE_ROWS):
            rows += [(name, decode(raw)) for name, raw in answer.rows[first : first + SLICE_ROWS]]
            await asyncio.sleep(0)
    return answer_of(best, rows, partitions)


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
    """One answer for each partition, in order of number: where two workers answer for it (a rebalance), the one
    further on."""
    best: dict[int, OfPartition] = {}
    for answer in answers:
        other = best.get(answer.partition)
        if other is None or sum(answer.offsets.values()) > sum(other.offsets.values()):
            best[answer.partition] = answer
    return dict(sorted(best.items()))


def answer_of(
    best: Mapping[int, Standing], rows: list[tuple[Key, Any]], partitions: int, beside: Sequence[tuple[Key, Any]] = ()
) -> Answer[Any]:
    """What was made of the answers of these partitions, and where it stands."""
    offsets: dict[str, dict[int, int]] = {}
    watermarks: dict[str, dict[int, datetime]] = {}
    for number, answer in best.items():
        for topic, offset in answer.offsets.items():
            offsets.setdefault(topic, {})[number] = offset
        if isinstance(answer, PartitionAnswer):
            for topic, watermark in answer.watermarks.items():
                watermarks.setdefault(topic, {})[number] = watermark
    clock = max((answer.clock for answer in best.values()), default=EPOCH)
    return Answer(rows, offsets, len(best), partitions, clock, watermarks, list(beside))
