"""Which subjects are worth judging: told of every row that changes, it remembers only what may become a transition.

Orders are millions, and few of them are ever in trouble. So it holds keys, not rows: those that look wrong, those that
have an open alert and changed, and in order of time those that will be unpaid. What is judged is read again by key.
"""

import heapq
import math
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, field
from itertools import islice

from shopnow_streams.alerts.facts import Facts
from shopnow_streams.alerts.judge import Finding, judge
from shopnow_streams.alerts.rules import Rules
from shopnow_streams.alerts.transition import Rule, alert_id
from shopnow_streams.folds.orders import Order
from shopnow_streams.folds.troubles import troubles

MOST_KEYS = 200_000
"""Of orders that wait to be judged, and again of those whose time has yet to come."""

OF_ORDERS: tuple[Rule, ...] = ("unpaid-order", "payment-mismatch", "paid-twice")
OF_ROWS: tuple[Rule, ...] = ("low-stock", *OF_ORDERS)
"""Rules that only a row which changed, or the time, can change the verdict of."""


@dataclass
class Suspects:
    """`untracked` is how many orders there was no room for: no alert is raised for them until they change again."""

    rules: Rules
    most_keys: int = MOST_KEYS
    untracked: int = 0
    products: dict[int, None] = field(default_factory=dict)
    orders: dict[str, None] = field(default_factory=dict)
    left_out: dict[Rule, dict[str, None]] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _agenda: list[tuple[float, str]] = field(default_factory=list)

    def saw_stock(self, product: int, units: int, open_alerts: Container[str]) -> None:
        """A product's stock was counted."""
        subject = str(product)
        self._forget("low-stock", subject)
        is_open = alert_id("low-stock", subject) in open_alerts
        if self.rules.low_stock_units >= 0 and (is_open or units <= self.rules.low_stock_units):
            self.products[product] = None

    def saw_order(self, name: str, order: Order, as_of_s: float, open_alerts: Collection[str]) -> None:
        """An order was placed or paid."""
        if self.left_out:
            for rule in OF_ORDERS:
                self._forget(rule, name)
        self._due.pop(name, None)
        is_open = any(alert_id(rule, name) in open_alerts for rule in OF_ORDERS) if open_alerts else False
        if not is_open and not troubles(order):
            return  # as most are
        findings = judge(Facts(as_of_s, orders={name: order}), self.rules)
        if is_open or any(finding.verdict == "holds" for finding in findings):
            self._judge_order(name)
        else:
            self._look_again(name, findings)

    def to_judge(self, as_of_s: float, most: int) -> tuple[list[int], list[str]]:
        """Products and orders, so many of each at most; `judged` takes them from the list."""
        while self._agenda and self._agenda[0][0] <= as_of_s:
            at_s, name = heapq.heappop(self._agenda)
            if self._due.get(name) == at_s:
                del self._due[name]
                self.orders[name] = None
        return list(islice(self.products, most)), list(islice(self.orders, most))

    def judged(
        self,
        products: Iterable[int],
        orders: Iterable[str],
        findings: Iterable[Finding],
        left_out: Iterable[Finding],
    ) -> None:
        """These were judged. What there was no room for waits for some; an order is looked at again when it is time."""
        for product in products:
            self.products.pop(product, None)
        of_order: dict[str, list[Finding]] = {name: [] for name in orders}
        for finding in findings:
            self._forget(finding.rule, finding.subject)
            if finding.rule in OF_ORDERS:
                of_order[finding.subject].append(finding)
        for name, found in of_order.items():
            self.orders.pop(name, None)
            self._look_again(name, found)
        for finding in left_out:
            waiting = self.left_out.setdefault(finding.rule, {})
            if len(waiting) < self.most_keys:
                waiting[finding.subject] = None
            else:
                self.untracked += 1

    def make_room(self, rule: Rule, room: int) -> None:
        """So many that there was no room for before are to be judged now."""
        for subject in list(islice(self.left_out.get(rule, ()), max(room, 0))):
            self._forget(rule, subject)
            if rule == "low-stock":
                self.products[int(subject)] = None
            elif rule in OF_ORDERS:
                self.orders[subject] = None

    def _judge_order(self, name: str) -> None:
        if name not in self.orders and len(self.orders) >= self.most_keys:
            self.untracked += 1
        else:
            self.orders[name] = None

    def _look_again(self, name: str, findings: Iterable[Finding]) -> None:
        at_s = min((finding.again_s for finding in findings), default=math.inf)
        if at_s == math.inf:
            return
        if name not in self._due and len(self._due) >= self.most_keys:
            self.untracked += 1
            return
        self._due[name] = at_s
        heapq.heappush(self._agenda, (at_s, name))
        if len(self._agenda) > 2 * len(self._due) + 1_000:  # most were paid meanwhile
            self._agenda = [(due_s, key) for key, due_s in self._due.items()]
            heapq.heapify(self._agenda)

    def _forget(self, rule: Rule, subject: str) -> None:
        self.left_out.get(rule, {}).pop(subject, None)
