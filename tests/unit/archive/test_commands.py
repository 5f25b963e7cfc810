"""`shopnow archive …` as typed, on a directory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shopnow_streams.archive.exclusive import LOCK, ExclusiveLock
from shopnow_streams.archive.findings import Place
from shopnow_streams.archive.partition import Committed
from shopnow_streams.archive.verification import Verifier
from shopnow_streams.cli import archive_seal, archive_verify
from shopnow_streams.cli.archive import archive
from shopnow_streams.errors import ArchiveBusy, ArchiveMissing, KafkaUnavailable, SettingsError
from sinks.local import LocalFiles
from tests.unit.archive.shelf import DAY_MS, NOON_MS, TOPIC, MemoryLog, Shelf, log_of


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An archive in a directory, which the environment names."""
    monkeypatch.setenv("SHOPNOW_ARCHIVE", f"file://{tmp_path}/archive")
    return Shelf(files=LocalFiles(tmp_path / "archive"))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MemoryLog:
    """Offsets 0 to 29 of one partition, all of which the archive's group committed."""
    log = log_of(*range(30))

    @contextmanager
    def opened(_connection: object) -> Iterator[MemoryLog]:
        yield log

    for module in (archive_seal, archive_verify):
        monkeypatch.setattr(module, "KafkaLog", opened)
    monkeypatch.setattr(archive_verify, "_committed", lambda _settings: {Place(TOPIC, 0): Committed("shop", 30)})
    return log


def run(*words: str) -> Result:
    return CliRunner().invoke(archive, list(words))


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_ls_shows_the_latest_segments_and_how_many_there_are_besides(shelf: Shelf) -> None:
    paths = shelf.tile(0, 1_000, 1_010, 1_020)
    ran = run("ls", "--limit", "2")
    assert ran.exit_code == 0
    assert [line.split()[:4] for line in ran.stdout.splitlines()[1:]] == [
        [f"{TOPIC}/0", "1,000", "1,010", "10"],
        [f"{TOPIC}/0", "1,010", "1,020", "10"],
    ]
    assert ran.stderr == "earlier segments not shown: 1 (--limit)\n"
    first, *_ = told("ls", TOPIC)
    assert (first["path"], first["next"], first["rows"], first["date"]) == (paths[0], 1_000, 1_000, "2025-11-28")
    assert told("ls", "--partition", "1") == []


def test_ls_shows_a_file_that_cannot_be_read(shelf: Shelf) -> None:
    shelf.overwrite(shelf.tile(0, 10, 20)[1], b"nothing")
    assert "unreadable" in run("ls").stdout
    assert [row["readable"] for row in told("ls")] == [True, False]


def test_du_sums_up_each_topic(shelf: Shelf) -> None:
    shelf.tile(0, 10, 20)
    shelf.tile(0, 5, partition=1)
    rows = [line.split() for line in run("du").stdout.splitlines()[1:]]
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (f"{TOPIC}/0", "2", "20"),
        (f"{TOPIC}/1", "1", "5"),
        (TOPIC, "3", "25"),
    ]
    assert [(part["partition"], part["records"], part["unreadable"]) for part in told("du")] == [(0, 20, 0), (1, 5, 0)]


def test_show_takes_an_offset_a_path_and_a_url(shelf: Shelf) -> None:
    path = shelf.tile(0, 10, 20)[1]
    by_offset = run("show", TOPIC, "0", "13", "--limit", "2", "--json")
    assert [json.loads(line)["kafka_offset"] for line in by_offset.stdout.splitlines()] == [13, 14]
    assert by_offset.stderr == "the first 2: --limit shows more\n"
    for where in (path, f"{shelf_url()}/{path}"):
        assert json.loads(run("show", where, "--json").stdout.splitlines()[0])["kafka_offset"] == 10


def shelf_url() -> str:
    import os

    return os.environ["SHOPNOW_ARCHIVE"]


def test_show_is_a_table_with_the_value_of_what_is_no_event(shelf: Shelf) -> None:
    shelf.tile(0, 20)
    lines = run("show", TOPIC, "0", "13", "--limit", "2").stdout.splitlines()
    assert lines[1].split()[:4] == ["offset", "timestamp", "key", "rejected"]
    assert "no event" not in lines[2]
    assert "not-json" in lines[3]
    assert lines[3].rstrip().endswith("no event")
    assert "id_produit" in run("show", TOPIC, "0", "13", "--limit", "1", "--raw").stdout.splitlines()[2]


@pytest.mark.parametrize("words", [("show", TOPIC, "0"), ("show", TOPIC, "zero", "1"), ("show",)])
def test_show_says_how_it_is_called(shelf: Shelf, words: tuple[str, ...]) -> None:
    shelf.tile(0, 10)
    assert run(*words).exit_code == 2


