"""An outage is told once in a while, not twenty times a second by every client."""

import logging

import confluent_kafka
import pytest

from shopnow_streams.logs.librdkafka import librdkafka_logger
from shopnow_streams.logs.repeats import QUIET_S, REMEMBERED, Repeats
from shopnow_streams.stack.ports import free_ports
from tests.conftest import eventually

REFUSED = (
    "[thrd:b:1/bootstrap]: b:1/bootstrap: Connect to ipv4#b:1 failed: Connection refused (after %dms in state CONNECT)"
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def complaint(text: str, client: str = "rdkafka#consumer-1", level: int = logging.WARNING) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": "%s [%s] %s", "args": ("FAIL", client, text), "levelno": level})


def test_the_same_of_another_client_and_after_another_time_is_the_same() -> None:
    repeats = Repeats(Clock())
    assert repeats.filter(complaint(REFUSED % 0))
    assert not repeats.filter(complaint(REFUSED % 2))
    assert not repeats.filter(complaint(REFUSED % 0, "rdkafka#producer-7"))
    suppressed = (REFUSED % 1).replace("CONNECT", "CONNECT, 30 identical error(s) suppressed")
    assert not repeats.filter(complaint(suppressed))
    assert repeats.filter(complaint((REFUSED % 0).replace("b:1", "b:2")))


def test_it_comes_again_after_a_while_and_says_how_many_were_left_out() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    assert [repeats.filter(complaint(REFUSED % 0)) for _ in range(4)] == [True, False, False, False]
    for left_out in (3, None):
        clock.now += QUIET_S
        again = complaint(REFUSED % 0)
        assert repeats.filter(again)
        assert getattr(again, "left_out", None) == left_out


def test_news_is_told_as_often_as_it_happens() -> None:
    """That a member joins its group again, say, is another event each time."""
    repeats = Repeats(Clock())
    assert all(repeats.filter(complaint("(Re-)joining group shop", level=logging.INFO)) for _ in range(3))


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats(Clock())
    for number in range(3 * REMEMBERED):
        assert repeats.filter(complaint(f"number {number}"))
    assert len(repeats._passed_at) <= REMEMBERED


def test_a_module_s_logger_is_one_with_one_filter() -> None:
    assert librdkafka_logger("x") is librdkafka_logger("x")
    assert len(librdkafka_logger("x").filters) == 1


def test_a_client_without_a_broker_is_heard_once(caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports(1)
    config: dict[str, str | int | float | bool] = {"bootstrap.servers": f"127.0.0.1:{port}", "group.id": "x"}
    client = confluent_kafka.Consumer(config, logger=librdkafka_logger("tests.nowhere"))
    try:
        client.assign([confluent_kafka.TopicPartition("x", 0, 0)])
        eventually(lambda: client.consume(1, 0.3) or caplog.messages, 20)
        for _ in range(3):
            client.consume(1, 0.3)
    finally:
        client.close()
    assert len([said for said in caplog.messages if "Connection refused" in said]) == 1
