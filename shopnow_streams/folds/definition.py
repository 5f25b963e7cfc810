"""What a table is: its key, its state, the flows that feed it, and how partial states become one.

A *fold* takes the events of one key, in their order, into the state of that key, in place. It looks at nothing else:
no clock, no IO, no other row; and events folded at once or one by one make the same state. A *merge* joins the partial
states of one key from several partitions. It must be commutative and associative with `state()` as its identity, since
partitions are merged in any order: `tests/unit/folds/` holds every definition to that.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

import msgspec

from shopnow_streams.folds.grouping import grouped
from shopnow_streams.folds.windows import Windows
from shopnow_streams.topics import Topic

NEVER = datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59)))
"""Before every event, whatever its offset: the time of what has not happened."""

Key = int | str
State = TypeVar("State", bound=msgspec.Struct)


@dataclass(frozen=True)
class Flow(Generic[State]):
    """One topic into one table. `group` sorts a batch by key; `fold` takes one group into its row.

    `parts` splits an event that touches several rows (an order's lines) before that.
    """

    topic: Topic
    group: Callable[[Sequence[Any]], Mapping[Any, Sequence[Any]]]
    fold: Callable[[State, Sequence[Any]], None]
    parts: Callable[[Any], Iterable[Any]] | None = None

    def groups(self, events: Sequence[Any]) -> Mapping[Any, Sequence[Any]]:
        """Of a batch, what each row gets. Keys and parts in the order of the events."""
        parts = events if self.parts is None else [part for event in events for part in self.parts(event)]
        return self.group(parts)


def by(key: Callable[[Any], Key]) -> Callable[[Sequence[Any]], Mapping[Any, Sequence[Any]]]:
    """Groups by `key` of each."""
    return lambda parts: grouped(map(key, parts), parts)


@dataclass(frozen=True)
class Definition(Generic[State]):
    """A table. `state()` is the row of a key that nothing has happened to; `help` is what `faust tables` says.

    Where it has `windows`, its keys are theirs, and events that are late or ahead are not for it (`watermark`).
    `version` goes up whenever rows folded before can't be gone on with: another key, another fold, a field more.
    """

    name: str
    key_type: type[int] | type[str]
    state: type[State]
    merge: Callable[[State, State], State]
    flows: tuple[Flow[State], ...]
    windows: Windows | None = None
    help: str = ""
    version: int = 1

    def encode_key(self, key: Key) -> bytes:
        """A row's key as it stands in store and changelog; sorts as the keys do. Raises TypeError on another type."""
        if type(key) is not self.key_type:
            raise TypeError(f"table {self.name} has keys of type {self.key_type.__name__}, not {key!r}")
        return b"%019d" % key if isinstance(key, int) else key.encode()

    def encode_keys(self, keys: Collection[Key]) -> Iterable[bytes]:
        """`encode_key` of each, in a third of the time."""
        if not set(map(type, keys)) <= {self.key_type}:
            return map(self.encode_key, keys)  # which names the one that is wrong
        return map(b"%019d".__mod__ if self.key_type is int else str.encode, keys)  # type: ignore[arg-type]

    def decode_key(self, raw: bytes) -> Key:
        """The inverse of `encode_key`."""
        return self.key_type(raw.decode())
