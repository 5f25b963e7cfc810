"""What rules are judged over. Whatever is not in it is not known, and nothing is raised or resolved about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shopnow_streams.folds.orders import Order


class Rate(NamedTuple):
    """Of one kind of event: how many a minute now, and how many before."""

    now_per_min: float
    before_per_min: float


@dataclass(frozen=True)
class Facts:
    """As of `as_of_s`, in seconds since 1970: every event that Kafka had then is in them.

    `units` and `hours_until_out` are by product (infinite where nothing is sold), `orders` by id, `rates` by stage.
    """

    as_of_s: float
    units: Mapping[int, int] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    hours_until_out: Mapping[int, float] = field(default_factory=dict)
    rates: Mapping[str, Rate] = field(default_factory=dict)
