"""Whatever happens to the facts: of one alert raises and resolves alternate, and the topic tells what is open."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.judge import Finding, judge
from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Transition, decode, encode
from shopnow_streams.alerts.transitions import switched_off, transitions
from tests.unit.alerts.facts import NOON, NOON_S, order, transition

RULES = Rules(low_stock_units=5)
PLENTY = 1_000

units = st.dictionaries(st.integers(0, 5), st.integers(0, 9), max_size=6)
orders = st.dictionaries(
    st.sampled_from(["C-1", "C-2"]),
    st.builds(
        order,
        placed_min=st.none() | st.integers(-100, 100),
        paid_min=st.none() | st.integers(-100, 100),
        paid_cents=st.sampled_from([900, 1_000]),
        payments=st.integers(0, 2),
    ),
)
rounds = st.lists(st.builds(Facts, as_of_s=st.floats(NOON_S, NOON_S + 1e5), units=units, orders=orders), max_size=12)


def run(facts: Sequence[Facts], most_open: int, shuffle: Any = None) -> tuple[list[Recorded], Register]:
    """The topic after these rounds, and the evaluator's own memory of it."""
    topic: list[Recorded] = []
    register = Register(PLENTY)
    for at in facts:
        findings = judge(at, RULES)
        if shuffle is not None:
            shuffle(findings)
        happened, _ = transitions(register.open, findings, NOON, {}, 0, most_open)
        for one in happened:
            recorded = Recorded(len(topic), one.id, one)
            topic.append(recorded)
            register.take(recorded)
    return topic, register


@given(rounds, st.integers(1, 3))
def test_raises_and_resolves_alternate_and_a_replay_restores_what_is_open(facts: list[Facts], most_open: int) -> None:
    topic, register = run(facts, most_open)
    states: dict[str, list[str]] = defaultdict(list)
    for _, id, one in topic:
        assert one is not None
        states[id].append(one.state)
    for of_alert in states.values():
        assert of_alert == ["raised", "resolved"] * (len(of_alert) // 2) + ["raised"] * (len(of_alert) % 2)
    again = Register(PLENTY)
    for recorded in topic:
        assert recorded.transition is not None
        again.take(recorded._replace(transition=decode(encode(recorded.transition))))
    assert (again.open, again.resolved, again.end) == (register.open, register.resolved, register.end)
    assert {id for id, of_alert in states.items() if of_alert[-1] == "raised"} == set(register.open)
    compacted = Register(PLENTY)  # only the last record of each alert is left
    for recorded in sorted({recorded.id: recorded for recorded in topic}.values()):
        compacted.take(recorded)
    assert compacted.open == register.open
    assert max(register.counts().values()) <= most_open


@given(rounds, st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(facts: list[Facts], chance: Any) -> None:
    assert run(facts, 2)[0] == run(facts, 2, chance.shuffle)[0]


def finding(subject: str, verdict: Any) -> Finding:
    return Finding("low-stock", subject, verdict, 1, 2, "units", "so it is")


def happened(open_alerts: dict[str, Transition], findings: list[Finding], most_open: int = PLENTY) -> Any:
    found, left_out = transitions(open_alerts, findings, NOON, {"a": {0: 3}}, 7, most_open)
    return [(one.id, one.state) for one in found], [one.id for one in left_out]


OPEN = {"low-stock:1": transition("low-stock", "1", "raised")}


def test_between_nothing_happens() -> None:
    assert happened({}, [finding("1", "between")]) == ([], [])
    assert happened(OPEN, [finding("1", "between")]) == ([], [])


def test_what_nothing_is_known_of_stays_as_it_is() -> None:
    assert happened(OPEN, []) == ([], [])


def test_what_is_open_is_not_raised_again_and_what_is_not_open_not_resolved() -> None:
    assert happened(OPEN, [finding("1", "holds"), finding("2", "over")]) == ([], [])


def test_a_transition_carries_what_decided_and_where_it_stands() -> None:
    (raised,), _ = transitions({}, [finding("1", "holds")], NOON, {"a": {0: 3}}, 7, PLENTY)
    assert raised == Transition(
        id="low-stock:1",
        rule="low-stock",
        subject="1",
        state="raised",
        at=NOON,
        value=1,
        threshold=2,
        unit="units",
        message="so it is",
        offsets={"a": {0: 3}},
        origin=7,
    )


def test_more_than_may_be_open_are_left_out_and_what_is_resolved_makes_room() -> None:
    assert happened(OPEN, [finding("2", "holds"), finding("3", "holds")], 2) == (
        [("low-stock:2", "raised")],
        ["low-stock:3"],
    )
    assert happened(OPEN, [finding("1", "over"), finding("2", "holds")], 1) == (
        [("low-stock:1", "resolved"), ("low-stock:2", "raised")],
        [],
    )
    assert happened(OPEN, [finding("2", "holds")], 0) == ([], ["low-stock:2"])


def test_a_rule_that_is_switched_off_ends_its_alerts() -> None:
    (ended,) = switched_off(OPEN, {"paid-twice"}, NOON, 7)
    assert (ended.id, ended.state, ended.offsets) == ("low-stock:1", "resolved", {})
    assert switched_off(OPEN, {"low-stock"}, NOON, 7) == []
