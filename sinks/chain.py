"""What the segments of one partition cover together: a chain without gap or overlap, or where it is not. Pure.

Offsets that no segment holds need not be lost: Kafka itself has none where a transaction's marker stands, or where a
topic was compacted. So what is found here is where to look, and Kafka's log decides.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Range(NamedTuple):
    """Offsets from `first` up to, not including, `next`."""

    first: int
    next: int

    @property
    def text(self) -> str:
        """For messages: the last offset is named, not the one after it."""
        return f"{self.first}" if self.next - self.first == 1 else f"{self.first} to {self.next - 1}"

    def clip(self, other: "Range") -> "Range | None":
        """What is in both, None where nothing is."""
        both = Range(max(self.first, other.first), min(self.next, other.next))
        return both if both.first < both.next else None


@dataclass(frozen=True, slots=True)
class Link:
    """A segment's file as a part of the chain. `next` is None where the file does not tell: it can't be read."""

    path: str
    first: int
    next: int | None


class Gap(NamedTuple):
    """Offsets that no file covers, though files before and after them are there."""

    range: Range
    before: Link
    after: Link


class Overlap(NamedTuple):
    """Offsets that two files cover; `later` begins at or after `earlier`."""

    range: Range
    earlier: Link
    later: Link

    @property
    def contained(self) -> bool:
        """Whether all of `later` is in `earlier`."""
        return self.earlier.next is not None and self.later.next is not None and self.later.next <= self.earlier.next


class Chain(NamedTuple):
    """All that `walk` finds. `covers` is from the first offset to the end, None where there are no files."""

    covers: Range | None
    gaps: Sequence[Gap]
    overlaps: Sequence[Overlap]


def walk(links: Iterable[Link]) -> Chain:
    """Go along the files of one partition, given in any order, and see where one does not begin as another ends.

    A file that does not tell its end is taken to reach to the next one.
    """
    ordered = closed(links)
    if not ordered:
        return Chain(None, (), ())
    gaps, overlaps = [], []
    furthest = ordered[0]
    for link in ordered[1:]:
        reach = _end(furthest)
        if link.first > reach:
            gaps.append(Gap(Range(reach, link.first), furthest, link))
        elif shared := Range(link.first, _end(link)).clip(Range(link.first, reach)):
            overlaps.append(Overlap(shared, furthest, link))
        if _end(link) >= reach:
            furthest = link
    return Chain(Range(ordered[0].first, _end(furthest)), gaps, overlaps)


def closed(links: Iterable[Link], end: int | None = None) -> list[Link]:
    """`links` in order, each with an end: where a file does not tell its own, where the next file begins.

    For the last file that is `end`, or where that is not known (or is below it) its own first offset.
    """
    ordered = sorted(links, key=lambda link: (link.first, link.next if link.next is not None else -1))
    following = end
    for place in range(len(ordered) - 1, -1, -1):
        link = ordered[place]
        if link.next is None:
            ordered[place] = replace(link, next=max(link.first, following or 0))
        if place and ordered[place - 1].first < link.first:
            following = link.first
    return ordered


def uncovered(whole: Range, parts: Iterable[Range]) -> Iterator[Range]:
    """What of `whole` is in none of `parts`, which are in order of `first`."""
    reached = whole.first
    for part in parts:
        if part.first >= whole.next:
            break
        if part.first > reached:
            yield Range(reached, part.first)
        reached = max(reached, part.next)
    if reached < whole.next:
        yield Range(reached, whole.next)


def joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ranges in order of `first`, those that touch or overlap made one."""
    current: Range | None = None
    for each in ranges:
        if current is None or each.first > current.next:
            if current is not None:
                yield current
            current = each
        else:
            current = Range(current.first, max(current.next, each.next))
    if current is not None:
        yield current


def _end(link: Link) -> int:
    return link.first if link.next is None else link.next
