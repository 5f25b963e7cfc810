"""The chain against a count of every offset: what is covered once, never, and more than once."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sinks.chain import Chain, Link, Range, closed, joined, uncovered, walk

OFFSETS = st.integers(0, 40)
RANGES = st.builds(lambda first, length: Range(first, first + length), OFFSETS, st.integers(1, 12))


def link(first: int, after: int | None) -> Link:
    return Link(f"{first}-{after}", first, after)


LINKS = st.lists(RANGES.map(lambda part: link(*part)), max_size=8, unique_by=lambda each: each.path)


def offsets(ranges: list[Range]) -> set[int]:
    return {offset for part in ranges for offset in range(*part)}


def covered(links: list[Link]) -> Counter[int]:
    return Counter(offset for each in links for offset in range(each.first, each.next or each.first))


@given(st.lists(st.integers(1, 9), min_size=1), OFFSETS, st.randoms())
def test_segments_that_tile_are_a_chain_in_whatever_order_they_come(
    sizes: list[int], first: int, shuffled: object
) -> None:
    links, at = [], first
    for size in sizes:
        links.append(link(at, at + size))
        at += size
    shuffled.shuffle(links)  # type: ignore[attr-defined]
    assert walk(links) == Chain(Range(first, at), [], [])


@given(LINKS)
def test_gaps_are_the_offsets_within_that_no_file_covers(links: list[Link]) -> None:
    chain, count = walk(links), covered(links)
    if not links:
        assert chain == Chain(None, (), ())
        return
    assert chain.covers == Range(min(count), max(count) + 1)
    assert offsets([gap.range for gap in chain.gaps]) == set(range(*chain.covers)) - set(count)
    for gap in chain.gaps:
        assert gap.before.next == gap.range.first, "the file before ends where the gap begins: its name is that"
        assert gap.after.first == gap.range.next
    ordered = [gap.range for gap in chain.gaps]
    assert ordered == list(joined(ordered)), "each gap once, in order, none touching another"


@given(LINKS)
def test_overlaps_are_the_offsets_that_more_than_one_file_covers(links: list[Link]) -> None:
    chain = walk(links)
    twice = {offset for offset, times in covered(links).items() if times > 1}
    assert offsets([overlap.range for overlap in chain.overlaps]) == twice
    for overlap in chain.overlaps:
        both = set(range(*overlap.range))
        assert both <= covered([overlap.earlier]).keys() & covered([overlap.later]).keys()
        assert overlap.contained == (covered([overlap.later]).keys() <= covered([overlap.earlier]).keys())


@given(st.lists(st.integers(1, 9), min_size=3, max_size=8), st.data())
def test_removing_files_leaves_gaps_of_just_their_offsets(sizes: list[int], data: st.DataObject) -> None:
    links, at = [], 0
    for size in sizes:
        links.append(link(at, at + size))
        at += size
    gone = data.draw(st.lists(st.sampled_from(links[1:-1]), unique_by=lambda each: each.path))
    chain = walk([each for each in links if each not in gone])
    assert [gap.range for gap in chain.gaps] == list(joined(sorted(Range(each.first, each.next or 0) for each in gone)))
    assert chain.overlaps == []


def test_a_file_that_does_not_tell_its_end_reaches_to_the_next() -> None:
    assert walk([link(0, 5), link(5, None), link(9, 12)]) == Chain(Range(0, 12), [], [])
    (gap,) = walk([link(0, 5), link(7, None), link(9, 12)]).gaps
    assert gap.range == Range(5, 7)


def test_the_last_file_that_does_not_tell_its_end_reaches_to_where_it_is_known_to() -> None:
    ends = [each.next for each in closed([link(0, 5), link(5, None)], 8)]
    assert ends == [5, 8]
    assert [each.next for each in closed([link(0, 5), link(5, None)])] == [5, 5]
    assert [each.next for each in closed([link(5, None)], 3)] == [5], "never below its beginning"
    assert walk(closed([link(0, 5), link(5, None)], 8)).covers == Range(0, 8)


def test_two_files_of_one_first_offset_overlap() -> None:
    (overlap,) = walk([link(0, 5), link(5, 9), link(5, 12), link(12, 13)]).overlaps
    assert overlap.range == Range(5, 9)
    assert (overlap.earlier.next, overlap.later.next) == (9, 12)
    assert not overlap.contained


@given(RANGES, st.lists(RANGES, max_size=6))
def test_what_is_uncovered_is_the_whole_less_its_parts(whole: Range, parts: list[Range]) -> None:
    left = list(uncovered(whole, sorted(parts)))
    assert offsets(left) == offsets([whole]) - offsets(parts)
    assert left == list(joined(left))


@given(st.lists(RANGES, max_size=8))
def test_joined_ranges_are_the_same_offsets_in_as_few(parts: list[Range]) -> None:
    found = list(joined(sorted(parts)))
    assert offsets(found) == offsets(parts)
    assert all(one.next < other.first for one, other in pairwise(found))


@given(RANGES, RANGES)
def test_a_clip_is_what_both_have(one: Range, other: Range) -> None:
    clipped = one.clip(other)
    assert offsets([clipped] if clipped else []) == offsets([one]) & offsets([other])


def test_a_range_is_told_by_its_last_offset() -> None:
    assert (Range(3, 4).text, Range(3, 5).text) == ("3", "3 to 4")
