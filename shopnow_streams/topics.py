"""The glossary: what each topic is called on the wire, which event it carries, and which field keys it.

Wire names are French, as the shop's backend writes them; everything else in this code base is English.
"""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """The five topics of customer actions, by what happened."""

    PRODUCT_VIEWED = "produit-consulte"
    ITEM_ADDED = "article-ajoute"
    ORDER_PLACED = "commande-validee"
    PAYMENT_ACCEPTED = "paiement-accepte"
    STOCK_UPDATED = "stock-mis-a-jour"


REJECTS = "evenements-rejetes"
"""Records of the five topics that are not events, their value untouched, with headers that say why."""


REJECT_MAX_BYTES = 16 << 20
"""What a record of the reject topic may have: a whole record of the others, and the headers besides."""


ALERTS = "alertes"
"""What was raised and resolved, keyed by alert: a record a transition, in one partition, so that they have an order."""


ALERTS_KEPT_DAYS = 7
"""Every transition can be read for so long; after that, of each alert, the last one."""


@dataclass(frozen=True)
class TopicTraits:
    """What a producer has to know of a topic."""

    key_field: str
    description: str


TRAITS = {
    Topic.PRODUCT_VIEWED: TopicTraits("id_produit", "a customer looked at a product"),
    Topic.ITEM_ADDED: TopicTraits("user_id", "a customer put a product in the cart"),
    Topic.ORDER_PLACED: TopicTraits("id_commande", "a customer placed an order"),
    Topic.PAYMENT_ACCEPTED: TopicTraits("id_commande", "an order was paid"),
    Topic.STOCK_UPDATED: TopicTraits("id_produit", "the warehouse counted a product"),
}
