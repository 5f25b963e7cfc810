"""What the tables of all workers say, for rules: whole, and not older than what was judged before, or not at all."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Protocol

from shopnow_streams.alerts.covered import reaches
from shopnow_streams.alerts.transition import Offsets
from shopnow_streams.folds.definition import Definition
from shopnow_streams.topics import Topic
from tables.answer import Answer
from tables.changes import PartitionChanges
from tables.journal import Mark
from tables.reads import Query

PAGE_ROWS = 500
"""Of each partition."""

READ_KEYS = 500


class NotNow(Exception):
    """The facts can't be had just now: a partition is missing, or stands below what was judged already."""


class Tables(Protocol):
    """The tables of all workers, asked as views ask them."""

    async def answers(self, marks: dict[int, Mark] | None) -> dict[int, PartitionChanges]:
        """What changed in each partition since its mark."""

    async def read(self, query: Query) -> Answer[Any]:
        """Rows, merged over partitions."""

    async def page(self, query: Query) -> Answer[Any]:
        """The next rows from `start` on, merged; none at the end."""


class Shop:
    """`standing` is where all partitions stood at the last `look`; what is read stands there or above."""

    def __init__(self, tables: Tables, partitions: int) -> None:
        self.standing: Offsets = {}
        self.origin = 0
        self._tables, self._partitions = tables, partitions
        self._marks: dict[int, Mark] | None = None
        self._answers: dict[int, PartitionChanges] = {}

    async def look(self) -> None:
        """Where all stands now. Raises NotNow where a partition does not answer."""
        answers = await self._tables.answers(self._marks)
        if len(answers) < self._partitions:
            raise NotNow(f"{len(answers)} of {self._partitions} partitions answer")
        origin = next(iter(answers.values())).origin
        if origin != self.origin:
            self.origin, self._marks = origin, None
        self._answers, self.standing = answers, _standing(answers)

    @property
    def lost(self) -> bool:
        """Whether it is not known what changed: everything has to be read."""
        return self._marks is None or any(answer.changed is None for answer in self._answers.values())

    def seen(self) -> None:
        """All that changed up to the last look was read."""
        self._marks = {number: Mark(answer.journal, answer.offsets) for number, answer in self._answers.items()}

    def forget(self) -> None:
        """All has to be read again."""
        self._marks = None

    def changed(self, definition: Definition[Any]) -> list[str]:
        """Keys of the rows that changed between what was seen and the last look."""
        found: set[str] = set()
        for answer in self._answers.values():
            found.update((answer.changed or {}).get(definition.name, ()))
        return sorted(found)

    async def everything(self, definition: Definition[Any]) -> AsyncIterator[Answer[Any]]:
        """All rows, in pages. Raises NotNow."""
        start = None if definition.key_type is str else "0"
        while True:
            query = Query(definition.name, start=start, limit=PAGE_ROWS)
            page = self._whole(query, await self._tables.page(query))
            if not page.rows:
                return
            yield page
            last = page.rows[-1][0]
            start = f"{last}\0" if isinstance(last, str) else str(last + 1)

    async def rows(self, definition: Definition[Any], keys: list[str]) -> AsyncIterator[Answer[Any]]:
        """The rows of these keys, in parts, each as of one moment. Raises NotNow."""
        for part in _parts(keys):
            yield await self.read(Query(definition.name, keys=part))

    async def read(self, query: Query) -> Answer[Any]:
        """The merged rows. Raises NotNow where a partition is missing, or stands below the last look."""
        return self._whole(query, await self._tables.read(query))

    def _whole(self, query: Query, answer: Answer[Any]) -> Answer[Any]:
        if not answer.complete or not reaches(answer.offsets, self.standing):
            raise NotNow(f"not all of {query.table} could be read")
        return answer


def of_topics(offsets: Mapping[str, dict[int, int]], *topics: Topic) -> Offsets:
    """Those of these topics."""
    return {str(topic): dict(offsets[topic]) for topic in topics if topic in offsets}


def _standing(answers: Mapping[int, PartitionChanges]) -> Offsets:
    standing: Offsets = {}
    for number, answer in answers.items():
        for topic, offset in answer.offsets.items():
            standing.setdefault(topic, {})[number] = offset
    return standing


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), READ_KEYS):
        yield keys[start : start + READ_KEYS]
