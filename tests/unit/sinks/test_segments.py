"""A segment's name says which offsets it begins with, and nothing that two writers could see differently."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopnow_streams.errors import ArchiveCorrupt
from sinks.segments import (
    MAX_OFFSET,
    MAX_PARTITION,
    Records,
    SegmentName,
    date_directory,
    date_of,
    is_hidden,
    parse_day,
    parse_name,
    segment_name,
)

TOPICS = st.from_regex(r"[A-Za-z0-9-][A-Za-z0-9._-]{0,248}", fullmatch=True)
NAMES = st.builds(
    SegmentName,
    topic=TOPICS,
    partition=st.integers(0, MAX_PARTITION),
    first=st.integers(0, MAX_OFFSET),
    date=st.dates(),
    format=st.sampled_from(["parquet", "jsonl"]),
)


def test_a_name_as_the_design_writes_it() -> None:
    name = SegmentName("produit-consulte", 3, 1597, date(2025, 11, 28), "parquet")
    path = "produit-consulte/date=2025-11-28/produit-consulte+3+00000000000000001597.parquet"
    assert segment_name(name) == path
    assert parse_name(path) == name


@given(NAMES)
def test_the_name_is_the_record(name: SegmentName) -> None:
    assert parse_name(segment_name(name)) == name


@given(NAMES, NAMES)
def test_names_of_one_partition_and_day_sort_as_their_offsets_do(one: SegmentName, other: SegmentName) -> None:
    one, other = (SegmentName("t", 0, name.first, date(2025, 1, 1), "parquet") for name in (one, other))
    assert (segment_name(one) < segment_name(other)) == (one.first < other.first)


@given(st.text())
@example("")
@example("t/date=2025-11-28/u+0+00000000000000000000.parquet")  # one topic's file in the directory of another
@example("t/date=2025-11-31/t+0+00000000000000000000.parquet")  # no such day
@example("t/date=2025-11-28/t+00+00000000000000000000.parquet")  # a second name of partition 0
@example("t/date=2025-11-28/t+0+0.parquet")
@example("t/date=2025-11-28/t+0+\u0660\u0660000000000000000000.parquet")  # digits, but not ours
@example("t/date=2025-11-28/t+0+99999999999999999999.parquet")  # above Kafka's last offset
@example("t/date=2025-11-28/t+9999999999+00000000000000000000.parquet")
@example("t/date=2025-11-28/t+0+00000000000000000000")
@example("t/date=2025-11-28/t+0+00000000000000000000.parquet\n")
@example("_tmp/date=2025-11-28/_tmp+0+00000000000000000000.parquet")
@example("/t/date=2025-11-28/t+0+00000000000000000000.parquet")
def test_any_other_path_is_refused_by_its_name(path: str) -> None:
    with pytest.raises(ArchiveCorrupt) as refused:
        parse_name(path)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("topic", "partition", "first", "form"),
    [
        ("_tmp", 0, 0, "parquet"),  # where unfinished files are
        (".hidden", 0, 0, "parquet"),
        ("a+b", 0, 0, "parquet"),
        ("a/b", 0, 0, "parquet"),
        ("", 0, 0, "parquet"),
        ("t", -1, 0, "parquet"),
        ("t", 2**31, 0, "parquet"),
        ("t", 0, -1, "parquet"),
        ("t", 0, 2**63, "parquet"),
        ("t", 0, 0, "tar.gz"),
        ("t", 0, 0, ""),
    ],
)
def test_what_no_name_can_carry_is_no_name(topic: str, partition: int, first: int, form: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SegmentName(topic, partition, first, date(2025, 11, 28), form)


@pytest.mark.parametrize(
    ("timestamp_ms", "day"),
    [
        (0, date(1970, 1, 1)),
        (86_399_999, date(1970, 1, 1)),
        (86_400_000, date(1970, 1, 2)),
        (1_764_374_399_999, date(2025, 11, 28)),
        (1_764_374_400_000, date(2025, 11, 29)),
        (-1, date(1970, 1, 1)),  # Kafka's "no timestamp"
        (253_402_300_799_999, date(9999, 12, 31)),
        (253_402_300_800_000, date(9999, 12, 31)),  # a producer that sends microseconds gets here
        (2**63 - 1, date(9999, 12, 31)),
        (-(2**63), date(1970, 1, 1)),
    ],
)
def test_the_date_is_the_utc_day_of_the_timestamp(timestamp_ms: int, day: date) -> None:
    assert date_of(timestamp_ms) == day


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_the_date_is_that_of_the_moment(moment: datetime) -> None:
    milliseconds = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert date_of(milliseconds) == moment.date()


@given(st.dates())
def test_a_date_directory_is_the_date(day: date) -> None:
    assert parse_day(f"t/{date_directory(day)}") == day


@pytest.mark.parametrize("path", ["t/2025-11-28", "t/date=20251128", "t/date=2025-02-30", "t/date=", "date=2025-11-28"])
def test_another_directory_is_refused_by_its_name(path: str) -> None:
    with pytest.raises(ArchiveCorrupt, match=path):
        parse_day(path)


def test_what_hadoop_passes_by_is_hidden() -> None:
    assert [is_hidden(name) for name in ("_tmp", ".part.crc", "date=2025-11-28")] == [True, True, False]


ROWS = st.lists(st.tuples(st.integers(), st.integers(), st.none() | st.binary(), st.none() | st.binary()), max_size=9)


@given(ROWS, st.integers(0, 12))
def test_records_split_in_two_are_the_same_records(
    rows: list[tuple[int, int, bytes | None, bytes | None]], count: int
) -> None:
    first, rest = Records.of(rows).split(count)
    assert (first, rest) == (Records.of(rows[:count]), Records.of(rows[count:]))
    assert (len(first), len(rest)) == (len(rows[:count]), len(rows[count:]))
