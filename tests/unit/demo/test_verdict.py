"""The demo's verdict: right only where all three counts agree."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shopnow_streams.demo.verdict import Archived, Line, compare, read_archive, shown
from shopnow_streams.events import TOPIC_OF, encode
from shopnow_streams.folds import TABLES
from shopnow_streams.folds.definition import Key
from shopnow_streams.simulator import Ledger
from shopnow_streams.simulator.shoppers import shoppers, steady_clock
from shopnow_streams.topics import Topic
from sinks.archive import Archive
from sinks.formats import format_named
from sinks.memory import MemoryFiles
from sinks.segments import Records, Segment, SegmentName, date_of

EVENTS = 400
NOW_MS = 1_764_325_800_000


class FakeApi:
    """Answers with the rows that the folds give, spread over two partitions."""

    def __init__(self, events: list[Any]) -> None:
        self.tables: dict[str, list[dict[Key, Any]]] = {table.name: [{}, {}] for table in TABLES}
        for number, event in enumerate(events):
            for table in TABLES:
                rows = self.tables[table.name][number % 2]
                for flow in table.flows:
                    if flow.topic == TOPIC_OF[type(event)]:
                        for key, parts in flow.groups([event]).items():
                            flow.fold(rows.setdefault(key, table.state()), parts)

    def rows(self, table: str) -> list[tuple[int, dict[str, int], list[list[Any]]]]:
        return [
            (number, {}, [[str(key), msgspec.to_builtins(state)] for key, state in rows.items()])
            for number, rows in enumerate(self.tables[table])
        ]


@pytest.fixture
def events() -> list[Any]:
    clock = steady_clock(datetime(2025, 11, 28, 10, tzinfo=UTC), 5.0)
    return [event for event, _ in zip(shoppers("7", clock), range(EVENTS), strict=False)]


@pytest.fixture
def ledger(events: list[Any]) -> Ledger:
    ledger = Ledger()
    for event in events:
        ledger.take(TOPIC_OF[type(event)], event)
    return ledger


def archive_of(events: list[Any], times: int = 1) -> Archive:
    archive = Archive(MemoryFiles(), format_named("parquet"))
    for topic in Topic:
        records = [
            (offset, NOW_MS, None, encode(event))
            for offset, event in enumerate(event for event in events if TOPIC_OF[type(event)] == topic)
        ]
        if records:
            encoder = archive.form.encoder(topic, 0, 0)
            for _ in range(times):
                encoder.add(Records.of(records))
            name = SegmentName(topic, 0, 0, date_of(NOW_MS), archive.form.NAME)
            archive.commit(Segment(name, len(records), encoder.finish(len(records))))
    return archive


def disagreeing(lines: list[Line]) -> set[str]:
    return {line.what for line in lines if not line.agrees}


def test_three_counts_of_the_same_events_agree(ledger: Ledger, events: list[Any]) -> None:
    lines = compare(ledger, FakeApi(events), read_archive(archive_of(events)))  # type: ignore[arg-type]
    assert disagreeing(lines) == set()
    assert sum(line.sent for line in lines if line.what in set(Topic)) == EVENTS
    assert {"products, all alike", "orders, all alike", "hours, all alike"} <= {line.what for line in lines}
    assert shown(lines).row_count == len(lines)


def test_an_event_that_the_tables_missed_is_seen(ledger: Ledger, events: list[Any]) -> None:
    lines = compare(ledger, FakeApi(events[:-1]), read_archive(archive_of(events)))  # type: ignore[arg-type]
    assert TOPIC_OF[type(events[-1])] in disagreeing(lines)


def test_an_event_that_the_archive_missed_is_seen(ledger: Ledger, events: list[Any]) -> None:
    lines = compare(ledger, FakeApi(events), read_archive(archive_of(events[:-1])))  # type: ignore[arg-type]
    assert disagreeing(lines) >= {TOPIC_OF[type(events[-1])]}


def test_an_offset_that_is_archived_twice_is_seen(ledger: Ledger, events: list[Any]) -> None:
    archived = replace(read_archive(archive_of(events)), repeated=1)
    assert "offsets archived twice" in disagreeing(compare(ledger, FakeApi(events), archived))  # type: ignore[arg-type]


def test_a_wrong_row_is_seen_though_all_sums_are_right(ledger: Ledger, events: list[Any]) -> None:
    api = FakeApi(events)
    one, other = list(api.tables["products"][0].values())[:2]
    one.views, other.views = one.views + 1, other.views - 1
    lines = compare(ledger, api, None)  # type: ignore[arg-type]
    assert disagreeing(lines) == {"products, all alike"}


def test_rows_that_nobody_sent_are_seen(ledger: Ledger, events: list[Any]) -> None:
    api = FakeApi(events)
    api.tables["orders"][0]["nobody's"] = type(next(iter(api.tables["orders"][0].values())))()
    assert disagreeing(compare(ledger, api, None)) == {"orders, all alike"}  # type: ignore[arg-type]


def test_without_an_archive_only_the_tables_are_compared() -> None:
    assert Line("x", 1, 1).agrees
    assert not Line("x", 1, 1, 0).agrees
    assert Archived(Counter(), Counter(), 0, 0, 0).repeated == 0
