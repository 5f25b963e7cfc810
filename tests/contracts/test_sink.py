"""What every archive keeps to, whatever it is on, and whatever goes wrong on the way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import get_args

import pytest

from shopnow_streams.errors import ArchiveCorrupt, SegmentConflict, SettingsError, SinkUnavailable
from sinks.archive import FORMAT_MARK, UNFINISHED, Archive
from sinks.faults import Call, Fault, FaultyFiles
from sinks.files import Files
from sinks.formats import format_named
from sinks.segments import Records, Segment, SegmentName, Span, date_of, segment_name
from sinks.sink import Sink
from tests.contracts.conftest import OpenFiles

TOPIC = "stock-mis-a-jour"
NOON_MS = 1_764_331_200_000  # 2025-11-28 12:00 UTC
DAY_MS = 86_400_000


def make_segment(
    first: int,
    rows: int = 10,
    *,
    partition: int = 0,
    timestamp_ms: int = NOON_MS,
    stock: int = 1,
    form: str = "parquet",
) -> Segment:
    """A segment as the agent makes it."""
    value = b'{"id_produit":7,"stock":%d,"timestamp":"2025-11-28T12:00:00Z"}' % stock
    encoder = format_named(form).encoder(TOPIC, partition, first)
    encoder.add(Records.of((first + row, timestamp_ms + row, b"7", value) for row in range(rows)))
    name = SegmentName(TOPIC, partition, first, date_of(timestamp_ms), form)
    return Segment(name, first + rows, encoder.finish(first + rows))


@pytest.fixture
def faulty(open_files: OpenFiles) -> FaultyFiles:
    """The archive's files, for faults to be planned on."""
    return FaultyFiles(open_files())


@pytest.fixture
def archive(faulty: FaultyFiles) -> Archive:
    """An archive that is set up: what a writer does in its first commit alone is over."""
    archive = Archive(faulty, format_named("parquet"))
    archive.commit(make_segment(0))
    faulty.calls.clear()
    return archive


@pytest.fixture
def other(open_files: OpenFiles) -> Archive:
    """The same archive as another process sees it."""
    return Archive(open_files(), format_named("parquet"))


def committed(sink: Sink) -> list[tuple[int, int, int]]:
    """Partition and offsets of all segments."""
    return [(info.span.partition, info.span.first, info.span.next) for info in sink.segments(TOPIC)]


def unfinished(files: Files) -> list[str]:
    return [entry.name for entry in files.list(UNFINISHED)]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_an_archive_begins_empty_and_gives_back_what_it_took(open_files: OpenFiles, form: str) -> None:
    archive = Archive(open_files(), format_named(form))
    archive.check()
    assert archive.end(TOPIC, 0) is None
    assert list(archive.segments(TOPIC)) == []

    segment = make_segment(100, 20, form=form)
    archive.commit(segment)

    (info,) = archive.segments(TOPIC)
    assert info.path == f"{TOPIC}/date=2025-11-28/{TOPIC}+0+00000000000000000100.{form}"
    assert info.span == Span(TOPIC, 0, 100, 120)
    assert info.size == len(segment.data)
    assert archive.read(info.path) == segment.data
    assert archive.end(TOPIC, 0) == 120
    with pytest.raises(FileNotFoundError):
        archive.read(segment_name(make_segment(7).name))


def test_the_end_is_that_of_each_partition_whatever_day_it_was_last_written_on(
    archive: Archive, other: Archive
) -> None:
    archive.commit(make_segment(0, partition=1, timestamp_ms=NOON_MS - DAY_MS))
    archive.commit(make_segment(10, 5, timestamp_ms=NOON_MS + DAY_MS))
    archive.commit(make_segment(15, 5, timestamp_ms=NOON_MS + DAY_MS))
    for sink in (archive, other):
        assert sink.ends(TOPIC, [0, 1, 2]) == {0: 20, 1: 10, 2: None}
        assert sink.end(TOPIC, 0) == 20
    assert committed(other) == [(0, 0, 10), (0, 10, 15), (0, 15, 20), (1, 0, 10)]
    assert [info.span.first for info in other.segments(TOPIC, 1)] == [0]


def test_a_segment_filed_under_a_date_to_come_does_not_hide_those_after_it(archive: Archive, other: Archive) -> None:
    archive.commit(make_segment(10, timestamp_ms=2**60))
    archive.commit(make_segment(20))
    assert make_segment(10, timestamp_ms=2**60).name.date == date.max
    assert other.end(TOPIC, 0) == 30


