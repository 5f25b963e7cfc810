"""What can be wrong with an order: one rule for the API that lists such orders and for the alerts about them."""

from typing import Literal

from shopnow_streams.folds.orders import Order

Trouble = Literal["unpaid", "amount-mismatch", "paid-twice", "paid-before-placed", "payment-without-order"]


def troubles(order: Order) -> list[Trouble]:
    """What is wrong with an order as of now; an order just placed is unpaid, too."""
    if not order.payments:
        return ["unpaid"]
    if not order.placements:
        return ["payment-without-order"]
    found: list[Trouble] = []
    if order.paid_cents != order.placed_cents:
        found.append("amount-mismatch")
    if order.payments > 1:
        found.append("paid-twice")
    if order.paid_at < order.placed_at:
        found.append("paid-before-placed")
    return found
