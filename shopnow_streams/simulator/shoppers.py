"""Plausible shoppers as an endless iterator of events. Pure: no IO, and no clock but the one that it is given.

A few dozen shoppers are in the shop at once. Each looks at products (some far more popular than others, by a Zipf
law), puts some in a cart, perhaps orders, and then usually pays: now and then never, twice, or the wrong amount.
Orders take from the stock, and the warehouse refills what runs low. The next event is always that of a shopper
picked at random, so sessions interleave, and a payment comes some time after its order at any rate of events.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderLine,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
)
from shopnow_streams.simulator.catalogue import Product, catalogue

Clock = Callable[[], datetime]
"""Says when the next event happens: a moment with an offset."""

MEANS_OF_PAYMENT = ("carte", "carte", "carte", "paypal", "virement", "apple-pay")
LOW_STOCK = 12
AHEAD = 4_096  # products picked at a time: a hundred times cheaper than one by one


@dataclass(frozen=True)
class Habits:
    """How shoppers behave. Chances are between 0 and 1."""

    products: int = 200
    customers: int = 10_000
    in_shop: int = 60
    zipf: float = 1.1
    """The product of rank r is looked at in proportion to 1 / r**zipf."""
    stranger: float = 0.25
    """Views without a `user_id`, until something goes into the cart."""
    looks_on: float = 0.8
    adds: float = 0.25
    orders: float = 0.5
    never_pays: float = 0.06
    pays_twice: float = 0.01
    pays_wrong: float = 0.01


HABITS = Habits()


def steady_clock(start: datetime, rate: float) -> Clock:
    """A clock that moves `1 / rate` seconds from one event to the next: for tests, and for days long past."""
    events = iter(range(2**62))
    return lambda: start + timedelta(seconds=next(events) / rate)


def shoppers(
    seed: int | str,
    clock: Clock,
    habits: Habits = HABITS,
    *,
    order_prefix: str = "CMD",
    stock: Mapping[int, int] | None = None,
) -> Iterator[Event]:
    """Events without end; the same ones for the same seed, clock and arguments.

    Timestamps never go back, even where the clock does. `order_prefix` keeps the orders of one run from being
    taken for those of another; `stock` is what earlier runs left on the shelves.
    """
    shop = _Shop(random.Random(seed), clock, habits, order_prefix, stock or {})
    pick = shop.chance.random
    visits = [shop.visit() for _ in range(habits.in_shop)]
    while True:
        number = int(pick() * len(visits))
        event = next(visits[number], None)
        if event is None:
            visits[number] = shop.visit()
        else:
            yield event


class _Shop:
    """What shoppers share: the shelves, the order book, and one source of chance."""

    def __init__(
        self, chance: random.Random, clock: Clock, habits: Habits, order_prefix: str, stock: Mapping[int, int]
    ) -> None:
        self.chance = chance
        self._clock = clock
        self._habits = habits
        self._order_prefix = order_prefix
        self._ordered = 0
        self._products = catalogue(habits.products)
        self._stock = {
            product.id_produit: stock.get(product.id_produit, chance.randrange(40, 400)) for product in self._products
        }
        # Which product has which rank is a matter of the shop, not of the seed: days add up to one best seller.
        self._ranked = random.Random(habits.products).sample(self._products, len(self._products))
        self._weights = list(accumulate(1 / rank**habits.zipf for rank in range(1, habits.products + 1)))
        self._picked: list[Product] = []
        self._latest: datetime | None = None

    def visit(self) -> Iterator[Event]:
        """One shopper's session, from the first look to the payment."""
        habits, chance = self._habits, self.chance.random
        customer = int(chance() * habits.customers) + 1
        known = chance() >= habits.stranger
        cart: dict[Product, int] = {}
        while True:
            product = self._pick()
            yield ProductViewed(
                timestamp=self._now(),
                id_produit=product.id_produit,
                nom_produit=product.nom_produit,
                prix=product.prix,
                user_id=customer if known else None,
            )
            if chance() < habits.adds:
                known = True  # a cart needs an account
                quantity = 1 if chance() < 0.8 else int(chance() * 4) + 2
                cart[product] = cart.get(product, 0) + quantity
                yield ItemAddedToCart(
                    timestamp=self._now(),
                    id_produit=product.id_produit,
                    nom_produit=product.nom_produit,
                    quantite=quantity,
                    prix=product.prix,
                    user_id=customer,
                )
            if chance() >= habits.looks_on:
                break
        if cart and chance() < habits.orders:
            yield from self._checkout(customer, cart)

    def _checkout(self, customer: int, cart: dict[Product, int]) -> Iterator[Event]:
        habits, chance = self._habits, self.chance.random
        self._ordered += 1
        order = f"{self._order_prefix}-{self._ordered:06d}"
        total_cents = sum(product.price_cents * quantity for product, quantity in cart.items())
        yield OrderPlaced(
            timestamp=self._now(),
            id_commande=order,
            user_id=customer,
            articles=[
                OrderLine(id_produit=product.id_produit, quantite=quantity, prix=product.prix)
                for product, quantity in cart.items()
            ],
            montant_total=total_cents / 100,
        )
        for product, quantity in cart.items():
            # Others take from the same shelf, and it is never below empty: what lacks comes in first.
            if self._stock[product.id_produit] < quantity:
                yield self._refill(product, quantity)
            self._stock[product.id_produit] -= quantity
            yield self._counted(product)
            if self._stock[product.id_produit] < LOW_STOCK and chance() < 0.7:
                yield self._refill(product, 0)
        if chance() >= habits.never_pays:
            for _ in range(2 if chance() < habits.pays_twice else 1):
                wrong_cents = int(chance() * 2_000) + 1 if chance() < habits.pays_wrong else 0
                yield PaymentAccepted(
                    timestamp=self._now(),
                    id_commande=order,
                    user_id=customer,
                    montant=(total_cents + wrong_cents) / 100,
                    moyen_paiement=self.chance.choice(MEANS_OF_PAYMENT),
                )

    def _refill(self, product: Product, at_least: int) -> StockUpdated:
        self._stock[product.id_produit] += at_least + self.chance.randrange(60, 300)
        return self._counted(product)

    def _counted(self, product: Product) -> StockUpdated:
        return StockUpdated(
            timestamp=self._now(),
            id_produit=product.id_produit,
            stock=self._stock[product.id_produit],
            nom_produit=product.nom_produit,
        )

    def _pick(self) -> Product:
        if not self._picked:
            self._picked = self.chance.choices(self._ranked, cum_weights=self._weights, k=AHEAD)
        return self._picked.pop()

    def _now(self) -> datetime:
        now = self._clock()
        if self._latest is not None and now < self._latest:
            return self._latest
        self._latest = now
        return now