def test_committing_twice_leaves_one_copy(archive: Archive, other: Archive, faulty: FaultyFiles) -> None:
    segment = make_segment(10)
    archive.commit(segment)
    archive.commit(segment)
    other.commit(segment)
    assert committed(other) == [(0, 0, 10), (0, 10, 20)]
    assert unfinished(faulty) == []


@pytest.mark.parametrize("theirs", [make_segment(10, 7), make_segment(10, 10, stock=2)], ids=["shorter", "same length"])
def test_the_second_of_two_writers_at_one_offset_learns_of_it(
    archive: Archive, other: Archive, theirs: Segment
) -> None:
    other.commit(theirs)
    with pytest.raises(SegmentConflict, match=r"\+00000000000000000010\.parquet"):
        archive.commit(make_segment(10))
    assert archive.read(segment_name(theirs.name)) == theirs.data
    assert archive.end(TOPIC, 0) == theirs.next
    archive.commit(make_segment(theirs.next))
    assert committed(archive) == [(0, 0, 10), (0, 10, theirs.next), (0, theirs.next, theirs.next + 10)]


def test_of_two_writers_racing_for_one_offset_exactly_one_wins(open_files: OpenFiles) -> None:
    writers = [Archive(open_files(), format_named("parquet")) for _ in range(2)]
    for first in range(0, 100, 10):
        segments = [make_segment(first, 10, stock=1), make_segment(first, 9, stock=2)]
        start = threading.Barrier(2)

        def race(writer: Archive, segment: Segment, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                writer.commit(segment)
            except SegmentConflict:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            won = list(pool.map(race, writers, segments))
        assert sorted(won) == [False, True]
        assert writers[0].read(segment_name(segments[0].name)) == segments[won.index(True)].data


def test_an_upload_cut_half_way_is_never_taken_for_whole(archive: Archive, faulty: FaultyFiles) -> None:
    segment = make_segment(10)
    faulty.plan("write", "cut", "cut-unnoticed")
    for _ in range(2):
        with pytest.raises(SinkUnavailable):
            archive.commit(segment)
        assert committed(archive) == [(0, 0, 10)]
    archive.commit(segment)
    assert archive.read(segment_name(segment.name)) == segment.data
    assert unfinished(faulty) == [], "what the failed tries left is removed by the next"


def test_a_rename_whose_answer_is_lost_is_found_out(archive: Archive, faulty: FaultyFiles) -> None:
    segment = make_segment(10)
    faulty.plan("rename", "unanswered")
    archive.commit(segment)
    assert committed(archive) == [(0, 0, 10), (0, 10, 20)]


def test_a_rename_whose_answer_is_lost_in_an_outage_is_found_out_later(archive: Archive, faulty: FaultyFiles) -> None:
    segment = make_segment(10)
    faulty.plan("rename", "unanswered")
    faulty.plan("stat", None, None, "refused")  # is it there? · did all arrive? · is it there now?
    with pytest.raises(SinkUnavailable):
        archive.commit(segment)
    archive.commit(segment)
    assert committed(archive) == [(0, 0, 10), (0, 10, 20)]


def test_a_lost_answer_is_not_mistaken_for_a_win(archive: Archive, other: Archive, faulty: FaultyFiles) -> None:
    """The rename was refused for another writer's file, and the refusal was lost."""
    theirs, ours = make_segment(10, 8), make_segment(10, 10)
    faulty.plan("stat", None, None)
    original = faulty.make

    def overtaken(path: str) -> None:
        original(path)
        other.commit(theirs)

    faulty.make = overtaken  # type: ignore[method-assign]
    faulty.plan("rename", "unanswered")
    with pytest.raises(SegmentConflict):
        archive.commit(ours)
    assert committed(other) == [(0, 0, 10), (0, 10, 18)]


def test_down_then_up(archive: Archive, faulty: FaultyFiles) -> None:
    segment = make_segment(10)
    faulty.down = True
    for call in (
        lambda: archive.commit(segment),
        lambda: archive.end(TOPIC, 0),
        lambda: list(archive.segments(TOPIC)),
        lambda: archive.read(segment_name(segment.name)),
        archive.check,
    ):
        with pytest.raises(SinkUnavailable):
            call()
    faulty.down = False
    archive.check()
    archive.commit(segment)
    assert archive.end(TOPIC, 0) == 20


def every_fault(calls: list[Call]) -> Iterator[tuple[Call, int, Fault]]:
    """Each fault at each of these calls: the call's name, which of that name, and the fault."""
    for index, call in enumerate(calls):
        for fault in get_args(Fault):
            if call == "write" or not fault.startswith("cut"):
                yield call, calls[:index].count(call), fault


def test_whatever_fails_in_a_commit_it_can_be_repeated_until_it_is_done_once(open_files: OpenFiles) -> None:
    clean = FaultyFiles(open_files())
    Archive(clean, format_named("parquet")).commit(make_segment(0))
    assert {"stat", "write", "make", "rename", "read"} <= set(clean.calls)

    for case, (call, before, fault) in enumerate(every_fault(clean.calls)):
        partition = case + 1
        segment = make_segment(0, partition=partition)
        faulty = FaultyFiles(open_files())
        faulty.remove(FORMAT_MARK)  # the first commit's calls are among those that fail
        faulty.plan(call, *[None] * before, fault)
        archive = Archive(faulty, format_named("parquet"))
        tries = 1
        while True:
            try:
                archive.commit(segment)
                break
            except SinkUnavailable:
                tries += 1
                assert tries <= 3, (call, before, fault)
        assert archive.read(segment_name(segment.name)) == segment.data
        archive.commit(make_segment(10, partition=partition))
        assert archive.end(TOPIC, partition) == 20
        assert unfinished(faulty) == [], (call, before, fault)


def test_an_archive_keeps_one_format(archive: Archive, open_files: OpenFiles) -> None:
    lines = Archive(open_files(), format_named("jsonl"))
    with pytest.raises(SettingsError, match="SHOPNOW_ARCHIVE_FORMAT=parquet"):
        lines.check()
    with pytest.raises(SettingsError, match="SHOPNOW_ARCHIVE_FORMAT=parquet"):
        lines.commit(make_segment(10, form="jsonl"))
    assert committed(archive) == [(0, 0, 10)]


def test_of_two_formats_that_begin_one_archive_the_first_stands(open_files: OpenFiles) -> None:
    late = FaultyFiles(open_files())
    original = late.rename

    def overtaken(source: str, target: str) -> bool:
        late.rename = original  # type: ignore[method-assign]
        Archive(open_files(), format_named("jsonl")).commit(make_segment(0, form="jsonl"))
        return original(source, target)

    late.rename = overtaken  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match="SHOPNOW_ARCHIVE_FORMAT=jsonl"):
        Archive(late, format_named("parquet")).commit(make_segment(0))


