"""Windows of event time: which ones a table has, what their keys are, and how long they are kept. UTC throughout.

A windowed table counts by the minute, say, and keeps minutes for two hours: an older minute is merged into its hour, an
older hour into its day, an older day is forgotten. What an answer says of a day is the merge of all that lies in it, of
whatever length, so that no answer depends on when minutes became hours.

A key is the window and, of most tables, whom it is about: `m2025-11-28T10:31+1597`. It sorts by length, then time, then
subject. A table *stands* at a moment: rows of windows that are over by then are where they belong, all at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

from shopnow_streams.folds.grouping import grouped

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""No window begins before it: an event that says so is late."""

SUBJECT = "+"
"""Between the window and whom it is about: sorts before every digit of a window."""


@dataclass(frozen=True)
class Length:
    """Windows of one length: what their keys begin with, and how many characters of ISO 8601 name their beginning."""

    mark: str
    lasts: timedelta
    digits: int

    @property
    def after(self) -> str:
        """Above every key of this length."""
        return chr(ord(self.mark) + 1)

    def start(self, moment: datetime) -> datetime:
        """The beginning of the window that `moment` lies in."""
        return moment - (moment - EPOCH) % self.lasts

    def key(self, moment: datetime, subject: object = None) -> str:
        """Of the window that `moment`, from 1970 on, lies in: `h2025-11-28T10`, of a subject `h2025-11-28T10+1597`."""
        window = self.mark + moment.astimezone(UTC).isoformat()[: self.digits]
        return window if subject is None else f"{window}{SUBJECT}{subject}"

    @staticmethod
    def begin(key: str) -> datetime:
        """The beginning of the window of a key."""
        return datetime.fromisoformat(window_of(key)).replace(tzinfo=UTC)

    def around(self, key: str) -> str:
        """The key of the window of this length that a shorter one lies in."""
        window, separator, subject = key[1:].partition(SUBJECT)
        return f"{self.mark}{window[: self.digits]}{separator}{subject}"


MINUTE = Length("m", timedelta(minutes=1), len("2025-11-28T10:31"))
HOUR = Length("h", timedelta(hours=1), len("2025-11-28T10"))
DAY = Length("d", timedelta(days=1), len("2025-11-28"))


@dataclass(frozen=True)
class Level:
    """Windows of one length, and for how long they stay after the one that is now."""

    length: Length
    keep: timedelta

    def oldest(self, moment: datetime) -> datetime:
        """The beginning of the oldest window that is still kept at `moment`; not before 1970."""
        now = self.length.start(moment)
        return now - self.keep if now - EPOCH > self.keep else EPOCH

    def bound(self, moment: datetime) -> str:
        """The key below which every row of this length is due."""
        return self.length.key(self.oldest(moment))

    def due_at(self, key: str) -> datetime:
        """The first moment at which a row of that key is below the bound."""
        return self.length.begin(key) + self.length.lasts + self.keep


@dataclass(frozen=True)
class Windows:
    """The windows of a table, the shortest first: rows that are due go to the next ones, those of the last go away."""

    levels: tuple[Level, ...]

    @property
    def steps(self) -> Iterator[tuple[Level, Level | None]]:
        """Each level, and the one that its rows go to."""
        return zip(self.levels, (*self.levels[1:], None), strict=True)

    def places(self, moment: datetime) -> "Places":
        """Where rows belong in a table that stands at `moment`."""
        return Places(self, moment)


class Places:
    """Where rows of the shortest windows belong in a table that stands at one moment, worked out once a window."""

    def __init__(self, windows: Windows, moment: datetime) -> None:
        self._steps = [(level.bound(moment), longer) for level, longer in windows.steps]
        self._digits = 1 + windows.levels[0].length.digits
        self._known: dict[str, str | None] = {}

    def of(self, key: str) -> str | None:
        """Of a row of that key; None: it is forgotten."""
        window = key[: self._digits]
        try:
            place = self._known[window]
        except KeyError:
            place = self._known[window] = self._of_window(window)
        return None if place is None else place + key[self._digits :]

    def _of_window(self, key: str) -> str | None:
        for bound, longer in self._steps:
            if key >= bound:
                return key
            if longer is not None:
                key = longer.length.around(key)
        return None


def window_of(key: str) -> str:
    """The beginning of a key's window, as it is written: `2025-11-28T10:31`."""
    return key[1:].partition(SUBJECT)[0]


def subject_of(key: str) -> str:
    """Whom a key is about; empty where it is about the shop."""
    return key.partition(SUBJECT)[2]


def by_window(
    length: Length, at: Callable[[Any], datetime], subject: Callable[[Any], object] | None = None
) -> Callable[[Sequence[Any]], Mapping[Any, Sequence[Any]]]:
    """Groups by the window that `at` of each lies in, and by `subject`.

    Most batches are of one window, and of the others most parts are of the same as the one before: its bounds are kept,
    since to name it costs more than to fold.
    """

    def group(parts: Sequence[Any]) -> dict[str, list[Any]]:
        if not parts:
            return {}
        moments = list(map(at, parts))
        first = length.start(min(moments)).astimezone(UTC)
        if max(moments) < first + length.lasts:
            return grouped(_keys(length.key(first), parts, subject), parts)
        return grouped(windows(moments, parts), parts)

    def windows(moments: Sequence[datetime], parts: Sequence[Any]) -> Iterator[str]:
        start = end = EPOCH
        for moment, part in zip(moments, parts, strict=True):
            if not start <= moment < end:
                start = length.start(moment).astimezone(UTC)
                end = start + length.lasts
                window = length.key(start)
            yield window if subject is None else f"{window}{SUBJECT}{subject(part)}"

    return group


def _keys(window: str, parts: Sequence[Any], subject: Callable[[Any], object] | None) -> Iterable[str]:
    if subject is None:
        return repeat(window, len(parts))
    beginning = window + SUBJECT
    return [f"{beginning}{of}" for of in map(subject, parts)]
