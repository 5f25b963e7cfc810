"""A segment as JSON lines: read by `grep` and `jq`, and every byte still there."""

import base64
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.errors import ArchiveCorrupt
from sinks import jsonlines
from sinks.segments import Records, SegmentName

NAME = SegmentName("produit-consulte", 3, 1_000, date(2025, 11, 28), "jsonl")


def make_file(records: list[Any]) -> bytes:
    encoder = jsonlines.encoder("produit-consulte", 3, 1_000)
    encoder.add(Records.of(records))
    assert encoder.size == encoder.held
    data = encoder.finish(records[-1][0] + 1)
    assert encoder.size == len(data)
    return data


def next_offset(data: bytes, name: SegmentName = NAME) -> int:
    return jsonlines.next_offset(name, len(data), lambda start, length: data[start : start + length])


def test_a_line_as_the_readme_shows_it() -> None:
    (line,) = make_file([(1_007, 1_764_331_200_000, b"1597", '{"nom_produit":"été"}'.encode())]).splitlines()
    assert json.loads(line) == {
        "kafka_topic": "produit-consulte",
        "kafka_partition": 3,
        "kafka_offset": 1_007,
        "kafka_timestamp": 1_764_331_200_000,
        "kafka_key": "1597",
        "value": '{"nom_produit":"été"}',
    }


RAW = st.none() | st.binary() | st.text().map(str.encode)


@given(st.lists(st.tuples(RAW, RAW), min_size=1))
def test_every_byte_is_there(sent: list[tuple[bytes | None, bytes | None]]) -> None:
    data = make_file([(1_000 + index, 5, key, value) for index, (key, value) in enumerate(sent)])
    lines = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    assert [(raw(line, "kafka_key"), raw(line, "value")) for line in lines] == sent
    assert next_offset(data) == 1_000 + len(sent)


def raw(line: dict[str, str], name: str) -> bytes | None:
    if name in line:
        return line[name].encode()
    return base64.b64decode(line[f"{name}_base64"]) if f"{name}_base64" in line else None


def test_a_last_line_longer_than_guessed_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "TAIL_GUESS", 16)
    assert next_offset(make_file([(1_000, 5, None, b"x"), (1_005, 5, None, b"y" * 1_000)])) == 1_006
    assert next_offset(make_file([(1_000, 5, None, b"y" * 1_000)])) == 1_001


@pytest.mark.parametrize("data", [b"", b"{", b"null\n", make_file([(1_000, 5, None, b"x")])[:-1]])
def test_a_file_that_ends_within_a_line_is_no_file(data: bytes) -> None:
    with pytest.raises(ArchiveCorrupt, match=r"produit-consulte\+3\+00000000000000001000\.jsonl"):
        next_offset(data)


@pytest.mark.parametrize(
    "name",
    [
        SegmentName("article-ajoute", 3, 1_000, NAME.date, "jsonl"),
        SegmentName("produit-consulte", 2, 1_000, NAME.date, "jsonl"),
        SegmentName("produit-consulte", 3, 1_001, NAME.date, "jsonl"),
    ],
)
def test_a_file_under_another_name_is_refused(name: SegmentName) -> None:
    with pytest.raises(ArchiveCorrupt, match="ends with offset 1000 of produit-consulte/3"):
        next_offset(make_file([(1_000, 5, None, b"x")]), name)