@pytest.mark.parametrize(
    "stray", [f"{TOPIC}/notes.txt", f"{TOPIC}/date=2025-11-28/part-0000.parquet", f"{TOPIC}/date=2025-11-31/x.parquet"]
)
def test_a_stray_file_is_named(archive: Archive, faulty: FaultyFiles, stray: str) -> None:
    faulty.write(stray, b"")
    with pytest.raises(ArchiveCorrupt, match=stray.rpartition("/")[2] if "-31" not in stray else "date=2025-11-31"):
        archive.end(TOPIC, 0)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not Parquet at all, and long enough to have a footer"])
def test_a_file_that_is_not_what_its_name_says_is_named(archive: Archive, faulty: FaultyFiles, data: bytes) -> None:
    path = segment_name(make_segment(10).name)
    faulty.write(path, data)
    with pytest.raises(ArchiveCorrupt, match=r"\+00000000000000000010\.parquet"):
        archive.end(TOPIC, 0)


def test_a_file_under_another_ones_name_is_named(archive: Archive, faulty: FaultyFiles) -> None:
    faulty.write(segment_name(make_segment(10).name), make_segment(20).data)
    with pytest.raises(ArchiveCorrupt, match=r"offsets 20 to 30"):
        archive.end(TOPIC, 0)


def test_hidden_files_are_passed_by(archive: Archive, faulty: FaultyFiles) -> None:
    faulty.write(f"{TOPIC}/_SUCCESS", b"")
    faulty.write(f"{TOPIC}/date=2025-11-28/.part.crc", b"")
    assert archive.end(TOPIC, 0) == 10
    assert committed(archive) == [(0, 0, 10)]


def test_old_unfinished_files_are_swept_and_young_ones_left(open_files: OpenFiles) -> None:
    files = open_files()
    files.write(f"{UNFINISHED}/of-another-writer", b"half")
    (entry,) = files.list(UNFINISHED)
    now_s = entry.modified_ms / 1000
    archive = Archive(files, format_named("parquet"), clock=lambda: now_s)
    now_s += 3 * 3600
    archive.commit(make_segment(0))
    assert unfinished(files) == ["of-another-writer"]
    now_s += 4 * 3600
    archive.commit(make_segment(10))
    assert unfinished(files) == []