def test_verify_of_an_archive_that_is_right_ends_with_0(shelf: Shelf, kafka: MemoryLog) -> None:
    shelf.tile(0, 10, 30)
    ran = run("verify")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[-1] == "right: 30 records in 2 segments, each once"
    alone = run("verify", "--no-kafka")
    assert alone.exit_code == 0
    assert "Kafka was not asked" in alone.stdout.splitlines()[-1]


def test_verify_names_what_is_wrong_and_ends_with_1(shelf: Shelf, kafka: MemoryLog) -> None:
    paths = shelf.tile(0, 10, 20, 25, 30)
    shelf.files.remove(paths[1])
    shelf.overwrite(paths[2], shelf.data(paths[2])[:-9])
    ran = run("verify", TOPIC)
    assert ran.exit_code == 1
    assert f"gap {TOPIC}/0 offsets 10 to 19: no file has these offsets, and Kafka has records there" in ran.stdout
    assert f"{TOPIC}/date=*/{TOPIC}+0+00000000000000000010.parquet" in ran.stdout
    assert f"unreadable {TOPIC}/0 offsets 20 to 24: {paths[2]}" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "wrong: 2 findings in 1 place; --repair mends 2"
    found = told("verify", TOPIC)
    assert found["verdict"] == "wrong"
    assert [(each["kind"], each["first"], each["next"], each["mendable"]) for each in found["findings"]] == [
        ("gap", 10, 20, True),
        ("unreadable", 20, 25, True),
    ]
    assert found["repairs"] == []
    assert shelf.files.stat(paths[1]) is None, "a dry run writes nothing"


def test_repair_makes_it_right_and_says_what_it_did(shelf: Shelf, kafka: MemoryLog) -> None:
    paths = shelf.tile(0, 10, 20, 25, 30)
    shelf.files.remove(paths[1])
    shelf.overwrite(paths[2], shelf.data(paths[2])[:-9])
    ran = run("verify", "--repair")
    assert ran.exit_code == 0
    assert f"mended {TOPIC}/0 offsets 10 to 19: 10 records from Kafka in {paths[1]}" in ran.stdout
    assert f"{paths[2]} is now _set-aside/" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "right: 30 records in 4 segments, each once"
    assert told("verify", "--repair")["repairs"] == []


def test_what_cannot_be_mended_stays_wrong(shelf: Shelf, kafka: MemoryLog) -> None:
    shelf.files.remove(shelf.tile(0, 10, 20, 30)[1])
    kafka.let_go(0, 15)
    found = told("verify", "--repair")
    assert [(done["first"], done["next"], done["failed"]) for done in found["repairs"]] == [(15, 20, None)]
    assert [(each["kind"], each["first"], each["next"]) for each in found["findings"]] == [("gap", 10, 15)]
    assert run("verify", "--repair").exit_code == 1


def test_the_groups_commits_are_not_held_against_another_archive(shelf: Shelf, kafka: MemoryLog) -> None:
    shelf.tile(0, 10)
    assert run("verify").exit_code == 1
    assert run("verify", "--archive", shelf_url()).exit_code == 0


def test_repair_needs_kafka(shelf: Shelf) -> None:
    ran = run("verify", "--repair", "--no-kafka")
    assert ran.exit_code == 2
    assert "--no-kafka" in ran.stderr


