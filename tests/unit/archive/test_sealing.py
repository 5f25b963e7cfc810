"""Hours that are over get a seal, what is late an amendment. Kills change neither, compactions keep them true."""

from contextlib import suppress

import msgspec
import pytest

from shopnow_streams.archive.catalogue import Catalogue
from shopnow_streams.archive.exclusive import ExclusiveLock
from shopnow_streams.archive.expiry import Expirer
from shopnow_streams.archive.expiry import plan as plan_expiry
from shopnow_streams.archive.seal import Seal, SealName, hour_text, parse_seal_path, seal_path
from shopnow_streams.archive.sealed import Seals
from shopnow_streams.archive.sealing import Sealed, Sealer
from shopnow_streams.archive.tally import HOUR_MS
from shopnow_streams.errors import ArchiveBusy, ArchiveCorrupt, SinkUnavailable
from sinks.archive import Archive
from sinks.faults import FaultyFiles
from sinks.memory import MemoryFiles
from sinks.segments import date_of
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, Shelf
from tests.unit.archive.test_compactor import Killed, Watched, compact

Summary = dict[str, dict[int, list[tuple[int, int, int | None]]]]


def seal(shelf: Shelf, until_ms: int, *, take_over: bool = False) -> Sealed:
    lock = ExclusiveLock(shelf.files)
    lock.acquire("seal", take_over=take_over)
    sealer = Sealer(shelf.catalogue, TOPIC, lock.check)
    done = sealer.seal(until_ms, sealer.ends())
    lock.release()
    return done


def seals(shelf: Shelf) -> Summary:
    """By hour and partition each part: below which offset, how many records, the first of them."""
    return {
        hour_text(each.hour_ms): {
            number: [(part.below, part.records, part.first) for part in parts]
            for number, parts in each.partitions.items()
        }
        for each in Seals(shelf.files, TOPIC).all()
    }


@pytest.fixture
def shelf() -> Shelf:
    """Records of 12 o'clock in two partitions, and some of 13 o'clock in one."""
    shelf = Shelf(files=Watched())
    shelf.tile(0, 10, 20)
    shelf.put(20, 25, timestamp_ms=NOON_MS + HOUR_MS)
    shelf.tile(0, 7, partition=1)
    return shelf


NOON_SEALED = {0: [(25, 20, 0)], 1: [(7, 7, 0)]}


def test_an_hour_that_is_over_is_sealed_with_all_partitions(shelf: Shelf) -> None:
    done = seal(shelf, NOON_MS + HOUR_MS)
    assert [(each.records, each.late) for each in done.sealed] == [(27, 0)]
    assert seals(shelf) == {"2025-11-28T12": NOON_SEALED}
    assert shelf.files.stat(f"_seals/{TOPIC}/date=2025-11-28/hour=12.json") is not None
    assert seal(shelf, NOON_MS + HOUR_MS) == Sealed([], []), "nothing more is over"
    assert shelf.verify().right


