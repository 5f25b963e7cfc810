"""What a customer, or the warehouse, can do: a method an event, the same on both producers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from shopnow_streams.events import (
    Event,
    ItemAddedToCart,
    OrderLine,
    OrderPlaced,
    PaymentAccepted,
    ProductViewed,
    StockUpdated,
)

Sent = TypeVar("Sent", covariant=True)


class ShopActions(ABC, Generic[Sent]):
    """Builds the event and hands it to `send`; blocks, raises and returns what `send` does.

    Money is in euros. A `timestamp` left out is now.
    """

    @abstractmethod
    def send(self, event: Event) -> Sent:
        """Send an event on its way."""

    def product_viewed(
        self,
        *,
        id_produit: int,
        nom_produit: str,
        prix: float,
        user_id: int | None = None,
        timestamp: datetime | None = None,
    ) -> Sent:
        """`produit-consulte`: a customer (or a stranger, without `user_id`) looked at a product."""
        return self.send(
            ProductViewed(
                timestamp=timestamp or datetime.now(UTC),
                id_produit=id_produit,
                nom_produit=nom_produit,
                prix=prix,
                user_id=user_id,
            )
        )

    def item_added(
        self,
        *,
        id_produit: int,
        nom_produit: str,
        prix: float,
        user_id: int,
        quantite: int = 1,
        timestamp: datetime | None = None,
    ) -> Sent:
        """`article-ajoute`: a customer put a product in the cart. `prix` is that of one unit."""
        return self.send(
            ItemAddedToCart(
                timestamp=timestamp or datetime.now(UTC),
                id_produit=id_produit,
                nom_produit=nom_produit,
                quantite=quantite,
                prix=prix,
                user_id=user_id,
            )
        )

    def order_placed(
        self,
        *,
        id_commande: str | int,
        user_id: int,
        articles: Sequence[OrderLine],
        montant_total: float,
        timestamp: datetime | None = None,
    ) -> Sent:
        """`commande-validee`: a customer placed an order."""
        return self.send(
            OrderPlaced(
                timestamp=timestamp or datetime.now(UTC),
                id_commande=id_commande,
                user_id=user_id,
                articles=list(articles),
                montant_total=montant_total,
            )
        )

    def payment_accepted(
        self,
        *,
        id_commande: str | int,
        user_id: int,
        montant: float,
        moyen_paiement: str,
        timestamp: datetime | None = None,
    ) -> Sent:
        """`paiement-accepte`: an order was paid."""
        return self.send(
            PaymentAccepted(
                timestamp=timestamp or datetime.now(UTC),
                id_commande=id_commande,
                user_id=user_id,
                montant=montant,
                moyen_paiement=moyen_paiement,
            )
        )

    def stock_updated(
        self,
        *,
        id_produit: int,
        stock: int,
        nom_produit: str | None = None,
        timestamp: datetime | None = None,
    ) -> Sent:
        """`stock-mis-a-jour`: the warehouse counted a product."""
        return self.send(
            StockUpdated(
                timestamp=timestamp or datetime.now(UTC),
                id_produit=id_produit,
                stock=stock,
                nom_produit=nom_produit,
            )
        )
