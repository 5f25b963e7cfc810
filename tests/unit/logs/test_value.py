"""Whatever a field holds, the line is JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.errors import WriterFenced
from shopnow_streams.logs.value import of_json
from shopnow_streams.topics import Topic


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "as_json"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("é\n\ud800", "é\n\ud800"),
        (b"key", "b'key'"),
        (next(iter(Topic)), str(next(iter(Topic)))),
        (Path("/var/x"), "/var/x"),
        (WriterFenced("partition 3: taken", partition=3), "WriterFenced: partition 3: taken"),
        ((1, "a"), [1, "a"]),
        ({("a", 1): {2: b"x"}}, {"('a', 1)": {"2": "b'x'"}}),
        (Hostile(), "<Hostile, which can't be shown: RuntimeError>"),
    ],
)
def test_each_kind(value: Any, as_json: Any) -> None:
    assert of_json(value) == as_json


def test_a_field_that_holds_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert json.dumps(of_json(endless))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates()
keys = st.text() | st.integers() | st.tuples(st.text(), st.integers())


@settings(max_examples=20)
@given(st.recursive(scalars, lambda each: st.lists(each) | st.dictionaries(keys, each)))
def test_anything_is_json(value: Any) -> None:
    json.loads(json.dumps(of_json(value), allow_nan=False))
