"""Which files there are, whatever they are called, and whoever writes meanwhile."""

from datetime import date

from sinks.files import Entry
from sinks.memory import MemoryFiles
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, Shelf


def test_segments_are_listed_by_partition_and_offset_whatever_their_dates(shelf: Shelf) -> None:
    shelf.put(20, 30, timestamp_ms=NOON_MS - DAY_MS)
    shelf.put(0, 10, timestamp_ms=NOON_MS + DAY_MS)
    shelf.put(0, 5, partition=1)
    shelf.put(10, 20)
    segments, strays = shelf.catalogue.listing(TOPIC)
    assert [(file.name.partition, file.name.first) for file in segments] == [(0, 0), (0, 10), (0, 20), (1, 0)]
    assert strays == []
    assert segments[0].name.date == date(2025, 11, 29)
    assert segments[0].size == len(shelf.data(segments[0].path))
    assert [file.name.partition for file in shelf.catalogue.listing(TOPIC, [1]).segments] == [1]


def test_strangers_are_told_and_what_is_hidden_is_not() -> None:
    shelf = Shelf()
    good = shelf.put(0, 10)
    day = good.rpartition("/")[0]
    for path in (
        f"{TOPIC}/readme.txt",
        f"{TOPIC}/_SUCCESS",
        f"{TOPIC}/date=soon/x.parquet",
        f"{day}/part-00000.parquet",
        f"{day}/.part-00000.parquet.crc",
        f"{day}/{TOPIC}+0+{10:020d}.jsonl",
        f"{day}/{TOPIC}+0+{20:020d}.parquet/x",
    ):
        shelf.files.write(path, b"")
    segments, strays = shelf.catalogue.listing(TOPIC)
    assert [file.path for file in segments] == [good]
    assert {(stray.path.removeprefix(f"{day}/"), stray.reason) for stray in strays} == {
        (f"{TOPIC}/readme.txt", "no date directory"),
        (f"{TOPIC}/date=soon", "no date directory"),
        ("part-00000.parquet", "not a segment's name"),
        (f"{TOPIC}+0+{10:020d}.jsonl", "a jsonl file, in an archive of parquet files"),
        (f"{TOPIC}+0+{20:020d}.parquet", "a directory with a segment's name"),
    }


def test_topics_are_ours_that_have_a_directory() -> None:
    shelf = Shelf()
    assert shelf.catalogue.topics() == []
    shelf.put(0, 10)
    shelf.files.make("produit-consulte")
    shelf.files.make("something")
    assert shelf.catalogue.topics() == ["produit-consulte", TOPIC]


class Busy(MemoryFiles):
    """An archiver commits two segments each time that the directory of the first one's day was listed just before."""

    def __init__(self) -> None:
        super().__init__()
        self.archiver: Shelf | None = None
        self.next = 10

    def list(self, path: str) -> list[Entry]:
        found = super().list(path)
        if path.endswith("date=2025-11-28") and self.archiver:
            self.archiver.put(self.next, self.next + 10, timestamp_ms=NOON_MS)
            self.archiver.put(self.next + 10, self.next + 20, timestamp_ms=NOON_MS + DAY_MS)
            self.next += 20
        return found


def test_a_listing_beside_an_archiver_has_no_hole() -> None:
    files = Busy()
    shelf = Shelf(files=files)
    shelf.put(0, 10)
    files.make(f"{TOPIC}/date=2025-11-29")
    files.archiver = shelf
    for _ in range(3):
        firsts = [file.name.first for file in shelf.catalogue.listing(TOPIC).segments]
        assert firsts == list(range(0, firsts[-1] + 10, 10))
    assert len(firsts) > 3, "the archiver did not come in between"


def test_a_footer_that_cannot_be_read_is_none(shelf: Shelf) -> None:
    path = shelf.put(0, 10)
    (file,) = shelf.catalogue.listing(TOPIC).segments
    footer = shelf.catalogue.footer(file)
    assert footer is not None
    assert (footer.next, footer.rows) == (10, 10 if shelf.form == "parquet" else None)
    shelf.overwrite(path, shelf.data(path)[:-3])
    (file,) = shelf.catalogue.listing(TOPIC).segments
    assert shelf.catalogue.footer(file) is None
    shelf.files.remove(path)
    assert shelf.catalogue.footer(file) is None


def test_unfinished_uploads_are_counted(shelf: Shelf) -> None:
    shelf.put(0, 10)
    shelf.files.write("_tmp/x", b"")
    assert [entry.name for entry in shelf.catalogue.unfinished()] == ["x"]
