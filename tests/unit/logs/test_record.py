"""What a record is about becomes fields, whoever made it: ours, Faust's, mode's and aiokafka's words alike."""

import logging
import sys
from typing import Any

import pytest
from aiokafka.structs import TopicPartition
from faust.types import TP

from shopnow_streams.errors import OffsetsLost
from shopnow_streams.logs.logger import SAID
from shopnow_streams.logs.record import describe

ALWAYS = {"time", "level", "logger", "event", SAID}


def described(
    message: str, *args: Any, level: int = logging.INFO, exc_info: Any = None, **extra: Any
) -> dict[str, Any]:
    logger = logging.getLogger("aiokafka.consumer")
    record = logger.makeRecord(logger.name, level, "x.py", 1, message, args, exc_info, extra=extra)
    event = {"event": record.getMessage(), "_record": record, "_from_structlog": False, "positional_args": record.args}
    if record.exc_info:
        event["exc_info"] = record.exc_info
    fields: dict[str, Any] = describe(None, "info", event)
    return fields


def others(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {name: value for name, value in described(*args, **kwargs).items() if name not in ALWAYS}


def test_time_level_logger_and_event_come_first() -> None:
    fields = described("it is %s", "so", level=logging.WARNING, partition=3)
    assert list(fields)[:4] == ["time", "level", "logger", "event"]
    assert (fields["level"], fields["logger"], fields["event"]) == ("warning", "aiokafka.consumer", "it is so")


def test_the_time_is_that_of_the_record_in_utc() -> None:
    record = logging.makeLogRecord({"msg": "x", "created": 1764325800.1239})
    event = {"event": "x", "_record": record, "_from_structlog": False, "positional_args": ()}
    assert describe(None, "info", event)["time"] == "2025-11-28T10:30:00.123Z"


def test_extra_fields_and_those_of_mode() -> None:
    assert others("x", topic="a", offset=7, data={"more": 1}) == {"topic": "a", "offset": 7, "more": 1}


@pytest.mark.parametrize("name", ["time", "level", "logger", "event"])
def test_a_field_of_the_same_name_does_not_take_their_place(name: str) -> None:
    extra: dict[str, Any] = {name: "mine"}
    assert described("x", **extra)[name] != "mine"


@pytest.mark.parametrize("service", ["Consumer", "Agent: agents.f[.]fold-produit-consulte"])
def test_who_says_it_in_mode_s_way(service: str) -> None:
    fields = described(f"[^--{service}]: %s", "Starting...")
    assert (fields["event"], fields["service"]) == ("Starting...", service)


PARTITIONS = frozenset({TP("b", 0), TP("a", 1), TP("a", 0)})


@pytest.mark.parametrize(
    ("message", "args", "fields"),
    [
        ("Joined group '%s' (generation %s) with member_id %s", ("g", 3, "m"), {"group": "g", "generation": 3}),
        ("offset %s for partition %s", (5, TopicPartition("a", 1)), {"offset": 5, "topic": "a", "partition": 1}),
        ("topic=%r partition: %d", ("a", 2), {"topic": "a", "partition": 2}),
        ("Revoking %s for group %s", (PARTITIONS, "g"), {"group": "g", "partitions": {"a": [0, 1], "b": [0]}}),
        ("positions: %r", ({TP("a", 0): 7},), {"partitions": {"a": [0]}, "offsets": {"a": {0: 7}}}),
        ("100%% of topic %s", ("a",), {"topic": "a"}),
        ("partition %s", ("none",), {}),
        ("offset %s of group %s", (True, 5), {}),
        ("%(topic)s", ({"topic": "a"},), {}),
        ("nothing at all", (), {}),
    ],
)  # fmt: skip
def test_what_stands_in_the_placeholders(message: str, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
    assert others(message, *args) == fields
    assert described(message, *args)[SAID] == set(fields)


def test_an_exception_is_the_error_and_one_of_ours_says_what_it_is_about() -> None:
    lost = OffsetsLost("gone", "produit-consulte", 3)
    for fields in (others("Crashed: %r", lost), others("Crashed", error=lost)):
        assert fields == {"error": lost, "topic": "produit-consulte", "partition": 3}
    try:
        raise lost
    except OffsetsLost:
        fields = others("Crashed", exc_info=sys.exc_info())
    assert fields.pop("exc_info")[1] is lost
    assert fields == {"error": lost, "topic": "produit-consulte", "partition": 3}


def test_what_another_formatter_left_on_the_record_is_no_field() -> None:
    assert others("x", extra="", data=None) == {}
    record = logging.makeLogRecord({"msg": "x", "message": "x", "asctime": "now"})
    event = {"event": "x", "_record": record, "_from_structlog": False, "positional_args": ()}
    assert describe(None, "info", event).keys() == ALWAYS


def test_a_traceback_asked_for_where_nothing_was_raised_is_no_error() -> None:
    assert "error" not in others("x", exc_info=(None, None, None))


def test_what_a_call_gives_goes_before_what_its_error_is_about() -> None:
    assert others("x", error=OffsetsLost("gone", "a", 3), partition=4)["partition"] == 4
