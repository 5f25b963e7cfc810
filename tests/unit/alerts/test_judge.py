"""Each rule: where it holds, where it is over, and the span between in which nothing happens."""

import math
from typing import Any

import pytest

from shopnow_streams.alerts.facts import Facts, Rate
from shopnow_streams.alerts.judge import Finding, judge
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import RULES, Rule
from tests.unit.alerts.facts import NOON_S, order

ALL = Rules(out_within_hours=10, rate_fall=0.5, rate_spike=3)


def found(rules: Rules = ALL, minutes: float = 0, **facts: Any) -> dict[Rule, Finding]:
    """By rule, so many minutes after noon."""
    findings = judge(Facts(NOON_S + minutes * 60, **facts), rules)
    assert len({finding.id for finding in findings}) == len(findings)
    return {finding.rule: finding for finding in findings}


@pytest.mark.parametrize(
    ("low", "units", "verdict"),
    [
        (5, 0, "holds"),
        (5, 5, "holds"),
        (5, 6, "over"),
        (20, 21, "between"),
        (20, 23, "between"),
        (20, 24, "over"),
        (0, 0, "holds"),
        (0, 1, "over"),
    ],
)
def test_stock_is_low_up_to_the_threshold_and_enough_a_fifth_above(low: int, units: int, verdict: str) -> None:
    finding = found(Rules(low_stock_units=low), units={1597: units})["low-stock"]
    assert (finding.id, finding.verdict, finding.value) == ("low-stock:1597", verdict, units)
    assert f"{units} units" in finding.message


@pytest.mark.parametrize(
    ("hours", "verdict"), [(0.0, "holds"), (10.0, "holds"), (11.9, "between"), (12.0, "over"), (math.inf, "over")]
)
def test_a_product_is_running_out_by_the_hours_that_it_lasts(hours: float, verdict: str) -> None:
    finding = found(hours_until_out={1597: hours})["running-out"]
    assert finding.verdict == verdict
    assert finding.value == (None if hours == math.inf else hours)


class TestUnpaid:
    @pytest.mark.parametrize(
        ("minutes", "verdict"), [(29.9, "over"), (30, "holds"), (30 + 23.9 * 60, "holds"), (30 + 24 * 60, "over")]
    )
    def test_an_order_is_unpaid_after_some_minutes_and_given_up_after_some_hours(
        self, minutes: float, verdict: str
    ) -> None:
        finding = found(minutes=minutes, orders={"C-17": order()})["unpaid-order"]
        assert (finding.id, finding.verdict, finding.threshold) == ("unpaid-order:C-17", verdict, 30)
        assert finding.value == pytest.approx(minutes)

    @pytest.mark.parametrize("minutes", [0, 29.9, 30, 100, 2_000])
    def test_it_is_to_be_looked_at_again_just_when_time_alone_changes_the_verdict(self, minutes: float) -> None:
        orders = {"C-17": order()}
        now = found(minutes=minutes, orders=orders)["unpaid-order"]
        if now.again_s == math.inf:
            assert found(minutes=1e6, orders=orders)["unpaid-order"].verdict == now.verdict
        else:
            again_min = (now.again_s - NOON_S) / 60
            assert again_min > minutes
            assert found(minutes=again_min - 0.01, orders=orders)["unpaid-order"].verdict == now.verdict
            assert found(minutes=again_min, orders=orders)["unpaid-order"].verdict != now.verdict

    def test_with_a_payment_it_is_over(self) -> None:
        assert found(minutes=100, orders={"C-17": order(paid_min=90)})["unpaid-order"].verdict == "over"

    def test_what_was_only_paid_is_not_unpaid(self) -> None:
        assert "unpaid-order" not in found(minutes=100, orders={"C-17": order(None, 0)})

    def test_without_giving_up_it_stays_unpaid(self) -> None:
        rules = Rules(give_up_hours=0)
        finding = found(rules, minutes=1e6, orders={"C-17": order()})["unpaid-order"]
        assert (finding.verdict, finding.again_s) == ("holds", math.inf)


class TestPayments:
    def test_another_amount_is_a_mismatch(self) -> None:
        finding = found(orders={"C-17": order(paid_min=1, paid_cents=999)})["payment-mismatch"]
        assert (finding.verdict, finding.value, finding.threshold) == ("holds", 999, 1_000)
        assert finding.message == "order C-17: 9.99 € are paid, and it is of 10.00 €"

    def test_two_payments_are_one_too_many(self) -> None:
        both = found(orders={"C-17": order(paid_min=1, paid_cents=2_000, payments=2)})
        assert {rule: finding.verdict for rule, finding in both.items()} == {
            "unpaid-order": "over",
            "payment-mismatch": "holds",
            "paid-twice": "holds",
        }
        assert both["paid-twice"].value == 2

    def test_the_right_amount_at_once_is_well(self) -> None:
        assert {finding.verdict for finding in found(orders={"C-17": order(paid_min=1)}).values()} == {"over"}

    def test_after_a_day_it_is_given_up(self) -> None:
        orders = {"C-17": order(paid_min=1, paid_cents=2_000, payments=2)}
        before = found(minutes=24 * 60, orders=orders)
        assert (before["paid-twice"].verdict, before["payment-mismatch"].verdict) == ("holds", "holds")
        after = found(minutes=24 * 60 + 1, orders=orders)
        assert (after["paid-twice"].verdict, after["payment-mismatch"].verdict) == ("over", "over")
        assert before["paid-twice"].again_s == NOON_S + (24 * 60 + 1) * 60


@pytest.mark.parametrize(
    ("now", "before", "fall", "spike"),
    [
        (49, 100, "holds", "over"),
        (55, 100, "between", "over"),
        (60, 100, "over", "over"),
        (250, 100, "over", "over"),
        (280, 100, "over", "between"),
        (301, 100, "over", "holds"),
        (0, 9, "over", "over"),  # of so few a fall says nothing
        (9, 1, "over", "over"),  # nor does a spike
        (30, 0, "over", "holds"),
    ],
)
def test_a_rate_falls_and_spikes_against_what_it_was_before(now: float, before: float, fall: str, spike: str) -> None:
    both = found(rates={"orders": Rate(now, before)})
    assert (both["rate-fall"].verdict, both["rate-spike"].verdict) == (fall, spike)
    assert both["rate-fall"].id == "rate-fall:orders"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_rate_that_is_as_before_has_always_recovered(share: float) -> None:
    assert share < Rules(rate_fall=share).recovered_share < 1
    assert 1 < Rules(rate_spike=1 + share).calm_times < 1 + share


def test_a_rule_that_is_off_finds_nothing() -> None:
    nothing = Rules(low_stock_units=-1, unpaid_minutes=0, payments=False)
    facts = {
        "units": {1: 0},
        "orders": {"C-1": order(paid_min=0, payments=2)},
        "hours_until_out": {1: 0.0},
        "rates": {"orders": Rate(0, 100)},
    }
    assert found(nothing, minutes=60, **facts) == {}
    assert set(found(ALL, minutes=60, **facts)) == set(RULES)