def test_what_was_open_is_sealed_when_it_is_over_and_what_is_late_amends(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    shelf.put(25, 27, timestamp_ms=NOON_MS)
    shelf.put(27, 30, timestamp_ms=NOON_MS + HOUR_MS)
    shelf.put(30, 31, timestamp_ms=NOON_MS + 2 * HOUR_MS)
    done = seal(shelf, NOON_MS + 2 * HOUR_MS)
    assert [hour_text(each.hour_ms) for each in done.amended] == ["2025-11-28T12"]
    assert seals(shelf) == {
        "2025-11-28T12": {0: [(25, 20, 0), (31, 2, 25)], 1: [(7, 7, 0)]},
        "2025-11-28T13": {0: [(31, 8, 20)], 1: [(7, 0, None)]},
    }
    (first,) = (seal for seal in Seals(shelf.files, TOPIC).all() if seal.late)
    assert (first.records, first.late) == (29, 2)
    assert shelf.verify().right


def test_an_hour_without_records_has_a_seal_only_where_it_is_the_last(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + 5 * HOUR_MS)
    assert list(seals(shelf)) == ["2025-11-28T12", "2025-11-28T13", "2025-11-28T16"]
    shelf.put(25, 28, timestamp_ms=NOON_MS + 2 * HOUR_MS)
    seal(shelf, NOON_MS + 6 * HOUR_MS)
    assert seals(shelf)["2025-11-28T14"] == {0: [(25, 0, None), (28, 3, 25)], 1: [(7, 0, None)]}
    assert shelf.verify().right


def test_a_partition_that_came_later_is_sealed_from_then_on(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    shelf.tile(0, 4, partition=2)
    seal(shelf, NOON_MS + 2 * HOUR_MS)
    assert seals(shelf)["2025-11-28T12"][2] == [(0, 0, None), (4, 4, 0)]
    assert shelf.verify().right


def test_records_of_hours_to_come_wait(shelf: Shelf) -> None:
    shelf.put(25, 26, timestamp_ms=NOON_MS + 9 * DAY_MS)
    seal(shelf, NOON_MS + HOUR_MS)
    seal(shelf, NOON_MS + 2 * HOUR_MS)
    assert sum(part[1] for hour in seals(shelf).values() for parts in hour.values() for part in parts) == 32
    seal(shelf, NOON_MS + 9 * DAY_MS + HOUR_MS)
    assert seals(shelf)["2025-12-07T12"] == {0: [(26, 1, 25)], 1: [(7, 0, None)]}
    assert shelf.verify().right


@pytest.mark.parametrize("done_first", [False, True])
def test_killed_anywhere_the_next_pass_says_the_same(done_first: bool) -> None:
    def played(last: int) -> tuple[Shelf, int]:
        files = Watched()
        shelf = Shelf(files=files)
        shelf.tile(0, 10, 20)
        shelf.tile(0, 7, partition=1)
        seal(shelf, NOON_MS + HOUR_MS)
        shelf.put(20, 27, timestamp_ms=NOON_MS)
        shelf.put(27, 30, timestamp_ms=NOON_MS + HOUR_MS)
        files.changes.clear()
        files.last, files.done_first = last, done_first
        with suppress(Killed):
            seal(shelf, NOON_MS + 2 * HOUR_MS)
        files.last = -1
        return shelf, len(files.changes)

    whole, changes = played(-1)
    expected = seals(whole)
    assert expected["2025-11-28T12"][0] == [(20, 20, 0), (30, 7, 20)]
    assert changes > 8
    for last in range(1, changes + 1):
        shelf, _ = played(last)
        shelf.put(30, 33, timestamp_ms=NOON_MS)
        seal(shelf, NOON_MS + 2 * HOUR_MS, take_over=True)
        found = seals(shelf)
        if last > 4 or (last == 4 and done_first):  # its intent was written whole
            assert found == expected, last
        assert shelf.verify().right
        seal(shelf, NOON_MS + 3 * HOUR_MS)
        late = seals(shelf)["2025-11-28T12"][0]
        assert sum(part[1] for part in late) == 30, "the last three are there once"
        assert shelf.verify().right


def test_an_intent_that_was_cut_never_gets_its_name(shelf: Shelf) -> None:
    faulty = FaultyFiles(shelf.files)
    faulty.plan("write", "cut-unnoticed")
    sealer = Sealer(Catalogue(Archive(faulty, shelf.archive.form)), TOPIC, lambda: None)
    with pytest.raises(SinkUnavailable, match="cut"):
        sealer.seal(NOON_MS + HOUR_MS, sealer.ends())
    assert shelf.files.stat(f"_seals/{TOPIC}/_pass.json") is None
    seal(shelf, NOON_MS + HOUR_MS)
    assert seals(shelf) == {"2025-11-28T12": NOON_SEALED}


def test_where_offsets_are_missing_no_hour_is_sealed(shelf: Shelf) -> None:
    gone = shelf.catalogue.listing(TOPIC).segments[1]
    shelf.files.remove(gone.path)
    with pytest.raises(ArchiveCorrupt, match="no file of the offsets 10 to 19"):
        seal(shelf, NOON_MS + HOUR_MS)
    assert seals(shelf) == {}
    shelf.put(10, 20)
    seal(shelf, NOON_MS + HOUR_MS, take_over=True)
    assert seals(shelf) == {"2025-11-28T12": NOON_SEALED}
    assert shelf.verify().right


def test_whoever_lost_the_lock_seals_nothing_more(shelf: Shelf) -> None:
    def refuse() -> None:
        raise ArchiveBusy("another's")

    with pytest.raises(ArchiveBusy):
        Sealer(shelf.catalogue, TOPIC, refuse).seal(NOON_MS + HOUR_MS, {0: 25, 1: 7})
    assert shelf.files.list(f"_seals/{TOPIC}") == []
    asked = iter([None, None])

    def once() -> None:
        if next(asked, "lost") == "lost":
            raise ArchiveBusy("another's")

    with pytest.raises(ArchiveBusy):
        Sealer(shelf.catalogue, TOPIC, once).seal(NOON_MS + 2 * HOUR_MS, {0: 25, 1: 7})
    assert list(seals(shelf)) == ["2025-11-28T12"], "its intent and one hour"


def test_a_pass_that_was_killed_is_finished_to_the_offsets_that_it_began_with(shelf: Shelf) -> None:
    """Whatever came since, and whatever files the records are in by then."""
    assert isinstance(shelf.files, Watched)
    shelf.files.changes.clear()
    shelf.files.last, shelf.files.done_first = 5, True
    with pytest.raises(Killed):
        seal(shelf, NOON_MS + HOUR_MS)
    shelf.files.last = -1
    assert shelf.files.stat(f"_seals/{TOPIC}/_pass.json") is not None
    assert seals(shelf) == {}
    shelf.put(25, 30, timestamp_ms=NOON_MS)
    shelf.put(30, 31, timestamp_ms=NOON_MS + DAY_MS)
    assert compact(shelf, take_over=True)
    seal(shelf, NOON_MS + HOUR_MS)
    assert seals(shelf) == {"2025-11-28T12": NOON_SEALED}
    seal(shelf, NOON_MS + 2 * HOUR_MS)
    assert seals(shelf)["2025-11-28T12"][0] == [(25, 20, 0), (31, 5, 25)]
    assert shelf.verify().right


def test_verify_misses_files_that_are_all_gone(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    for file in shelf.catalogue.listing(TOPIC).segments:
        shelf.files.remove(file.path)
    found = shelf.verify().findings
    assert {(each.kind, each.partition) for each in found} == {("seal", 0), ("seal", 1)}


def test_a_compaction_keeps_every_seal_true(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    shelf.put(25, 30, timestamp_ms=NOON_MS + DAY_MS)
    before = seals(shelf)
    assert compact(shelf)
    assert shelf.verify().right
    assert seals(shelf) == before
    seal(shelf, NOON_MS + DAY_MS + HOUR_MS)
    assert seals(shelf)["2025-11-28T13"] == {0: [(30, 5, 20)], 1: [(7, 0, None)]}
    assert shelf.verify().right


def test_a_record_that_is_another_is_found(shelf: Shelf) -> None:
    """Its file is whole and its offsets are right: only the seal knows."""
    seal(shelf, NOON_MS + HOUR_MS)
    shelf.files.remove(shelf.catalogue.listing(TOPIC).segments[1].path)
    shelf.put(10, 20, stock=2)
    (found,) = shelf.verify().findings
    assert (found.kind, found.partition, found.range) == ("seal", 0, (0, 25 - 5))
    assert "the hour 2025-11-28T12 was sealed with 20 records" in found.what
    assert found.path == f"_seals/{TOPIC}/date=2025-11-28/hour=12*.json"


def test_what_is_missing_is_named_once(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    shelf.files.remove(shelf.catalogue.listing(TOPIC).segments[1].path)
    assert [found.kind for found in shelf.verify().findings] == ["gap"]


def test_what_was_expired_is_not_compared(shelf: Shelf) -> None:
    shelf.put(25, 30, timestamp_ms=NOON_MS + DAY_MS)
    shelf.put(7, 9, partition=1, timestamp_ms=NOON_MS + DAY_MS)
    seal(shelf, NOON_MS + DAY_MS + HOUR_MS)
    tomorrow = date_of(NOON_MS + DAY_MS)
    for each in plan_expiry(shelf.catalogue.listing(TOPIC).segments, tomorrow):
        Expirer(shelf.catalogue, tomorrow, lambda: None).expire(each)
    assert shelf.verify().right
    shelf.put(30, 31, timestamp_ms=NOON_MS + DAY_MS)
    shelf.files.remove(shelf.catalogue.listing(TOPIC).segments[0].path)
    shelf.put(25, 30, timestamp_ms=NOON_MS + DAY_MS, stock=3)
    assert [found.kind for found in shelf.verify().findings] == ["seal"]


def test_lines_of_json_are_sealed_alike(shelf: Shelf) -> None:
    lines = Shelf("jsonl", MemoryFiles())
    lines.tile(0, 4, 20)
    lines.put(20, 25, timestamp_ms=NOON_MS + HOUR_MS)
    lines.tile(0, 7, partition=1)
    for each in (shelf, lines):
        seal(each, NOON_MS + HOUR_MS)
    assert [s.partitions for s in Seals(lines.files, TOPIC).all()] == [
        s.partitions for s in Seals(shelf.files, TOPIC).all()
    ]
    assert lines.verify().right


def test_a_seal_that_is_none_is_said(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    path = seal_path(TOPIC, SealName(NOON_MS, 0))
    good = shelf.files.read(path, 0, 10_000)
    for bad, said in ((b"{}", "is no seal"), (good.replace(b"T12:00", b"T13:00"), "is the seal of another hour")):
        shelf.overwrite(path, bad)
        (found,) = shelf.verify().findings
        assert (found.kind, found.path) == ("seal", path)
        assert said in found.what


def test_a_name_is_given_once(shelf: Shelf) -> None:
    seal(shelf, NOON_MS + HOUR_MS)
    (known,) = Seals(shelf.files, TOPIC).all()
    with pytest.raises(SinkUnavailable):
        Seals(shelf.files, TOPIC).put(SealName(NOON_MS, 0), msgspec.structs.replace(known, partitions={}))
    assert isinstance(known, Seal)


@pytest.mark.parametrize("revision", [0, 1, 12])
def test_the_path_says_the_hour_and_the_revision(revision: int) -> None:
    name = SealName(NOON_MS, revision)
    assert parse_seal_path(seal_path(TOPIC, name)) == name


@pytest.mark.parametrize("path", ["_seals/t/_pass.json", "_seals/t/date=2025-11-28/hour=24.json", "hour=12.json"])
def test_other_files_are_no_seals(path: str) -> None:
    assert parse_seal_path(path) is None
