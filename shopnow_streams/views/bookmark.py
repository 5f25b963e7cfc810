"""Where a reader of `/api/stream` stands, as the id that it is given: opaque to it, compact, good at any worker.

Some 30 characters a partition: the journal that the offsets were told by, and the next offset of each topic.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shopnow_streams.topics import Topic
from tables.journal import Mark

MAX_LENGTH = 8_000
"""What fits a header's line; an application of some 200 partitions has longer ids, and gives none."""

_VERSION = 1
_TOPICS = tuple(str(topic) for topic in Topic)


@dataclass(frozen=True)
class Bookmark:
    """A mark in each partition. `origin` tells offsets apart that can't be compared (see `tables.changes`)."""

    origin: int
    marks: Mapping[int, Mark]

    @property
    def text(self) -> str | None:
        """The id; None where it would be too long for a header."""
        raw = bytearray([_VERSION])
        raw += self.origin.to_bytes(4, "big")
        for number, mark in sorted(self.marks.items()):
            raw += _packed(number)
            raw += mark.journal.to_bytes(4, "big")
            for topic in _TOPICS:
                raw += _packed(mark.offsets.get(topic, 0))
        text = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        return text if len(text) <= MAX_LENGTH else None

    @property
    def offsets(self) -> dict[str, dict[int, int]]:
        """The next offset by topic and partition."""
        found: dict[str, dict[int, int]] = {}
        for number, mark in sorted(self.marks.items()):
            for topic in _TOPICS:
                if topic in mark.offsets:
                    found.setdefault(topic, {})[number] = mark.offsets[topic]
        return found

    def moved(self, marks: Mapping[int, Mark]) -> "Bookmark":
        """With these marks in the place of those it had."""
        return Bookmark(self.origin, {**self.marks, **marks})

    def at_most(self, offsets: Mapping[str, Mapping[int, int]]) -> "Bookmark":
        """No further than an answer that stands at `offsets`, in the partitions that are in it."""
        numbers = {number for of_topic in offsets.values() for number in of_topic}
        marks = {}
        for number in numbers & self.marks.keys():
            journal, own = self.marks[number]
            stands = {topic: min(offset, offsets.get(topic, {}).get(number, 0)) for topic, offset in own.items()}
            marks[number] = Mark(journal, stands)
        return self.moved(marks)


def read(text: str) -> Bookmark | None:
    """The bookmark that `text` is the id of; None where it is none of ours."""
    if len(text) > MAX_LENGTH:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        if raw[0] != _VERSION or len(raw) < 5:
            return None
        marks = {}
        numbers = iter(raw[5:])
        while (number := _unpacked(numbers, at_end=-1)) >= 0:
            journal = int.from_bytes([next(numbers) for _ in range(4)], "big")
            offsets = {topic: _unpacked(numbers) for topic in _TOPICS}
            marks[number] = Mark(journal, {topic: offset for topic, offset in offsets.items() if offset})
    except (ValueError, IndexError, StopIteration):
        return None
    return Bookmark(int.from_bytes(raw[1:5], "big"), marks)


def _packed(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    raw = bytearray()
    while number > 0x7F:
        raw.append(number & 0x7F | 0x80)
        number >>= 7
    raw.append(number)
    return bytes(raw)


def _unpacked(raw: Iterator[int], at_end: int | None = None) -> int:
    number = shift = 0
    for byte in raw:
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number
        shift += 7
    if at_end is None or shift:
        raise ValueError("it ends in the middle of a number")
    return at_end
