"""Whatever happens between two workers, a client that does as it is told ends with the rows that there are."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.events import Event
from shopnow_streams.folds import TABLES
from shopnow_streams.topics import Topic
from shopnow_streams.views import changed, gather
from shopnow_streams.views.awaited import Offsets
from shopnow_streams.views.changed import Changed, Question
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.hub import Hub
from shopnow_streams.views.pushed import PUSHED
from shopnow_streams.views.ticks import Choice, Log
from tables.changes import Changes
from tables.live import LiveTables, LiveTablesConfig, Owned
from tables.partition import Partition
from tables.reads import Query, answer_locally
from tests.fakes import FakeWriter, apply, batch_of, settle
from tests.unit.folds.strategies import event_of
from tests.unit.views.listener import parsed

PARTITIONS = 2
WORKERS = 2
READERS = 2
NEVER_S = 1e6
"""Until a hub looks by itself."""

ALL = Choice(frozenset(PUSHED))


class Store:
    """A partition's store, in memory: quick to make."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def get(self, table: bytes, key: bytes) -> bytes | None:
        return self._rows.get(table + key)

    def scan(self, table: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        found = [key for key in sorted(self._rows) if key.startswith(table) and key >= table + start]
        return iter([(key[len(table) :], self._rows[key]) for key in found])

    def write(self, rows: dict[bytes, list[tuple[bytes, bytes]]], _ends: dict[str, int]) -> None:
        self._rows.update({table + key: value for table, changed in rows.items() for key, value in changed})


@dataclass(eq=False)
class Open:
    """A stream that is never woken: it asks."""

    choice: Choice = ALL
    place: int = 0
    told: str | None = None
    dropped: Any = None
    due: bool = False

    def look(self, _end: int) -> None:
        pass

    def drop(self, reason: str) -> None:
        self.dropped = reason


class Peers:
    """The other workers, in this process; a silent one does not answer."""

    def __init__(self, fleet: "Fleet", number: int) -> None:
        self._fleet, self._number = fleet, number

    async def ask(self, path: str, body: bytes = b"") -> dict[str, bytes]:
        answers = {}
        for number, live in enumerate(self._fleet.lives):
            if number != self._number and number not in self._fleet.silent:
                if path == changed.PATH:
                    marks = msgspec.json.decode(body, type=Question).marks
                    answer: Any = self._fleet.changes[number].since(marks)
                else:
                    assert path == gather.PATH
                    answer = await answer_locally(live, msgspec.json.decode(body, type=Query))
                answers[str(number)] = msgspec.json.encode(answer)
        return answers


class Fleet:
    """Workers, the log of each topic's partition, and who owns what."""

    def __init__(self) -> None:
        self.stores = [Store() for _ in range(PARTITIONS)]
        self.log: dict[tuple[str, int], list[Event]] = defaultdict(list)
        self.silent: set[int] = set()
        self.lives = [LiveTables(LiveTablesConfig("shop", Path(), {}), TABLES) for _ in range(WORKERS)]
        self.changes = [Changes(live) for live in self.lives]
        self.gathers = [Gather(Peers(self, number), live, PARTITIONS) for number, live in enumerate(self.lives)]  # type: ignore[arg-type]
        self.hubs = [
            Hub(Changed(gather, changes), NEVER_S, Log(max_ticks=4))
            for gather, changes in zip(self.gathers, self.changes, strict=True)
        ]
        self.readers = [Reader(self) for _ in range(READERS)]
        self.owners: dict[int, int] = {}
        for number in range(PARTITIONS):
            self.own(number, number % WORKERS)

    def own(self, number: int, worker: int) -> None:
        """A worker takes the partition over, as it was cut last; who had it does not know yet."""
        partition = Partition(number, TABLES, self.stores[number])  # type: ignore[arg-type]
        live = self.lives[worker]
        live.owned[number] = Owned(partition, FakeWriter(number), asyncio.Lock())  # type: ignore[arg-type]
        live.on_owned(partition)
        self.owners[number] = worker

    def partition(self, number: int) -> Partition:
        return self.lives[self.owners[number]].owned[number].partition

    def fold(self, worker: int, number: int, topic: str, most: int) -> None:
        """What the worker has of the partition, `most` records further."""
        owned = self.lives[worker].owned.get(number)
        if owned is not None:
            start = owned.partition.positions.get(topic, 0)
            values = self.log[topic, number][start : start + most]
            if values:
                apply(owned.partition, batch_of(topic, number, values, start=start))

    def fence(self, number: int) -> None:
        """Whoever does not own it any more lets it go."""
        for worker, live in enumerate(self.lives):
            if worker != self.owners[number]:
                live.owned.pop(number, None)

    async def rows(self, worker: int, name: str) -> tuple[bool, Offsets, dict[str, Any]]:
        """What the resources show, whether it is complete, and where it stands."""
        pushed = PUSHED[name]
        answer = await self.gathers[worker].read(Query(pushed.definition.name))
        shown = {str(key): by_instant(msgspec.to_builtins(pushed.show(key, state))) for key, state in answer.rows}
        return answer.complete, answer.offsets, shown

    def close(self) -> None:
        for hub in self.hubs:
            hub.close()
        for changes in self.changes:
            changes.end()


def reached(offsets: Offsets, others: dict[str, dict[str, int]]) -> bool:
    """Whether an answer that stands at `offsets` has everything below `others`, as they were read from JSON."""
    return all(
        offsets.get(topic, {}).get(int(number), 0) >= offset
        for topic, of_topic in others.items()
        for number, offset in of_topic.items()
    )


def by_instant(row: dict[str, Any]) -> dict[str, Any]:
    """The row with moments for their texts: of the same one, written with two offsets, either may stand."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value else value for name, value in row.items()
    }


@dataclass
class Reader:
    """A client: it takes rows as they come, and reads the resources after a reset, again until they are complete and
    stand where the reset did, or above."""

    fleet: Fleet
    rows: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in PUSHED})
    last_id: str | None = None
    hub: int | None = None
    client: Any = None
    to_read: Any = None

    async def connect(self, hub: int) -> None:
        await self.disconnect()
        self.hub = hub
        self.client = Open()
        await self._take(await self.fleet.hubs[hub].join(self.client, self.last_id))

    async def disconnect(self) -> None:
        if self.hub is not None:
            self.fleet.hubs[self.hub].leave(self.client)
        self.hub = None

    async def receive(self, most: int | None = None) -> None:
        """What there is; where it is more than `most` events, the connection breaks there."""
        if self.hub is None:
            return
        found = self.fleet.hubs[self.hub].following(self.client)
        if found is None:
            await self.disconnect()  # too slow
        elif await self._take(found, most):
            await self.disconnect()

    async def _take(self, found: Any, most: int | None = None) -> bool:
        data = b"".join(piece.data for piece in found)
        heard = parsed(data)
        for name, body, event_id in heard[:most]:
            if name == "reset":
                self.to_read = body["offsets"]
            for item in body.get("items", ()):
                self.rows[name][str(next(iter(item.values())))] = by_instant(item)
            self.last_id = event_id or self.last_id
            await self.read()
        return most is not None and len(heard) > most

    async def read(self) -> None:
        if self.to_read is not None and self.hub is not None:
            answers = {name: await self.fleet.rows(self.hub, name) for name in PUSHED}
            for name, (_, _, rows) in answers.items():
                self.rows[name] |= rows
            if all(complete and reached(offsets, self.to_read) for complete, offsets, _ in answers.values()):
                self.to_read = None


async def fold_one(fleet: Fleet, random: Random) -> None:
    topic, event = event_of(random.randrange(2**44))
    number = random.randrange(PARTITIONS)
    fleet.log[str(topic), number].append(event)
    if random.random() < 0.8:
        fleet.fold(fleet.owners[number], number, str(topic), random.randint(1, 3))


async def fold_more(fleet: Fleet, random: Random) -> None:
    """Some worker, also one that was fenced and does not know it yet."""
    fleet.fold(random.randrange(WORKERS), random.randrange(PARTITIONS), str(random.choice(tuple(Topic))), 3)


async def cut(fleet: Fleet, random: Random) -> None:
    settle(fleet.partition(random.randrange(PARTITIONS)))


async def look_somewhere(fleet: Fleet, random: Random) -> None:
    await look(fleet, random.randrange(WORKERS))


async def receive(fleet: Fleet, random: Random) -> None:
    await random.choice(fleet.readers).receive(random.choice((None, None, 0, 1, 2)))


async def connect(fleet: Fleet, random: Random) -> None:
    await random.choice(fleet.readers).connect(random.randrange(WORKERS))


async def disconnect(fleet: Fleet, random: Random) -> None:
    await random.choice(fleet.readers).disconnect()


async def move(fleet: Fleet, random: Random) -> None:
    """A partition gets another owner, or the same one again: after a stop in good order, a kill, or a pause."""
    number = random.randrange(PARTITIONS)
    if random.random() < 0.3:
        settle(fleet.partition(number))
    fleet.own(number, random.randrange(WORKERS))
    if random.random() < 0.5:
        fleet.fence(number)


async def fence(fleet: Fleet, random: Random) -> None:
    fleet.fence(random.randrange(PARTITIONS))


async def be_silent(fleet: Fleet, random: Random) -> None:
    fleet.silent ^= {random.randrange(WORKERS)}


async def forget(fleet: Fleet, random: Random) -> None:
    if random.random() < 0.2:
        fleet.changes[random.randrange(WORKERS)].end()


STEPS: list[Any] = [fold_one] * 12 + [fold_more] * 3 + [look_somewhere] * 8 + [receive] * 8 + [connect] * 3
STEPS += [cut, disconnect, move, move, fence, be_silent, forget]


async def look(fleet: Fleet, worker: int) -> None:
    hub = fleet.hubs[worker]
    if hub.clients:
        await hub.look()


async def end(fleet: Fleet) -> None:
    """All is folded, everybody answers, and everybody hears of it."""
    fleet.silent.clear()
    for number in range(PARTITIONS):
        fleet.fence(number)
        for topic in Topic:
            fleet.fold(fleet.owners[number], number, str(topic), 1_000)
    for _ in range(3):
        for reader in fleet.readers:
            if reader.hub is None:
                await reader.connect(0)
        for worker in range(WORKERS):
            await look(fleet, worker)
        for reader in fleet.readers:
            await reader.receive()
            await reader.read()


@given(st.randoms(use_true_random=True))
@settings(max_examples=40)
def test_a_client_ends_with_the_rows_that_there_are(random: Random) -> None:
    async def run() -> None:
        fleet = Fleet()
        try:
            for _ in range(5):
                for _ in range(random.randrange(60)):
                    await random.choice(STEPS)(fleet, random)
                await end(fleet)
                for name in PUSHED:
                    complete, _, rows = await fleet.rows(0, name)
                    assert complete
                    for reader in fleet.readers:
                        assert reader.rows[name] == rows
        finally:
            fleet.close()

    asyncio.run(run())
