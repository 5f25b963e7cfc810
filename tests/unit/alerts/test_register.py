"""What the topic's records leave: the newest of each alert."""

from datetime import timedelta

from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.transition import State
from tests.unit.alerts.facts import NOON, transition


def recorded(at: int, subject: str, state: State | None, offset: int = 0, origin: int = 7) -> Recorded:
    one = None if state is None else transition("low-stock", subject, state, offset, origin)
    return Recorded(at, f"low-stock:{subject}", one)


def test_what_is_resolved_is_no_longer_open_and_of_those_only_the_last_are_kept() -> None:
    register = Register(2)
    for at, subject in enumerate("12345"):
        register.take(recorded(2 * at, subject, "raised"))
        if subject != "3":
            register.take(recorded(2 * at + 1, subject, "resolved"))
    assert list(register.open) == ["low-stock:3"]
    assert list(register.resolved) == ["low-stock:4", "low-stock:5"]
    assert (register.end, register.counts()["low-stock"], register.counts()["paid-twice"]) == (10, 1, 0)


def test_a_forgotten_alert_is_gone() -> None:
    register = Register(9)
    register.take(recorded(0, "1", "resolved"))
    register.take(recorded(5, "1", None))
    assert (register.open, dict(register.resolved), register.end) == ({}, {}, 6)


def test_it_knows_the_highest_offsets_that_were_judged_of_each_origin() -> None:
    register = Register(9)
    for at, (offset, origin) in enumerate([(5, 7), (3, 7), (99, 8)]):
        register.take(recorded(at, str(at), "raised", offset, origin))
    assert register.stands(7) == {"stock-mis-a-jour": {0: 5}}
    assert register.stands(9) == {}


def test_a_topic_that_was_made_anew_is_read_anew() -> None:
    register = Register(9)
    register.take(recorded(5, "1", "raised"))
    register.take(recorded(0, "2", "raised"))
    assert (list(register.open), register.end) == (["low-stock:2"], 1)


def test_those_resolved_before_a_moment() -> None:
    register = Register(9)
    register.take(recorded(0, "1", "resolved"))
    assert list(register.resolved_before(NOON)) == []
    assert list(register.resolved_before(NOON + timedelta(seconds=1))) == ["low-stock:1"]
