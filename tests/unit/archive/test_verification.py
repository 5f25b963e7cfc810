"""What is wrong with an archive is found, named and located; what is right is found right."""

from collections.abc import Sequence

import pytest

from shopnow_streams.archive.findings import Finding, Mend, Place
from shopnow_streams.archive.verification import Report, Verifier
from sinks.chain import Range
from sinks.memory import MemoryFiles
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, MemoryLog, Shelf, log_of, make_records

PLACE = Place(TOPIC, 0)


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def ranges(report: Report) -> Sequence[tuple[str, Range | None]]:
    return [(finding.kind, finding.range) for finding in report.findings]


def test_an_archive_that_has_every_record_once_is_right(shelf: Shelf) -> None:
    shelf.tile(0, 10, 25, 30)
    shelf.tile(0, 4, partition=1)
    report = shelf.verify(log_of(*range(33), p1=range(4), p2=range(5)), committed=30)
    assert report.right
    zero, one, two = report.partitions
    assert (zero.segments, zero.records, zero.covers, zero.log, zero.behind) == (3, 30, Range(0, 30), Range(0, 33), 3)
    assert zero.bytes == sum(file.size for file in shelf.catalogue.listing(TOPIC, [0]).segments)
    assert (one.records, one.behind) == (4, 0)
    assert (two.place.partition, two.segments, two.covers, two.behind) == (2, 0, None, 5)


def test_without_kafka_the_archive_is_right_by_itself(shelf: Shelf) -> None:
    shelf.tile(0, 10, 25, 30)
    report = shelf.verify()
    assert report.right
    assert (report.partitions[0].log, report.partitions[0].behind) == (None, None)


