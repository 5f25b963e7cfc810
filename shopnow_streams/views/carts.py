"""`/api/carts`: what customers have in their carts, and since when nothing was added; `/api/carts/{user_id}`: one."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct
from msgspec.structs import asdict

from shopnow_streams.events import Instant, ProductId, UserId, epoch_ms
from shopnow_streams.folds.shoppers import MOST_ADDS, NO_ORDER_MS, Add, cart
from shopnow_streams.views.awaited import NOTHING, WAITING, Awaited
from shopnow_streams.views.customers import KEPT, USER_ID, Customers, by_customer, moment, user_id, whole_shopper
from shopnow_streams.views.gather import Gather
from shopnow_streams.views.page import Problem, only
from shopnow_streams.views.parameters import choice, whole
from shopnow_streams.views.shared import CHEAP_S, Shared
from shopnow_streams.views.standing import Count, Timed, timed, with_standing
from shopnow_streams.views.turns import in_turns
from tables.answer import Answer

State = Literal["open", "abandoned"]

STATE = choice("state", ("open", "abandoned", "any"), "Carts that are open, abandoned, or both.")
IDLE_MIN = whole(
    "idle_min", 1, 1_440, 30, "A cart is abandoned once nothing was added for so many minutes of event time.", "60"
)
SORT = choice("sort", ("value", "idle"), "The highest value first, or the longest idle.")
LIMIT = whole("limit", 1, 500, 50, "At most so many carts; the totals are of all.", "5")


class CartLine(Struct, frozen=True, kw_only=True):
    """A product in a cart."""

    id_produit: ProductId
    units: Annotated[int, Meta(ge=1)]
    value_cents: Annotated[Count, Meta(description="Units times the price at which each was added, in centimes.")]


class Cart(Struct, frozen=True, kw_only=True):
    """What a customer added in the last 24 hours and after their newest order."""

    user_id: Annotated[UserId, Meta(examples=[7])]
    state: State
    lines: Annotated[
        list[CartLine],
        Meta(description=f"By product, the one that was added first before the others. The newest {MOST_ADDS} adds."),
    ]
    units: Count
    value_cents: Count
    last_added_at: Instant
    idle_min: Annotated[Count, Meta(description="Whole minutes from then to `as_of`.")]


class CartTotal(Struct, frozen=True, kw_only=True):
    """All carts of one state."""

    carts: Count
    value_cents: Count


class CartPage(Timed, frozen=True, kw_only=True):
    """Carts, ranked; and the totals of all that there are, whatever is on the page."""

    items: list[Cart]
    open: CartTotal
    abandoned: CartTotal


CartAnswer = with_standing(Cart, "CartAnswer", Timed)


class CartRow(Struct, gc=False):
    """What a cart needs of a row."""

    cart: tuple[Add, ...] = ()
    ordered_ms: int = NO_ORDER_MS


class Basket(Struct, frozen=True, gc=False):
    """A cart that has something in it."""

    user: int
    adds: tuple[Add, ...]
    value_cents: int

    @property
    def last_ms(self) -> int:
        """When something was added last."""
        return self.adds[-1].at_ms


@dataclass(frozen=True)
class Baskets:
    """All carts, and the answer that they are of (its rows are gone)."""

    answer: Answer[CartRow]
    found: Sequence[Basket]


def basket(user: int, rows: Sequence[CartRow]) -> Basket | None:
    """The cart of a customer out of their rows, which are in no order; None where it is empty."""
    adds = rows[0].cart  # as a rule there is one row, and it is in order
    if len(rows) > 1:
        adds = tuple(cart((add for row in rows for add in row.cart), max(row.ordered_ms for row in rows)))
    return Basket(user, adds, sum([add.units * add.cents for add in adds])) if adds else None


async def baskets(answer: Answer[CartRow]) -> Baskets:
    """Of all customers. Others have their turn meanwhile."""
    rows = await by_customer(answer.rows, KEPT.bound(answer.clock), lambda row: row.cart or row.ordered_ms >= 0)
    answer.rows.clear()
    found: list[Basket] = []
    async for part in in_turns(rows.items()):
        found += filter(None, (basket(user, of_user) for user, of_user in part))
    return Baskets(answer, found)


def abandoned_before_ms(as_of: datetime, idle_min: int) -> int:
    """A cart whose last add is not later is abandoned."""
    return epoch_ms(as_of) - idle_min * 60_000


def shown(basket: Basket, as_of: datetime, idle_min: int) -> Cart:
    """A cart as the API shows it."""
    units, cents = Counter[int](), Counter[int]()
    for add in basket.adds:
        units[add.id_produit] += add.units
        cents[add.id_produit] += add.units * add.cents
    return Cart(
        user_id=basket.user,
        state="abandoned" if basket.last_ms <= abandoned_before_ms(as_of, idle_min) else "open",
        lines=[CartLine(id_produit=product, units=units[product], value_cents=cents[product]) for product in units],
        units=sum(units.values()),
        value_cents=basket.value_cents,
        last_added_at=moment(basket.last_ms),
        idle_min=(epoch_ms(as_of) - basket.last_ms) // 60_000,
    )


Rank = Callable[[Basket], tuple[int, int]]

_RANKS: dict[str, Rank] = {
    "value": lambda basket: (-basket.value_cents, basket.user),
    "idle": lambda basket: (basket.last_ms, basket.user),
}


async def page(baskets: Baskets, state: str, idle_min: int, rank: Rank, limit: int) -> CartPage:
    """The first `limit` carts of `state`, and the totals. Others have their turn meanwhile."""
    as_of = baskets.answer.clock
    before_ms = abandoned_before_ms(as_of, idle_min)
    first: list[Basket] = []
    carts, value_cents = {"open": 0, "abandoned": 0}, {"open": 0, "abandoned": 0}
    async for part in in_turns(baskets.found):
        abandoned = [basket for basket in part if basket.last_ms <= before_ms]
        open_ = [basket for basket in part if basket.last_ms > before_ms]
        for name, some in (("open", open_), ("abandoned", abandoned)):
            carts[name] += len(some)
            value_cents[name] += sum([basket.value_cents for basket in some])
            if state in (name, "any"):
                first = nsmallest(limit, (*first, *some), key=rank)
    return CartPage(
        items=[shown(basket, as_of, idle_min) for basket in first],
        open=CartTotal(carts=carts["open"], value_cents=value_cents["open"]),
        abandoned=CartTotal(carts=carts["abandoned"], value_cents=value_cents["abandoned"]),
        **timed(baskets.answer),
    )


class Carts:
    """The resource."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._customers = Customers(gather)
        self._shared: Shared[str, Baskets] = Shared(lambda _: self._all(), CHEAP_S)

    async def _all(self, awaited: Awaited = NOTHING) -> Baskets:
        return await baskets(await self._customers.scan(KEPT.oldest, CartRow, awaited))

    async def listed(self, request: web.Request) -> CartPage:
        """The first `limit` carts of `state` by `sort`, and the totals of all."""
        only(request, "state", "idle_min", "sort", "limit", *WAITING)
        state, idle_min = STATE.read(request), IDLE_MIN.read(request)
        rank, limit = _RANKS[SORT.read(request)], LIMIT.read(request)
        awaited = self._gather.at_least.read(request)
        all_of = await self._shared.get("", lambda kept: not awaited.missing(kept.answer.offsets))
        if awaited.missing(all_of.answer.offsets):
            all_of = await self._all(awaited)
        return await page(all_of, state, idle_min, rank, limit)

    async def one(self, request: web.Request) -> Struct:
        """Of one customer. Raises Problem 404 where there is nothing in it."""
        only(request, *WAITING)
        awaited = self._gather.at_least.read(request)
        user = user_id(request.match_info[USER_ID.name], "cart of customer")
        answer = await self._customers.one(user, awaited)
        found = basket(user, [CartRow(tuple((shopper := whole_shopper(answer)).cart), shopper.ordered_ms)])
        if found is None:
            so = "" if answer.complete else " in the partitions that answered; not all did"
            raise Problem(404, "Not Found", f"nothing is in the cart of customer {user}{so}")
        return CartAnswer(**asdict(shown(found, answer.clock, IDLE_MIN.default)), **timed(answer))
