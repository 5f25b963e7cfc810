"""The rules' thresholds. A rule whose threshold says so is off."""

import math
from dataclasses import dataclass
from functools import cached_property

from shopnow_streams.alerts.transition import RULES, Rule

CLEAR_SHARE = 0.2
"""An alert on a number is over once the number is a fifth of its threshold on the good side: one that moves around the
threshold raises it once."""


@dataclass(frozen=True)
class Rules:
    """`low_stock_units`: a product with so many units or fewer is low (negative: off). `out_within_hours`: one that is
    out sooner is running out. `unpaid_minutes`: an order without a payment for so long is unpaid. `payments`:
    mismatches, and orders paid twice. `give_up_hours` later an alert about an order ends by itself, since nobody acts
    on it any more (0: never). `rate_fall`: a stage has fallen at less than this share of its rate before; `rate_spike`:
    it has a spike at more than so many times. Both only above `rate_floor_per_min`. 0: off.
    """

    low_stock_units: int = 5
    out_within_hours: float = 0.0
    unpaid_minutes: float = 30.0
    payments: bool = True
    give_up_hours: float = 24.0
    rate_fall: float = 0.0
    rate_spike: float = 0.0
    rate_floor_per_min: float = 10.0

    @cached_property
    def on(self) -> frozenset[Rule]:
        """Those that are judged."""
        switches: dict[Rule, bool] = {
            "low-stock": self.low_stock_units >= 0,
            "running-out": self.out_within_hours > 0,
            "unpaid-order": self.unpaid_minutes > 0,
            "payment-mismatch": self.payments,
            "paid-twice": self.payments,
            "rate-fall": self.rate_fall > 0,
            "rate-spike": self.rate_spike > 0,
        }
        return frozenset(rule for rule in RULES if switches[rule])

    @property
    def enough_units(self) -> int:
        """From so many units on a product is no longer low."""
        return self.low_stock_units + max(1, math.ceil(self.low_stock_units * CLEAR_SHARE))

    @property
    def enough_hours(self) -> float:
        """From so many hours on a product is no longer running out."""
        return self.out_within_hours * (1 + CLEAR_SHARE)

    @property
    def recovered_share(self) -> float:
        """From this share of its rate before on a stage is no longer fallen; always below all of it."""
        return min(self.rate_fall * (1 + CLEAR_SHARE), (1 + self.rate_fall) / 2)

    @property
    def calm_times(self) -> float:
        """Down from so many times its rate before a stage has no spike any more; always above once."""
        return max(self.rate_spike / (1 + CLEAR_SHARE), (1 + self.rate_spike) / 2)

    @property
    def unpaid_s(self) -> float:
        """After so many seconds without a payment an order is unpaid."""
        return self.unpaid_minutes * 60

    @property
    def give_up_s(self) -> float:
        """So many seconds after an order was in trouble first, it is given up."""
        return self.give_up_hours * 3_600 if self.give_up_hours else math.inf
