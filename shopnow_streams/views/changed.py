"""What changed since a bookmark, over all workers: which keys, and then their rows, merged as in every view."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
from aiohttp import web

from shopnow_streams.views.bookmark import Bookmark
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, json_response
from shopnow_streams.views.peers import decoded
from shopnow_streams.views.pushed import PUSHED, ResetReason
from shopnow_streams.views.standing import Partitions, standing
from shopnow_streams.views.ticks import Batch
from tables.answer import Answer
from tables.changes import Changes, PartitionChanges
from tables.journal import Mark
from tables.reads import Query

PATH = "/internal/changes"
MAX_KEYS = 20_000
"""More rows than that are sooner read from their resources."""

_READ_KEYS = 500
"""In one question, and in one event: some 100 kB."""

Keys = Mapping[str, set[str]]
"""By table."""


class Question(msgspec.Struct, frozen=True):
    """What changed since these marks, by partition; without them, only where all stands."""

    marks: dict[int, Mark] | None


_decode_question = msgspec.json.Decoder(Question).decode
_decode_changes = msgspec.json.Decoder(list[PartitionChanges]).decode


@dataclass(frozen=True)
class Found:
    """Everything that changed is in `batches`, up to `bookmark`; but where it is `lost`. Of the rows in `lacking` some
    partition is missing yet."""

    bookmark: Bookmark
    partitions: Partitions
    batches: tuple[Batch, ...] = ()
    lacking: Keys = field(default_factory=dict)
    lost: ResetReason | None = None

    @property
    def complete(self) -> bool:
        """Whether every partition answered."""
        return self.partitions.answered == self.partitions.of

    @property
    def standing(self) -> dict[str, Any]:
        """The fields of `Standing`."""
        return {"complete": self.complete, "partitions": self.partitions, "offsets": self.bookmark.offsets}


class Changed:
    """Asks all workers, as `gather` does."""

    def __init__(self, gather: Gather, changes: Changes) -> None:
        self._gather = gather
        self._changes = changes
        self._partitions = gather.at_least.partitions

    @property
    def nothing(self) -> Found:
        """Before the first look."""
        return Found(Bookmark(0, {}), Partitions(0, self._partitions))

    async def here(self) -> Found:
        """Where all partitions stand. From now on what changes is noted."""
        answers = await self.answers(None)
        return Found(_bookmark(answers), Partitions(len(answers), self._partitions))

    async def since(self, bookmark: Bookmark, besides: Keys | None = None) -> Found:
        """The rows that changed since; and those of `besides`, once no partition of theirs is missing."""
        besides = besides or {}
        marks = {number: mark for number, mark in bookmark.marks.items() if number < self._partitions}
        answers = await self.answers(marks)
        partitions = Partitions(len(answers), self._partitions)
        stands = _bookmark(answers)
        bookmark = Bookmark(bookmark.origin if marks else stands.origin, marks)
        keys = {name: set(besides.get(name, ())) for name in PUSHED}
        lost: ResetReason | None = None
        for answer in answers.values():
            if answer.origin != bookmark.origin:
                lost = "unknown"
            elif answer.changed is None:
                lost = lost or "too-old"
            else:
                for name in PUSHED:
                    keys[name].update(answer.changed.get(name, ()))
        if lost or sum(map(len, keys.values())) > MAX_KEYS:
            return Found(stands, partitions, lost=lost or "too-old")
        return await self._read(keys, besides, bookmark.moved(stands.marks), partitions)

    async def _read(self, keys: Keys, besides: Keys, bookmark: Bookmark, partitions: Partitions) -> Found:
        """Their rows. What was read of an owner that is not so far moves the bookmark back."""
        parts = [(name, part) for name, of_table in keys.items() for part in _parts(sorted(of_table))]
        answers = await asyncio.gather(
            *(self._gather.read(Query(PUSHED[name].definition.name, keys=part)) for name, part in parts)
        )
        batches: list[Batch] = []
        lacking: dict[str, set[str]] = {}
        for (name, part), answer in zip(parts, answers, strict=True):
            bookmark = bookmark.at_most(answer.offsets)
            rows = _rows(name, answer)
            if not answer.complete:
                partitions = Partitions(min(partitions.answered, answer.answered), partitions.of)
                lacking.setdefault(name, set()).update(part)
                rows = {key: row for key, row in rows.items() if key not in besides.get(name, ())}
            if rows:
                batches.append(Batch(name, rows, b"," + msgspec.json.encode(standing(answer))[1:]))
        return Found(bookmark, partitions, tuple(batches), lacking)

    async def answers(self, marks: dict[int, Mark] | None) -> dict[int, PartitionChanges]:
        """By partition. Where two workers answer for one (a rebalance), the one further on counts."""
        local = self._changes.since(marks)
        bodies = await self._gather.peers.ask(PATH, msgspec.json.encode(Question(marks)))
        best: dict[int, PartitionChanges] = {}
        remote = decoded(bodies, _decode_changes, "what changed there is not seen")
        for answer in chain(local, *remote):
            other = best.get(answer.partition)
            if other is None or sum(answer.offsets.values()) > sum(other.offsets.values()):
                best[answer.partition] = answer
        return dict(sorted(best.items()))

    async def serve(self, request: web.Request) -> web.Response:
        """This worker's partitions, for another one."""
        try:
            question = _decode_question(await request.read())
        except msgspec.MsgspecError as error:
            raise Problem(400, "Bad Request", f"not a question: {error}") from error
        return json_response(self._changes.since(question.marks))


def _bookmark(answers: Mapping[int, PartitionChanges]) -> Bookmark:
    origin = next((answer.origin for answer in answers.values()), 0)
    return Bookmark(origin, {number: Mark(answer.journal, answer.offsets) for number, answer in answers.items()})


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _READ_KEYS):
        yield keys[start : start + _READ_KEYS]


def _rows(name: str, answer: Answer[Any]) -> dict[str, bytes]:
    show, encode = PUSHED[name].show, msgspec.json.encode
    return {str(key): encode(show(key, state)) for key, state in answer.rows}
