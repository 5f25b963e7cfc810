"""Told of rows, it names whatever may change; and holds little."""

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.judge import judge
from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.suspects import Suspects
from shopnow_streams.alerts.transitions import transitions
from shopnow_streams.folds.orders import Order
from tests.unit.alerts.facts import NOON, NOON_S, order

RULES = Rules(low_stock_units=5, unpaid_minutes=30, give_up_hours=2)


class Shop:
    """Rows that change, judged in full and by suspects alone."""

    def __init__(self, most_open: int) -> None:
        self.units: dict[int, int] = {}
        self.orders: dict[str, Order] = {}
        self.suspects = Suspects(RULES)
        self.register = Register(1_000)
        self.most_open = most_open
        self.minutes = 0.0

    def judge_suspects(self) -> None:
        """What the evaluator does in a round."""
        as_of_s = NOON_S + self.minutes * 60
        for rule, count in self.register.counts().items():
            self.suspects.make_room(rule, self.most_open - count)
        products, names = self.suspects.to_judge(as_of_s, 1_000)
        facts = Facts(as_of_s, {key: self.units[key] for key in products}, {key: self.orders[key] for key in names})
        findings = judge(facts, RULES)
        happened, left_out = transitions(self.register.open, findings, NOON, {}, 0, self.most_open)
        for one in happened:
            self.register.take(Recorded(self.register.end, one.id, one))
        self.suspects.judged(products, names, findings, left_out)

    def hold(self) -> set[str]:
        facts = Facts(NOON_S + self.minutes * 60, self.units, self.orders)
        return {finding.id for finding in judge(facts, RULES) if finding.verdict == "holds"}


@settings(max_examples=60)
@given(st.integers(0, 10**9), st.sampled_from([1, 2, 1_000]))
def test_judging_suspects_alone_is_as_good_as_judging_everything(seed: int, most_open: int) -> None:
    chance, shop = random.Random(seed), Shop(most_open)
    for _ in range(30):
        shop.minutes += chance.choice([0, 1, 10, 40, 130])
        for _ in range(chance.randrange(3)):
            product, units = chance.randrange(3), chance.choice([0, 5, 6, 50])
            shop.units[product] = units
            shop.suspects.saw_stock(product, units, shop.register.open)
            name = chance.choice(["C-1", "C-2", "C-3"])
            row = shop.orders.get(name, Order())
            if chance.random() < 0.5:
                row = order(shop.minutes, None, payments=row.payments, paid_cents=row.paid_cents, paid_at=row.paid_at)
            else:
                row.payments += 1
                row.paid_cents += 1_000
                row.paid_at = NOON + timedelta(minutes=shop.minutes)
            shop.orders[name] = row
            shop.suspects.saw_order(name, row, NOON_S + shop.minutes * 60, shop.register.open)
        shop.judge_suspects()
        shop.judge_suspects()  # once more, where the first made room
        holds, is_open = shop.hold(), set(shop.register.open)
        assert is_open <= holds
        for rule, count in shop.register.counts().items():
            of_rule = {id for id in holds if id.startswith(f"{rule}:")}
            assert count == min(len(of_rule), most_open)
            assert len(shop.suspects.left_out.get(rule, {})) >= len(of_rule) - count
    assert not shop.suspects.untracked


def test_what_is_well_and_what_was_given_up_long_ago_is_not_kept() -> None:
    suspects = Suspects(RULES)
    for number in range(1_500):
        suspects.saw_stock(number, 100, {})
        suspects.saw_order(f"well-{number}", order(0, 1), NOON_S, {})
        suspects.saw_order(f"old-{number}", order(-1_000), NOON_S, {})
        suspects.saw_order(f"paid-{number}", order(0), NOON_S, {})
        suspects.saw_order(f"paid-{number}", order(0, 1), NOON_S, {})
    assert suspects.to_judge(NOON_S + 1e6, 10) == ([], [])
    assert len(suspects._agenda) < 2_000
    assert not suspects.untracked


def test_more_orders_than_there_is_room_for_are_counted() -> None:
    suspects = Suspects(RULES, most_keys=2)
    for number in range(5):
        suspects.saw_order(f"due-{number}", order(0), NOON_S, {})
        suspects.saw_order(f"bad-{number}", order(0, 1, paid_cents=1), NOON_S, {})
    assert suspects.untracked == 6
    assert suspects.to_judge(NOON_S + 1_800, 10) == ([], ["bad-0", "bad-1", "due-0", "due-1"])
