"""What records come to does not depend on how they are cut, and nothing can change without its being seen."""

from itertools import pairwise
from zlib import crc32

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.archive.tally import HOUR_MS, Tallies, Tally
from sinks.columns import to_batch
from sinks.segments import Records
from tests.unit.archive.shelf import TOPIC

Row = tuple[int, int, bytes | None, bytes | None]

rows = st.lists(
    st.tuples(
        st.integers(0, 5 * HOUR_MS),
        st.none() | st.binary(max_size=5),
        st.none() | st.binary(max_size=30),
        st.integers(1, 4),
    ),
    max_size=40,
)


def numbered(found: list[tuple[int, bytes | None, bytes | None, int]]) -> list[Row]:
    """With offsets that rise by the last of each."""
    offset, made = 0, []
    for at, key, value, step in found:
        offset += step
        made.append((offset, at, key, value))
    return made


def batch(some: list[Row]) -> pa.RecordBatch:
    return to_batch(TOPIC, 0, Records.of(some))


def by_hand(some: list[Row]) -> Tally | None:
    if not some:
        return None
    checksum = 0
    for offset, at, key, value in some:
        lengths = [-1 if each is None else len(each) for each in (key, value)]
        checksum += crc32(f"{offset} {at} {lengths[0]} {lengths[1]} ".encode() + (key or b"") + (value or b""))
    return Tally(len(some), some[0][0], some[-1][0], sum(len(row[3] or b"") for row in some), checksum)


@given(rows, st.lists(st.integers(0, 40), max_size=4), st.lists(st.integers(0, 120), unique=True, max_size=4))
def test_hours_and_intervals_are_counted_apart_however_the_rows_are_cut(
    found: list[tuple[int, bytes | None, bytes | None, int]], cuts: list[int], unsorted: list[int]
) -> None:
    some, bounds = numbered(found), sorted(unsorted)
    whole, parts = Tallies(bounds), Tallies(bounds)
    whole.add(batch(some))
    for start, end in pairwise([0, *sorted(cuts), len(some)]):
        one = Tallies(bounds)
        one.add(batch(some[start:end]))
        parts.merge(one)
    edges = [-1, *bounds, 10**9]
    for hour in range(0, 6 * HOUR_MS, HOUR_MS):
        of_hour = [row for row in some if hour <= row[1] < hour + HOUR_MS]
        assert whole.of(hour) == parts.of(hour) == by_hand(of_hour)
        for interval, (low, high) in enumerate(pairwise(edges)):
            expected = by_hand([row for row in of_hour if low <= row[0] < high])
            assert whole.of(hour, interval, interval + 1) == parts.of(hour, interval, interval + 1) == expected
    assert whole.hours() == sorted({row[1] // HOUR_MS * HOUR_MS for row in some})


@given(rows.filter(bool), st.data())
def test_no_part_of_a_record_can_be_another(
    found: list[tuple[int, bytes | None, bytes | None, int]], data: st.DataObject
) -> None:
    """Not by chance: of 4 billion changes one keeps the checksum."""
    some = numbered(found)
    place = data.draw(st.integers(0, len(some) - 1))
    offset, at, key, value = some[place]
    other = data.draw(
        st.sampled_from(
            [
                (offset, at + 1, key, value),
                (offset, at, (key or b"") + b"\0", value),
                (offset, at, key, (value or b"") + b" "),
                (offset, at, b"" if key is None else None, value),
                (offset, at, key, b"" if value is None else None),
                (offset, at, (key or b"") + b"a", (value or b"b")[1:]),
            ]
        ).filter(lambda row: row != some[place])
    )
    before, after = Tallies(), Tallies()
    before.add(batch(some))
    after.add(batch([*some[:place], other, *some[place + 1 :]]))
    assert [before.of(hour) for hour in range(0, 7 * HOUR_MS, HOUR_MS)] != [
        after.of(hour) for hour in range(0, 7 * HOUR_MS, HOUR_MS)
    ]