def test_a_missing_file_is_a_gap_that_kafka_still_has(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    finding = only(shelf.verify(log_of(*range(30))))
    assert (finding.kind, finding.topic, finding.partition, finding.range) == ("gap", TOPIC, 0, Range(10, 25))
    assert finding.path == f"{TOPIC}/date=*/{TOPIC}+0+00000000000000000010.{shelf.form}"
    assert finding.mend == Mend(PLACE, Range(10, 25), None)
    assert "--repair" in finding.todo


def test_a_gap_where_kafka_has_no_record_either_is_none(shelf: Shelf) -> None:
    """A transaction's markers, between two segments and within one."""
    shelf.put(0, 10, offsets=[*range(4), *range(5, 10)])
    shelf.put(12, 20)
    report = shelf.verify(log_of(*range(4), *range(5, 10), *range(12, 20)))
    assert report.right
    assert report.partitions[0].absent == 3


def test_a_gap_that_kafka_does_not_go_back_to_is_told_with_nothing_to_mend(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    log = log_of(*range(30))
    log.let_go(0, 25)
    finding = only(shelf.verify(log))
    assert (finding.kind, finding.range, finding.mend) == ("gap", Range(10, 25), None)
    assert "no longer goes back" in finding.what
    assert "trash" in finding.todo


def test_of_a_gap_that_kafka_has_in_part_that_part_can_be_mended(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    log = log_of(*range(30))
    log.let_go(0, 20)
    finding = only(shelf.verify(log))
    assert (finding.range, finding.mend) == (Range(10, 25), Mend(PLACE, Range(20, 25), None))
    assert "only from 20 on" in finding.what


def test_a_gap_of_which_kafka_has_only_the_part_without_records_cannot_be_told(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    log = log_of(*range(15), *range(25, 30))
    log.let_go(0, 15)
    finding = only(shelf.verify(log))
    assert (finding.kind, finding.range, finding.mend) == ("gap", Range(10, 25), None)


def test_retention_that_overtakes_the_asking_is_asked_again(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])

    class Overtaken(MemoryLog):
        def holding(self, topic: str, partition: int, parts: Sequence[Range]) -> list[Range]:
            self.let_go(0, 25)
            return super().holding(topic, partition, parts)

    finding = only(shelf.verify(Overtaken(TOPIC, {0: make_records(range(30))})))
    assert (finding.kind, finding.mend) == ("gap", None)


def test_a_gap_without_kafka_is_wrong_until_somebody_asks(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    finding = only(shelf.verify())
    assert (finding.kind, finding.range, finding.mend) == ("gap", Range(10, 25), None)
    assert "--kafka" in finding.todo


def test_the_first_file_missing_is_a_gap_where_kafka_has_its_records(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25)[0])
    log = log_of(*range(25))
    assert ranges(shelf.verify(log)) == [("gap", Range(0, 10))]
    log.let_go(0, 10)
    assert shelf.verify(log).right, "an archive may begin where Kafka began"


def test_a_last_file_missing_is_found_by_what_the_group_committed(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[2])
    log = log_of(*range(40))
    assert shelf.verify(log).right, "nobody says that those were archived"
    finding = only(shelf.verify(log, committed=30))
    assert (finding.kind, finding.range) == ("end", Range(25, 30))
    assert "shop-archive" in finding.what
    assert finding.mend == Mend(PLACE, Range(25, 30), None)


def test_all_files_of_a_partition_missing_are_found_by_what_the_group_committed(shelf: Shelf) -> None:
    shelf.put(0, 5, partition=1)
    finding = only(shelf.verify(log_of(*range(40), p1=range(5)), committed=30))
    assert (finding.kind, finding.range) == ("end", Range(0, 30))


def test_a_group_that_committed_past_markers_is_right(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    assert shelf.verify(log_of(*range(10), 12), committed=12).right


def test_records_that_kafka_let_go_of_before_they_were_archived_are_lost(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    log = log_of(*range(40))
    log.let_go(0, 20)
    finding = only(shelf.verify(log))
    assert (finding.kind, finding.range, finding.mend) == ("end", Range(10, 20), None)
    assert "begins only at 20" in finding.what


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b""], ids=["cut", "emptied"])
def test_a_file_that_cannot_be_read_is_named_and_can_be_renewed(shelf: Shelf, damage: object) -> None:
    bad = shelf.tile(0, 10, 25, 30)[1]
    shelf.overwrite(bad, damage(shelf.data(bad)))  # type: ignore[operator]
    finding = only(shelf.verify(log_of(*range(30))))
    assert (finding.kind, finding.range, finding.path) == ("unreadable", Range(10, 25), bad)
    assert finding.mend == Mend(PLACE, Range(10, 25), bad)
    gone = log_of(*range(30))
    gone.let_go(0, 11)
    assert only(shelf.verify(gone)).mend is None, "half of it is not to replace it"
    assert only(shelf.verify()).mend is None


def test_a_last_file_that_cannot_be_read_goes_to_where_the_group_committed(shelf: Shelf) -> None:
    bad = shelf.tile(0, 10, 25)[1]
    shelf.overwrite(bad, b"")
    log = log_of(*range(30))
    finding = only(shelf.verify(log, committed=25))
    assert (finding.range, finding.mend) == (Range(10, 25), Mend(PLACE, Range(10, 25), bad))
    unknown = only(shelf.verify(log))
    assert (unknown.range, unknown.mend) == (None, None)
    assert "_set-aside" in unknown.todo


def test_files_that_overlap_are_told_and_which_of_them_is_needless(shelf: Shelf) -> None:
    shelf.tile(0, 10, 20)
    within = shelf.put(3, 7)
    across = shelf.put(15, 25)
    report = shelf.verify(log_of(*range(25)))
    one, other = report.findings
    assert (one.kind, one.range, one.path, one.mend) == ("overlap", Range(3, 7), within, None)
    assert "all of it" in one.todo
    assert (other.kind, other.range, other.path) == ("overlap", Range(15, 20), across)
    assert "--repair" in other.todo


def test_records_that_a_file_lacks_and_kafka_has_are_lost(shelf: Shelf) -> None:
    path = shelf.put(0, 20, offsets=[*range(5), *range(6, 11), *range(13, 20)])
    finding = only(shelf.verify(log_of(*range(11), *range(12, 20))))
    assert (finding.kind, finding.range, finding.path) == ("lost", Range(5, 13), path)
    assert finding.mend == Mend(PLACE, Range(0, 20), path)


def test_kafka_is_asked_about_a_files_holes_before_the_next_is_taken(shelf: Shelf) -> None:
    """So that what is held does not grow with the archive."""
    for first in range(0, 200, 20):
        shelf.put(first, first + 20, offsets=range(first, first + 20, 2))
    log = log_of(*range(0, 200, 2), 77)
    log.go_on(0, 200)
    asked: list[int] = []
    finding = only(shelf.verify(log, told=lambda _file: asked.append(len(log.asked))))
    assert (finding.kind, finding.range) == ("lost", Range(77, 78))
    assert asked == sorted(set(asked)), "more after each file"


def test_a_log_with_other_records_is_of_another_topic_and_mends_nothing(shelf: Shelf) -> None:
    """A topic that was made anew, and has grown past where the archive ends."""
    bad = shelf.put(0, 10, offsets=[*range(5), *range(6, 10)])
    shelf.files.remove(shelf.put(10, 25))
    last = shelf.put(25, 30)
    anew = MemoryLog(TOPIC, {0: make_records(range(60), stock=9)})
    report = shelf.verify(anew, committed=30)
    assert report.partitions[0].absent == 0
    assert {finding.kind for finding in report.findings} == {"foreign", "gap"}
    assert report.mends == []
    (foreign,) = [finding for finding in report.findings if finding.kind == "foreign"]
    assert foreign.path in (bad, last)


def test_an_archive_that_goes_further_than_kafka_is_of_another_topic(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    ahead, gap = sorted(shelf.verify(log_of(*range(20))).findings, key=lambda finding: finding.kind)
    assert (ahead.kind, ahead.range) == ("ahead", Range(20, 30))
    assert (gap.kind, gap.mend) == ("gap", None), "what that log holds is not what the archive lacks"


def test_strangers_are_wrong(shelf: Shelf) -> None:
    shelf.put(0, 10)
    shelf.files.write(f"{TOPIC}/date=2025-11-28/part-0.{shelf.form}", b"")
    finding = only(shelf.verify())
    assert (finding.kind, finding.path) == ("stray", f"{TOPIC}/date=2025-11-28/part-0.{shelf.form}")


def test_a_file_that_goes_away_while_the_archive_is_read_is_missing(shelf: Shelf) -> None:
    path = shelf.tile(0, 10, 25, 30)[1]
    verifier = Verifier(shelf.catalogue, log_of(*range(30)))
    listing = verifier.listing(TOPIC)
    shelf.files.remove(path)
    report = verifier.verify(TOPIC, listing)
    assert ranges(report) == [("gap", Range(10, 25))]
    assert report.partitions[0].segments == 2


def test_one_partition_alone_can_be_looked_at(shelf: Shelf) -> None:
    shelf.files.remove(shelf.tile(0, 10, 25, 30)[1])
    shelf.tile(0, 5, partition=1)
    report = shelf.verify(log_of(*range(30), p1=range(5), p2=range(3)), partitions=[1])
    assert [part.place.partition for part in report.partitions] == [1]
    assert report.right


def test_each_file_is_told_as_it_is_done(shelf: Shelf) -> None:
    paths = shelf.tile(0, 10, 25, 30)
    told: list[str] = []
    shelf.verify(told=lambda file: told.append(file.path))
    assert told == paths


def test_days_of_segments_in_any_order_are_one_chain(shelf: Shelf) -> None:
    shelf.put(0, 10, timestamp_ms=NOON_MS + DAY_MS)
    shelf.put(10, 20, timestamp_ms=NOON_MS - DAY_MS)
    shelf.put(20, 30, timestamp_ms=-1_000)
    report = shelf.verify()
    assert report.right
    assert report.partitions[0].covers == Range(0, 30)


class Reads(MemoryFiles):
    """Counts bytes read of each segment."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: dict[str, int] = {}

    def read(self, path: str, start: int, length: int) -> bytes:
        data = super().read(path, start, length)
        self.bytes[path] = self.bytes.get(path, 0) + len(data)
        return data


def test_each_file_is_read_once() -> None:
    files = Reads()
    shelf = Shelf(files=files)
    shelf.tile(0, 500, 1_000, 2_000)
    files.bytes.clear()
    assert shelf.verify().right
    assert {path: files.bytes[path] for path in files.bytes} == {
        file.path: file.size for file in shelf.catalogue.listing(TOPIC).segments
    }


def test_a_report_names_each_repair_once_and_takes_others_in(shelf: Shelf) -> None:
    path = shelf.put(0, 20, offsets=[*range(5), *range(6, 20)])
    shelf.overwrite(path, shelf.data(path))
    report = shelf.verify(log_of(*range(20)))
    report.merge(report)
    assert report.mends == [Mend(PLACE, Range(0, 20), path)]
    assert report.without([TOPIC]) == Report()
