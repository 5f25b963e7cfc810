"""What the simulated shop sells: French names put together from word lists, with prices. Pure."""

import random
from typing import NamedTuple

FIRST_ID = 1_001
SIZE = 200

# What things may be made of, and the things with their lowest and highest prices in euros.
_SHELVES: tuple[tuple[tuple[str, ...], tuple[tuple[str, int, int], ...]], ...] = (
    (
        ("en coton bio", "en laine mérinos", "en lin lavé", "en cachemire", "en velours côtelé"),
        (
            ("T-shirt", 9, 35),
            ("Pull", 29, 120),
            ("Manteau", 79, 320),
            ("Écharpe", 15, 90),
            ("Bonnet", 10, 40),
            ("Plaid", 25, 95),
            ("Coussin", 12, 60),
        ),
    ),
    (
        ("en chêne massif", "en bambou", "en osier", "en noyer", "en rotin"),
        (
            ("Lampe", 19, 180),
            ("Tabouret", 39, 190),
            ("Étagère", 45, 260),
            ("Miroir", 22, 240),
            ("Panier", 15, 65),
            ("Horloge", 24, 150),
            ("Plateau", 14, 70),
        ),
    ),
    (
        ("en grès émaillé", "en porcelaine", "en verre recyclé", "en céramique"),
        (("Théière", 18, 85), ("Tasse", 6, 25), ("Vase", 16, 110), ("Saladier", 12, 60), ("Bougeoir", 8, 45)),
    ),
    (
        ("en cuir végétal", "en toile cirée", "en liège", "en feutre"),
        (
            ("Sac à dos", 25, 140),
            ("Trousse", 7, 29),
            ("Carnet", 3, 18),
            ("Porte-clés", 4, 22),
            ("Portefeuille", 18, 85),
        ),
    ),
)
_TOUCHES = (
    "bleu nuit",
    "vert sauge",
    "terracotta",
    "écru",
    "à rayures",
    "fait main",
    "de Bretagne",
    "du Jura",
    "d'Auvergne",
    "édition limitée",
    "petit modèle",
    "grand modèle",
    "rose poudré",
    "gris perle",
    "jaune moutarde",
)


class Product(NamedTuple):
    """A product of the shop; its price in centimes."""

    id_produit: int
    nom_produit: str
    price_cents: int

    @property
    def prix(self) -> float:
        """The price as the wire has it, in euros."""
        return self.price_cents / 100


def catalogue(size: int = SIZE) -> list[Product]:
    """The first `size` products, always the same ones: a product's name must not depend on a run's seed."""
    chance = random.Random("catalogue ShopNow+")
    taken: dict[str, int] = {}
    products = []
    for number in range(size):
        materials, things = chance.choice(_SHELVES)
        thing, low, high = chance.choice(things)
        name = f"{thing} {chance.choice(materials)} {chance.choice(_TOUCHES)}"
        taken[name] = again = taken.get(name, 0) + 1
        euros = int(low * (high / low) ** chance.random())  # more cheap ones than dear ones
        products.append(
            Product(
                FIRST_ID + number,
                name if again == 1 else f"{name} n° {again}",
                euros * 100 + chance.choice((0, 50, 90, 95, 99)),
            )
        )
    return products