def test_without_kafka_verify_says_how_it_goes_without(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.tile(0, 10)

    def refuse(_connection: object) -> None:
        raise KafkaUnavailable("no broker")

    monkeypatch.setattr(archive_verify, "KafkaLog", refuse)
    assert str(run("verify").exception) == "no broker. --no-kafka verifies the archive by itself"


def test_unfinished_uploads_are_told_and_are_not_wrong(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    shelf.files.write("_tmp/upload", b"")
    ran = run("verify", "--no-kafka")
    assert ran.exit_code == 0
    assert "unfinished uploads: 1" in ran.stdout
    assert told("verify", "--no-kafka")["unfinished"] == 1


def test_diff_ends_with_0_where_both_are_the_same_and_else_with_1(shelf: Shelf, tmp_path: Path) -> None:
    other = Shelf("jsonl", LocalFiles(tmp_path / "other"))
    shelf.tile(0, 10, 30)
    other.tile(0, 7, 20, 30)
    urls = (shelf_url(), f"file://{tmp_path}/other")
    same = run("diff", *urls)
    assert same.exit_code == 0
    assert same.stdout.splitlines()[-1] == "same: 30 records in both"
    other.put(30, 40)
    differing = run("diff", *urls)
    assert differing.exit_code == 1
    assert f"{TOPIC}/0 only in B: offsets 30 to 39" in differing.stdout
    assert differing.stdout.splitlines()[-1] == "different in 1 of 1 partitions"
    assert run("diff", *urls, "--common").exit_code == 0
    found = json.loads(run("diff", *urls, "--json", "--topic", TOPIC).stdout)
    assert found["same"] is False
    assert found["partitions"][0]["only_b"] == {"records": 10, "ranges": [[30, 40]], "more_ranges": 0}


def test_expire_shows_what_would_go_and_deletes_it_when_told(shelf: Shelf) -> None:
    paths = shelf.tile(0, 10, 20)
    shelf.put(20, 30, timestamp_ms=NOON_MS + DAY_MS)
    ran = run("expire", "--before", "2025-11-29")
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[1].split()[:4] == [f"{TOPIC}/0", "2025-11-28", "2025-11-28", "2"]
    assert "2 segments of days before 2025-11-29" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("would go: --delete deletes them")
    assert shelf.files.stat(paths[0]) is not None, "nothing went"
    done = told("expire", "--before", "2025-11-29", "--delete")
    assert (done["deleted"], done["partitions"][0]["paths"]) == (True, paths)
    assert shelf.files.stat(paths[0]) is None
    assert shelf.files.stat(LOCK) is None
    assert run("verify", "--no-kafka").exit_code == 0
    assert run("expire", "--keep-days", "1", "--delete").stdout.startswith("nothing is of days before ")


@pytest.mark.parametrize("words", [(), ("--before", "2025-11-29", "--keep-days", "3"), ("--keep-days", "0")])
def test_expire_wants_one_age(shelf: Shelf, words: tuple[str, ...]) -> None:
    shelf.tile(0, 10)
    assert run("expire", *words).exit_code == 2


@pytest.fixture
def sealable(shelf: Shelf, kafka: MemoryLog) -> Shelf:
    """An archive that is as far as Kafka is."""
    shelf.tile(0, 10, 30)
    return shelf


def test_seal_seals_what_is_over_and_seals_shows_it(sealable: Shelf) -> None:
    assert run("seals").stdout == "no hour is sealed yet: `shopnow archive seal`\n"
    ran = run("seal", TOPIC)
    assert ran.exit_code == 0
    assert ran.stdout == "sealed: 2 hours of 1 topics, 30 records\n", "that of the records, and the last one"
    rows = [line.split()[:4] for line in run("seals").stdout.splitlines()[1:]]
    assert rows[0] == [TOPIC, "2025-11-28T12", "1", "30"]
    first, _ = told("seals", TOPIC)
    assert (first["hour"], first["partitions"]["0"][0]["records"]) == ("2025-11-28T12:00:00Z", 30)
    assert told("seal", TOPIC) == {"sealed": [], "amended": [], "behind": []}
    assert run("verify", "--no-kafka").exit_code == 0


def test_seal_says_where_the_archive_is_behind(sealable: Shelf) -> None:
    sealable.files.remove(sealable.catalogue.listing(TOPIC).segments[1].path)
    ran = run("seal", TOPIC)
    assert ran.exit_code == 1
    assert f"{TOPIC}/0 is archived to offset 10, and Kafka has more of 2025-11-28T12: not sealed yet\n" in ran.stdout


def test_a_directory_is_not_compacted(shelf: Shelf) -> None:
    shelf.tile(0, 10, 20, 30)
    refused = run("compact").exception
    assert isinstance(refused, SettingsError)
    assert "only HDFS makes several files one" in str(refused)


def test_what_reads_every_file_waits_for_the_end_of_what_takes_them_away(shelf: Shelf) -> None:
    shelf.tile(0, 10)
    ExclusiveLock(shelf.files).acquire("compact")
    for words in (("verify", "--no-kafka"), ("diff", shelf_url(), shelf_url())):
        assert isinstance(run(*words).exception, ArchiveBusy)


def test_what_went_away_while_it_was_verified_is_no_finding(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = shelf.tile(0, 10, 20, 30)
    listing = Verifier.listing

    def listed(*given: object) -> object:
        found = listing(*given)  # type: ignore[arg-type]
        shelf.files.remove(paths[1])
        return found

    monkeypatch.setattr(Verifier, "listing", listed)
    ran = run("verify", TOPIC, "--no-kafka")
    assert isinstance(ran.exception, ArchiveBusy)
    assert "verify again" in str(ran.exception)


@pytest.mark.parametrize("command", ["ls", "du", "verify"])
def test_an_archive_that_is_not_there_is_one_sentence(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPNOW_ARCHIVE", f"file://{tmp_path}/nothing")
    assert isinstance(run(command).exception, ArchiveMissing)
    monkeypatch.setenv("SHOPNOW_ARCHIVE", "")
    assert run(command).exit_code == 2


def test_an_empty_archive_is_shown_as_such(shelf: Shelf) -> None:
    shelf.files.make("")
    assert run("ls").stdout == run("du").stdout == "nothing is archived there\n"
