"""What a table is: its key, its state, the flows that feed it, and how partial states become one.

A *fold* is `(state, part) -> state`. It owns the state it is given and may change it in place; it looks at
nothing else: no clock, no IO, no other row. A *merge* joins the partial states of one key from several
partitions. It must be commutative and associative with `state()` as its identity, since partitions are
merged in any order: `tests/unit/folds/` holds every definition to that.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

import msgspec

from shopnow_streams.topics import Topic

NEVER = datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59)))
"""Before every event, whatever its offset: the time of what has not happened."""

Key = int | str
State = TypeVar("State", bound=msgspec.Struct)


@dataclass(frozen=True)
class Flow(Generic[State]):
    """One topic into one table. `parts` splits an event that touches several rows (an order's lines).

    `keys` gives what `key` gives for each of many, in their order, where there is a faster way than one by one.
    """

    topic: Topic
    key: Callable[[Any], Key]
    fold: Callable[[State, Any], State]
    parts: Callable[[Any], Iterable[Any]] | None = None
    keys: Callable[[Sequence[Any]], list[Any]] | None = None

    def keys_of(self, parts: Sequence[Any]) -> list[Any]:
        """The key of each part."""
        return list(map(self.key, parts)) if self.keys is None else self.keys(parts)


@dataclass(frozen=True)
class Definition(Generic[State]):
    """A table. `state()` is the row of a key that nothing has happened to."""

    name: str
    key_type: type[int] | type[str]
    state: type[State]
    merge: Callable[[State, State], State]
    flows: tuple[Flow[State], ...]

    def encode_key(self, key: Key) -> bytes:
        """A row's key as it stands in store and changelog; sorts as the keys do. Raises TypeError on another type."""
        if type(key) is not self.key_type:
            raise TypeError(f"table {self.name} has keys of type {self.key_type.__name__}, not {key!r}")
        return b"%019d" % key if isinstance(key, int) else key.encode()

    def decode_key(self, raw: bytes) -> Key:
        """The inverse of `encode_key`."""
        return self.key_type(raw.decode())
