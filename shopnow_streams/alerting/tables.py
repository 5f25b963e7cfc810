"""The tables of all workers for the alerts: asked as views ask them, and scanned without reading a row twice."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from shopnow_streams.folds.definition import Definition
from shopnow_streams.views.changed import Changed
from shopnow_streams.views.gather import PATH, Gather
from shopnow_streams.views.peers import decoded
from tables.answer import Answer, PartitionAnswer, merge_answers
from tables.live import LiveTables
from tables.reads import Query, answer_locally

_decode = msgspec.json.Decoder(list[PartitionAnswer]).decode


class GatheredTables:
    """See `shop.Tables`."""

    def __init__(self, live: LiveTables, changed: Changed, gather: Gather) -> None:
        self.answers, self.read = changed.answers, gather.read
        self._live, self._gather = live, gather

    async def page(self, query: Query) -> Answer[Any]:
        """The next rows from `start` on, `limit` of each partition at most; none at the end.

        A view's page is the first `limit` rows of all, and leaves most of what each partition gave to be read again.
        """
        definition = self._live.definitions[query.table]
        bodies = await self._gather.peers.ask(PATH, msgspec.json.encode(query))
        remote = chain(*decoded(bodies, _decode, "not all can be judged"))
        answers = [*await answer_locally(self._live, query), *remote]
        trimmed = list(_trimmed(definition, answers, query.limit))
        return merge_answers(definition, trimmed, self._gather.at_least.partitions)


def _trimmed(definition: Definition[Any], answers: list[PartitionAnswer], limit: int) -> Iterator[PartitionAnswer]:
    """Up to the key that all partitions have told of: above it one that gave all it may has more rows."""
    kind: Any = definition.key_type
    known = min((kind(answer.rows[-1][0]) for answer in answers if len(answer.rows) == limit), default=None)
    for answer in answers:
        rows = answer.rows if known is None else [row for row in answer.rows if kind(row[0]) <= known]
        yield msgspec.structs.replace(answer, rows=rows)
