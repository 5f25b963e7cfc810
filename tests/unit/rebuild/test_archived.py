"""A partition out of the archive: the batches are what Kafka gave, whole and in order, or up to a moment."""

from collections.abc import Sequence

import pytest
from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.delivery.batch import Batch
from shopnow_streams.errors import ArchiveCorrupt
from shopnow_streams.rebuild import archived
from shopnow_streams.rebuild.archived import ALL_MS, batches
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.segments import Records, Segment, SegmentName, date_of

VIEWS = TP(str(Topic.PRODUCT_VIEWED), 3)
Row = tuple[int, int, bytes | None, bytes | None]


def commit(archive: Archive, first: int, rows: Sequence[Row], after: int) -> None:
    """One segment of `VIEWS`."""
    name = SegmentName(VIEWS.topic, VIEWS.partition, first, date_of(rows[0][1]), archive.form.NAME)
    encoder = archive.form.encoder(VIEWS.topic, VIEWS.partition, first)
    encoder.add(Records.of(rows))
    archive.commit(Segment(name, after, encoder.finish(after)))


def make_archive(segments: Sequence[Sequence[Row]], form: str = "parquet") -> Catalogue:
    archive = Archive(MemoryFiles(), format_named(form))
    first = 0
    for rows in segments:
        after = rows[-1][0] + 1
        commit(archive, first, rows, after)
        first = after
    return Catalogue(archive, "memory:///")


def read(catalogue: Catalogue, until_ms: int = ALL_MS) -> list[Batch]:
    files = catalogue.listing(VIEWS.topic, [VIEWS.partition]).segments
    return [batch for batch, _ in batches(catalogue, VIEWS, files, until_ms)]


def rows_of(found: Sequence[Batch]) -> list[Row]:
    return [(r.offset(), r.timestamp()[1], r.key(), r.value()) for batch in found for r in batch.records]


@st.composite
def histories(draw: st.DrawFn) -> list[list[Row]]:
    """Segments of a partition: offsets rise, some are missing; Kafka's dates go up and down."""
    offset, segments = -1, []
    for count in draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)):
        rows: list[Row] = []
        for _ in range(count):
            offset += draw(st.integers(1, 3))
            rows.append((offset, draw(st.integers(0, 9)), draw(st.sampled_from([None, b"k"])), b"%d" % offset))
        segments.append(rows)
    return segments


@given(histories(), st.integers(1, 3), st.sampled_from(["parquet", "jsonl"]))
@settings(max_examples=40, deadline=None)
def test_batches_are_the_records_of_all_segments_each_the_next_of_the_one_before(
    segments: list[list[Row]], most: int, form: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archived, "BATCH_RECORDS", most)
        found = read(make_archive(segments, form))
    assert rows_of(found) == [row for rows in segments for row in rows]
    assert found[0].start == 0
    assert [batch.start for batch in found[1:]] == [batch.next_offset for batch in found[:-1]]
    assert found[-1].next_offset == segments[-1][-1][0] + 1
    assert all(len(batch.records) <= most for batch in found)


@given(histories(), st.integers(0, 10), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_up_to_a_moment_is_all_before_the_first_record_of_that_moment_or_later(
    segments: list[list[Row]], until_ms: int, most: int
) -> None:
    rows = [row for segment in segments for row in segment]
    expected = rows[: next((place for place, row in enumerate(rows) if row[1] >= until_ms), len(rows))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archived, "BATCH_RECORDS", most)
        found = read(make_archive(segments), until_ms)
    assert rows_of(found) == expected
    if len(expected) < len(rows):
        assert found[-1].next_offset == rows[len(expected)][0], "its reader would go on with that record"


def test_markers_at_the_end_of_a_segment_are_passed() -> None:
    catalogue = make_archive([])
    commit(catalogue.archive, 0, [(0, 1, None, b"a")], after=3)
    commit(catalogue.archive, 3, [(4, 1, None, b"b")], after=5)
    assert [(batch.start, batch.next_offset, len(batch.records)) for batch in read(catalogue)] == [
        (0, 1, 1),
        (1, 3, 0),
        (3, 5, 1),
    ]


def test_a_file_that_is_missing_is_named_and_not_passed_over() -> None:
    catalogue = make_archive([])
    commit(catalogue.archive, 0, [(0, 1, None, b"a")], after=1)
    commit(catalogue.archive, 5, [(5, 1, None, b"b")], after=6)
    with pytest.raises(ArchiveCorrupt, match="offsets 1 to 4 are missing"):
        read(catalogue)


def test_of_what_was_never_archived_there_is_nothing() -> None:
    assert read(make_archive([])) == []
