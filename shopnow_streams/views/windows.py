"""Windows as answers show them: which are kept at a moment, and what rows of whatever length say of them. Pure.

A partition moves rows to longer windows when it gets to it, each one by its own clock. So a window that is shown is
one that no partition can have moved on yet, and what is said of it is the merge of all rows that lie in it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from shopnow_streams.folds.activity import WINDOWS
from shopnow_streams.folds.definition import Key
from shopnow_streams.folds.windows import Length, Level, window_of

State = TypeVar("State")
Minute = Annotated[
    str,
    Meta(
        description="The minute's beginning, UTC.",
        examples=["2025-11-28T10:31"],
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$",
    ),
]
Hour = Annotated[
    str,
    Meta(description="The hour's beginning, UTC.", examples=["2025-11-28T10"], pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}$"),
]
Day = Annotated[str, Meta(description="A day, UTC.", examples=["2025-11-28"], pattern=r"^\d{4}-\d{2}-\d{2}$")]
Rate = Annotated[float, Meta(ge=0)]

LEVELS: dict[str, Level] = dict(zip(("minute", "hour", "day"), WINDOWS.levels, strict=True))
"""Of the tables of products and of the shop, by what `by` calls them."""

MOST = {by: level.keep // level.length.lasts + 1 for by, level in LEVELS.items()}
"""So many windows are kept, the one that is now among them."""


def within(level: Level) -> tuple[Length, ...]:
    """The lengths of windows that lie in one of that level, its own too."""
    return tuple(each.length for each in WINDOWS.levels if each.length.lasts <= level.length.lasts)


def merged(
    rows: Iterable[tuple[Key, State]], level: Level, clock: datetime, merge: Callable[[State, State], State]
) -> dict[str, State]:
    """What rows of one subject say of each window of that level, by its beginning (`2025-11-28T10:31`), in order.

    Of those that are kept at `clock`; where no row lies in one, it is not there.
    """
    length, oldest = level.length, window_of(level.bound(clock))
    found: dict[str, State] = {}
    for key, state in rows:
        window = window_of(str(key))[: length.digits]
        if window >= oldest:  # as no longer window is: what is in it was due before
            found[window] = merge(found[window], state) if window in found else state
    return dict(sorted(found.items()))


def names(length: Length, first: datetime, last: datetime) -> Iterator[str]:
    """The windows from that of `first` to that of `last`."""
    window = length.start(first)
    while window <= last:
        yield window_of(length.key(window))
        window += length.lasts


def filled(found: dict[str, Any], level: Level, clock: datetime, nothing: Callable[[], Any]) -> dict[str, Any]:
    """With the windows in which nothing happened: from the first one that is there to that of `clock`."""
    if not found:
        return found
    first = level.length.begin(level.length.mark + next(iter(found)))
    return {name: found.get(name) or nothing() for name in names(level.length, first, clock)}


def rate(part: int, whole: int) -> float | None:
    """What part of it; None where there is none."""
    return round(part / whole, 6) if whole else None
