"""The rules: facts in, findings out. Pure, and a finding depends on nothing but its own subject's facts."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Rule, Unit, alert_id
from shopnow_streams.folds.orders import Order
from shopnow_streams.folds.troubles import Trouble, troubles

Verdict = Literal["holds", "between", "over"]


@dataclass(frozen=True)
class Finding:
    """What a rule says of a subject. `between`: not bad enough to raise an alert, nor good enough to resolve one.

    `message` says why it holds, or why it is over. By time alone it may be another one from `again_s` on.
    """

    rule: Rule
    subject: str
    verdict: Verdict
    value: float | None
    threshold: float | None
    unit: Unit
    message: str
    again_s: float = math.inf

    @property
    def id(self) -> str:
        """The alert that it is about."""
        return alert_id(self.rule, self.subject)


def judge(facts: Facts, rules: Rules) -> list[Finding]:
    """One finding for each rule that is on and each subject in the facts that the rule is about."""
    found = (*_low_stock(facts, rules), *_running_out(facts, rules), *_orders(facts, rules), *_rates(facts, rules))
    return [finding for finding in found if finding.rule in rules.on]


def _low_stock(facts: Facts, rules: Rules) -> Iterator[Finding]:
    low, enough = rules.low_stock_units, rules.enough_units
    for product, units in facts.units.items():
        verdict = _verdict(units <= low, units >= enough)
        threshold = enough if verdict == "over" else low
        message = f"product {product}: {units} units, {low} or fewer is low"
        if verdict == "over":
            message = f"product {product}: {units} units, from {enough} on it is enough"
        yield Finding("low-stock", str(product), verdict, units, threshold, "units", message)


def _running_out(facts: Facts, rules: Rules) -> Iterator[Finding]:
    soon, enough = rules.out_within_hours, rules.enough_hours
    for product, hours in facts.hours_until_out.items():
        verdict = _verdict(hours <= soon, hours >= enough)
        threshold = enough if verdict == "over" else soon
        value = hours if math.isfinite(hours) else None
        lasts = "lasts" if value is None else f"lasts {hours:.1f} hours"
        message = f"product {product} {lasts} at the rate that it is sold; {soon:g} hours or less is running out"
        if verdict == "over":
            message = f"product {product} {lasts} at the rate that it is sold; from {enough:g} hours on it is enough"
        yield Finding("running-out", str(product), verdict, value, threshold, "hours", message)


def _orders(facts: Facts, rules: Rules) -> Iterator[Finding]:
    for name, order in facts.orders.items():
        if order.placements:
            yield _unpaid(name, order, facts.as_of_s, rules)
        if order.payments:
            yield from _payments(name, order, facts.as_of_s, rules)


def _unpaid(name: str, order: Order, as_of_s: float, rules: Rules) -> Finding:
    allowed = rules.unpaid_minutes
    if order.payments:
        return Finding("unpaid-order", name, "over", None, allowed, "minutes", f"order {name} has a payment")
    placed_s = order.placed_at.timestamp()
    due_s, given_up_s = placed_s + rules.unpaid_s, placed_s + rules.unpaid_s + rules.give_up_s
    minutes = (as_of_s - placed_s) / 60
    if as_of_s < due_s:
        message = f"order {name} was placed {minutes:.0f} minutes ago; {allowed:g} are allowed"
        return Finding("unpaid-order", name, "over", minutes, allowed, "minutes", message, due_s)
    if as_of_s >= given_up_s:
        message = f"order {name} is given up: it is unpaid since {minutes:.0f} minutes"
        return Finding("unpaid-order", name, "over", minutes, allowed, "minutes", message)
    message = f"order {name} is unpaid {minutes:.0f} minutes after it was placed; {allowed:g} are allowed"
    return Finding("unpaid-order", name, "holds", minutes, allowed, "minutes", message, given_up_s)


def _payments(name: str, order: Order, as_of_s: float, rules: Rules) -> Iterator[Finding]:
    wrong = troubles(order)
    given_up_s = order.paid_at.timestamp() + rules.give_up_s
    paid, placed = order.paid_cents, order.placed_cents
    both = f"order {name}: {_euros(paid)} are paid, and it is of {_euros(placed)}"
    several = f"order {name} has {order.payments} payments"
    numbers: tuple[tuple[Rule, Trouble, float, float, Unit, str], ...] = (
        ("payment-mismatch", "amount-mismatch", paid, placed, "cents", both),
        ("paid-twice", "paid-twice", order.payments, 1, "payments", several),
    )
    for rule, trouble, value, threshold, unit, message in numbers:
        if trouble not in wrong:
            yield Finding(rule, name, "over", value, threshold, unit, message)
        elif as_of_s >= given_up_s:
            yield Finding(rule, name, "over", value, threshold, unit, f"{message}; it is given up")
        else:
            yield Finding(rule, name, "holds", value, threshold, unit, message, given_up_s)


def _rates(facts: Facts, rules: Rules) -> Iterator[Finding]:
    for stage, (now, before) in facts.rates.items():
        message = f"{stage}: {now:.1f} a minute, {before:.1f} before"
        busy = before >= rules.rate_floor_per_min
        low, recovered = rules.rate_fall * before, rules.recovered_share * before
        fall = _verdict(busy and now < low, not busy or now >= recovered)
        yield Finding("rate-fall", stage, fall, now, recovered if fall == "over" else low, "per minute", message)
        # from nothing to a little is no spike: what it is now has to be worth a look as well
        high, calm = rules.rate_spike * before, rules.calm_times * before
        busy = now >= rules.rate_floor_per_min
        spike = _verdict(busy and now > high, not busy or now <= calm)
        yield Finding("rate-spike", stage, spike, now, calm if spike == "over" else high, "per minute", message)


def _verdict(holds: bool, over: bool) -> Verdict:
    return "holds" if holds else "over" if over else "between"


def _euros(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02} €"
