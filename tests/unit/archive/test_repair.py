"""What Kafka still has is put back, so that the chain is whole and every record there once; nothing else is touched."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopnow_streams.archive.contents import milliseconds, read_rows
from shopnow_streams.archive.findings import Mend, Place
from shopnow_streams.archive.repair import SET_ASIDE, Repair, repair
from shopnow_streams.errors import SinkUnavailable
from sinks.chain import Range
from sinks.faults import FaultyFiles
from sinks.rotation import Rotation
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, MemoryLog, Shelf, log_of, make_records

PLACE = Place(TOPIC, 0)
ROTATION = Rotation(1 << 20, 1_000, 1)
Row = tuple[int, int, bytes | None, bytes | None]


def archived(shelf: Shelf) -> list[Row]:
    """Every record that a job would read."""
    rows: list[Row] = []
    for file in shelf.catalogue.listing(TOPIC).segments:
        for batch in read_rows(shelf.catalogue.form, file.name, shelf.catalogue.window(file)):
            columns = [
                batch["kafka_offset"],
                milliseconds(batch["kafka_timestamp"]),
                batch["kafka_key"],
                batch["value"],
            ]
            rows += zip(*(column.to_pylist() for column in columns), strict=True)
    return rows


def sent(log: MemoryLog, upto: int = 2**63) -> list[Row]:
    kept = log._records[0]
    rows = zip(kept.offsets, kept.timestamps_ms, kept.keys, kept.values, strict=True)
    return [row for row in rows if row[0] < upto]


def spans(shelf: Shelf) -> list[tuple[int, int]]:
    return [(info.span.first, info.span.next) for info in shelf.archive.segments(TOPIC)]


def repaired(shelf: Shelf, log: MemoryLog, rotation: Rotation = ROTATION, committed: int | None = None) -> list[Repair]:
    return [repair(shelf.catalogue, log, mend, rotation) for mend in shelf.verify(log, committed).mends]


def test_a_missing_file_comes_back_under_its_name_and_ends_where_the_next_begins(shelf: Shelf) -> None:
    paths = shelf.tile(0, 10, 25, 30)
    data = shelf.data(paths[1])
    shelf.files.remove(paths[1])
    log = log_of(*range(30))
    (done,) = repaired(shelf, log)
    assert (done.paths, done.records, done.set_aside, done.failed) == ([paths[1]], 15, None, None)
    assert spans(shelf) == [(0, 10), (10, 25), (25, 30)]
    assert shelf.verify(log).right
    assert archived(shelf) == sent(log)
    if shelf.form == "jsonl":
        assert shelf.data(paths[1]) == data, "byte for byte"


def test_it_ends_where_the_next_begins_also_where_markers_are_last() -> None:
    shelf = Shelf()
    shelf.tile(0, 10)
    shelf.tile(25, 30)
    log = log_of(*range(10), 13, 14, 20, *range(25, 30))
    repaired(shelf, log)
    assert spans(shelf) == [(0, 10), (10, 25), (25, 30)]


def test_a_large_gap_becomes_several_segments_without_a_seam(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    shelf.tile(40, 50)
    log = log_of(*range(20), *range(25, 50))
    (done,) = repaired(shelf, log, Rotation(1 << 20, 7, 1))
    assert len(done.paths) == 3  # 25 records, which come three at a time: 9, 9, 7
    firsts, nexts = zip(*spans(shelf), strict=True)
    assert firsts[1:] == nexts[:-1]
    assert archived(shelf) == sent(log)


def test_a_gap_over_midnight_is_filed_as_an_archiver_files_it(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    shelf.put(30, 40, timestamp_ms=NOON_MS + DAY_MS)
    days = (make_records(range(20)), make_records(range(20, 40), timestamp_ms=NOON_MS + DAY_MS))
    rows = [row for some in days for row in zip(some.offsets, some.timestamps_ms, some.keys, some.values, strict=True)]
    log = MemoryLog(TOPIC, {0: type(days[0]).of(rows)})
    (done,) = repaired(shelf, log)
    assert [path.split("/")[1] for path in done.paths] == ["date=2025-11-28", "date=2025-11-29"]
    assert spans(shelf) == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert shelf.verify(log).right


def test_a_file_that_cannot_be_read_is_set_aside_and_renewed(shelf: Shelf) -> None:
    bad = shelf.tile(0, 10, 25, 30)[1]
    shelf.overwrite(bad, shelf.data(bad)[:-9])
    broken = shelf.data(bad)
    log = log_of(*range(30))
    (done,) = repaired(shelf, log)
    assert done.paths == [bad]
    assert done.set_aside is not None
    assert shelf.files.read(done.set_aside, 0, len(broken)) == broken, "nothing is thrown away"
    assert done.set_aside.startswith(f"{SET_ASIDE}/")
    assert shelf.verify(log).right
    assert archived(shelf) == sent(log)


def test_a_file_is_not_set_aside_before_kafka_gave_what_replaces_it(shelf: Shelf) -> None:
    bad = shelf.tile(0, 10, 25, 30)[1]
    log = log_of(*range(30))
    mend = Mend(PLACE, Range(10, 25), bad)
    log.let_go(0, 11)
    done = repair(shelf.catalogue, log, mend, ROTATION)
    assert (done.failed, done.set_aside, done.paths) == ("gone", None, [])
    assert shelf.files.stat(bad) is not None
    nothing = repair(shelf.catalogue, log_of(0, 29), mend, ROTATION)
    assert "no record" in (nothing.failed or "")
    assert shelf.files.stat(bad) is not None


def test_the_end_that_the_group_committed_comes_back(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25)[1])
    log = log_of(*range(30))
    repaired(shelf, log, committed=25)
    assert spans(shelf) == [(0, 10), (10, 25)]
    assert shelf.verify(log, committed=25).right


def test_of_a_gap_that_kafka_has_in_part_the_rest_stays_a_gap(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    log = log_of(*range(30))
    log.let_go(0, 20)
    repaired(shelf, log)
    (left,) = shelf.verify(log).findings
    assert (left.kind, left.range, left.mend) == ("gap", Range(10, 20), None)


def test_a_file_that_somebody_put_there_meanwhile_is_not_written_over(shelf: Shelf) -> None:
    paths = shelf.tile(0, 10, 25, 30)
    shelf.files.remove(paths[1])
    log = log_of(*range(30))
    mends = shelf.verify(log).mends
    shelf.put(15, 25, stock=9)
    (done,) = [repair(shelf.catalogue, log, mend, ROTATION) for mend in mends]
    assert "committed meanwhile" in (done.failed or "")
    assert spans(shelf) == [(0, 10), (15, 25), (25, 30)]


def test_an_archiver_that_wins_the_end_keeps_it(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25)[1])
    log = log_of(*range(40))
    mends = shelf.verify(log, committed=25).mends
    shelf.put(10, 40)
    (done,) = [repair(shelf.catalogue, log, mend, ROTATION) for mend in mends]
    assert "committed meanwhile" in (done.failed or "")
    assert shelf.verify(log, committed=25).right


@pytest.mark.parametrize("call", ["make", "rename", "write", "stat", "list"])
def test_an_outage_at_any_step_leaves_what_the_next_repair_mends(faulty: FaultyFiles, call: str) -> None:
    shelf = Shelf(files=faulty)
    bad = shelf.tile(0, 10, 25, 30)[1]
    shelf.overwrite(bad, b"broken")
    log = log_of(*range(30))
    (mend,) = shelf.verify(log).mends
    faulty.calls.clear()
    repair(Shelf(files=FaultyFiles(_copy(faulty))).catalogue, log, mend, ROTATION)
    for skipped in range(4):
        for fault in ("refused", "unanswered"):
            copy = FaultyFiles(_copy(faulty))
            copy.plan(call, *[None] * skipped, fault)  # type: ignore[arg-type]
            damaged = Shelf(files=copy)
            try:
                repair(damaged.catalogue, log, mend, ROTATION)
            except SinkUnavailable:
                repaired(damaged, log)
            copy._planned.clear()
            assert damaged.verify(log).right, f"{fault} at {call} {skipped}"
            assert archived(damaged) == sent(log)


def _copy(files: FaultyFiles) -> "FaultyFiles":
    from sinks.memory import MemoryFiles

    copy = MemoryFiles()
    inner = files._files
    assert isinstance(inner, MemoryFiles)
    copy._files, copy._modified_ms = dict(inner._files), dict(inner._modified_ms)
    return FaultyFiles(copy)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[int], list[str]]:
    """Offsets that Kafka has records at, where the archive was cut, and what then happened to each file."""
    end = draw(st.integers(4, 40))
    absent = draw(st.sets(st.integers(0, end - 1), max_size=end // 3))
    offsets = [offset for offset in range(end) if offset not in absent] or [0]
    cuts = sorted({0, end, *draw(st.sets(st.integers(1, end - 1), max_size=6))})
    filled = [cut for cut, after in pairwise(cuts) if any(o in range(cut, after) for o in offsets)]
    bounds = [0, *filled[1:], end]  # an archiver writes no segment without records
    fates = draw(st.lists(st.sampled_from(["kept", "kept", "removed", "cut", "emptied"]), min_size=8, max_size=8))
    return offsets, bounds, fates


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), st.integers(1, 9))
def test_whatever_happened_is_found_and_mended(
    shelf: Shelf, history: tuple[list[int], list[int], list[str]], rows: int
) -> None:
    offsets, bounds, fates = history
    shelf = Shelf(shelf.form)
    log = log_of(*offsets)
    log.go_on(0, bounds[-1])
    damaged = False
    for (first, after), fate in zip(pairwise(bounds), fates, strict=False):
        path = shelf.put(first, after, offsets=[offset for offset in offsets if first <= offset < after])
        if fate == "removed":
            shelf.files.remove(path)
        elif fate != "kept":
            shelf.overwrite(path, shelf.data(path)[: -9 if fate == "cut" else 0])
        damaged |= fate != "kept"
    committed = bounds[-1]
    report = shelf.verify(log, committed)
    assert report.right != damaged
    for mend in report.mends:
        assert repair(shelf.catalogue, log, mend, Rotation(1 << 20, rows, 1)).failed is None
    assert shelf.verify(log, committed).findings == []
    assert archived(shelf) == sent(log)
