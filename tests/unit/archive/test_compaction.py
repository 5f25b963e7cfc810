"""Which segments become one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.archive.catalogue import SegmentFile
from shopnow_streams.archive.compaction import MOST_PIECES, Piece, plan
from sinks.segments import SegmentName

DAY = date(2025, 11, 28)


def piece(
    first: int,
    after: int,
    size: int = 10,
    day: int = 0,
    partition: int = 0,
    compacted_ms: int | None = None,
    joined_bytes: int | None = None,
    columns: str = "",
) -> Piece:
    name = SegmentName("stock-mis-a-jour", partition, first, DAY + timedelta(days=day), "parquet")
    return Piece(SegmentFile(name, size, 7), after, after - first, columns, compacted_ms, joined_bytes)


def planned(pieces: list[Piece], before: int = 5, target: int = 100) -> list[list[int]]:
    """Of each partition and day, in order: they are done from the last to the first."""
    runs = plan(pieces, DAY + timedelta(days=before), target)
    return [
        [each.file.name.first for each in run.pieces] for run in sorted(runs, key=lambda run: run.pieces[0].file.order)
    ]


def test_segments_of_a_day_become_one_but_for_the_partitions_last() -> None:
    assert planned([piece(0, 5), piece(5, 9), piece(9, 12), piece(12, 13)]) == [[0, 5, 9]]


def test_days_and_partitions_are_kept_apart() -> None:
    one = [piece(0, 5), piece(5, 9), piece(9, 12, day=1), piece(12, 13, day=1), piece(13, 14, day=2)]
    other = [piece(0, 5, partition=1), piece(5, 6, partition=1), piece(6, 7, day=1, partition=1)]
    assert planned(one + other) == [[0, 5], [9, 12], [0, 5]]


def test_a_day_that_is_not_over_is_left() -> None:
    assert planned([piece(0, 5), piece(5, 9), piece(9, 10, day=1)], before=0) == []
    assert planned([piece(0, 5), piece(5, 9), piece(9, 10, day=1)], before=1) == [[0, 5]]


def test_what_is_missing_between_two_is_not_papered_over() -> None:
    assert planned([piece(0, 5), piece(5, 9), piece(10, 12), piece(12, 15), piece(15, 16)]) == [[0, 5], [10, 12]]


def test_a_run_ends_where_it_is_large_enough() -> None:
    assert planned([piece(n, n + 1, size=40) for n in range(6)]) == [[0, 1], [2, 3]]
    assert planned([piece(0, 1, size=99), piece(1, 2, size=99), piece(2, 3)]) == []


def test_files_of_other_columns_and_files_that_cannot_be_read_are_kept_apart() -> None:
    grown = [piece(0, 5), piece(5, 9), piece(9, 12, columns="more"), piece(12, 15, columns="more"), piece(15, 16)]
    assert planned(grown) == [[0, 5], [9, 12]]
    bad = [piece(0, 5), piece(5, 9), piece(9, 12)._replace(next=None), piece(12, 15), piece(15, 17), piece(17, 18)]
    assert planned(bad) == [[0, 5], [12, 15]]


def test_a_run_has_no_more_files_than_one_request_can_name() -> None:
    many = [piece(n, n + 1, size=1) for n in range(2 * MOST_PIECES + 3)]
    assert [len(run) for run in planned(many, target=10_000)] == [MOST_PIECES, MOST_PIECES, 2]


def test_the_first_of_a_run_is_never_the_last_of_a_page_of_the_listing() -> None:
    """Nor near it: hidden files come and go before it."""
    many = [piece(n, n + 1, size=1) for n in range(2_500)]
    runs = plan(many, DAY + timedelta(days=5), 10_000)
    places = [run.pieces[0].file.name.first for run in runs]
    assert places == sorted(places, reverse=True), "from the last to the first, so that places before it stay"
    assert all(place % 1_000 < 980 for place in places)
    taken = {each.file.name.first for run in runs for each in run.pieces}
    assert set(range(2_499)) - taken <= {*range(980, 1_000), *range(1_980, 2_000)}
    other = [piece(n, n + 1, size=1, partition=10) for n in range(998)]
    mixed = plan([*other, piece(0, 1), piece(1, 2), piece(2, 3), piece(3, 4)], DAY + timedelta(days=5), 10_000)
    first = [run.pieces[0].file.name for run in mixed if run.pieces[0].file.name.partition == 0]
    assert [name.first for name in first] == [0], "0 comes before 10 in the listing"


@pytest.mark.parametrize(("compacted_ms", "joined_bytes"), [(7, 300), (6, None)])
def test_what_a_compaction_left_half_done_is_done_alone(compacted_ms: int, joined_bytes: int | None) -> None:
    left = piece(0, 9, size=500, compacted_ms=compacted_ms, joined_bytes=joined_bytes)
    assert planned([left, piece(9, 10, size=99), piece(10, 11)]) == [[0]]


def test_what_was_compacted_stays_as_it_is() -> None:
    """Its file never grows again, so that a compaction that slept can't cut off what came later."""
    done = piece(0, 9, compacted_ms=7)
    assert planned([done, piece(9, 10), piece(10, 11), piece(11, 12)]) == [[9, 10]]
    assert planned([piece(0, 1), piece(1, 2), piece(2, 9, compacted_ms=7), piece(9, 10)]) == [[0, 1]]


@given(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 2)), max_size=30), st.integers(20, 200))
def test_planned_and_done_it_comes_to_an_end(sizes: list[tuple[int, int]], target: int) -> None:
    days = sorted(day for _, day in sizes)
    pieces = [piece(n, n + 1, size, day) for n, ((size, _), day) in enumerate(zip(sizes, days, strict=True))]
    for _ in range(40):
        runs = plan(pieces, DAY + timedelta(days=9), target)
        if not runs:
            break
        taken = [each for run in runs for each in run.pieces]
        assert len(taken) == len(set(taken)), "in two runs"
        for run in runs:
            assert run.bytes <= target
            assert len({each.file.name.date for each in run.pieces}) == 1
            first, last = run.pieces[0], run.pieces[-1]
            day = (first.file.name.date - DAY).days
            whole = piece(first.file.name.first, last.next or 0, run.bytes, day, compacted_ms=7)
            pieces = [each for each in pieces if each not in run.pieces] + [whole]
        pieces.sort(key=lambda each: each.file.name.first)
        assert pieces[-1] not in taken
    else:
        raise AssertionError("no end")
    assert [each.file.name.first for each in pieces[1:]] == [each.next for each in pieces[:-1]]
