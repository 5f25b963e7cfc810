"""The five events, as they stand on the wire, and how a record becomes one.

Decoding is strict about what the tables count on (types, bounds, a time zone) and silent about the rest: an
unknown field is kept in the archive and ignored live. Money arrives as a JSON number of euros and is held
as integer centimes, so that sums are exact.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from shopnow_streams.errors import EventRejected
from shopnow_streams.topics import Topic

MAX_EUROS = 1e7
MAX_ID = 2**63 - 1
MAX_TEXT = 1_000
MAX_ORDER_ID = 200

ProductId = Annotated[int, Meta(ge=0, le=MAX_ID)]
UserId = Annotated[int, Meta(ge=0, le=MAX_ID)]
OrderId = Annotated[str, Meta(min_length=1, max_length=MAX_ORDER_ID)] | Annotated[int, Meta(ge=0, le=MAX_ID)]
Euros = Annotated[float, Meta(ge=0, le=MAX_EUROS)]
Quantity = Annotated[int, Meta(ge=1, le=10_000)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Instant = Annotated[datetime, Meta(tz=True)]


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What happened, and when the shop says it did (ISO 8601 with an offset)."""

    timestamp: Instant


class ProductViewed(Event, frozen=True, gc=False, kw_only=True):
    """`produit-consulte`: a customer looked at a product."""

    id_produit: ProductId
    nom_produit: Text
    prix: Euros
    user_id: UserId | None = None


class ItemAddedToCart(Event, frozen=True, gc=False, kw_only=True):
    """`article-ajoute`: a customer put a product in the cart."""

    id_produit: ProductId
    nom_produit: Text
    quantite: Quantity
    prix: Euros
    user_id: UserId


class OrderLine(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One product of an order; `prix` is that of one unit."""

    id_produit: ProductId
    quantite: Quantity
    prix: Euros


class OrderPlaced(Event, frozen=True, gc=False, kw_only=True):
    """`commande-validee`: a customer placed an order."""

    id_commande: OrderId
    user_id: UserId
    articles: Annotated[list[OrderLine], Meta(max_length=1_000)]
    montant_total: Euros


class PaymentAccepted(Event, frozen=True, gc=False, kw_only=True):
    """`paiement-accepte`: an order was paid."""

    id_commande: OrderId
    user_id: UserId
    montant: Euros
    moyen_paiement: Text


class StockUpdated(Event, frozen=True, gc=False, kw_only=True):
    """`stock-mis-a-jour`: the warehouse counted a product."""

    id_produit: ProductId
    stock: Annotated[int, Meta(ge=0, le=MAX_ID)]
    nom_produit: Text | None = None


EVENT_TYPES: dict[Topic, type[Event]] = {
    Topic.PRODUCT_VIEWED: ProductViewed,
    Topic.ITEM_ADDED: ItemAddedToCart,
    Topic.ORDER_PLACED: OrderPlaced,
    Topic.PAYMENT_ACCEPTED: PaymentAccepted,
    Topic.STOCK_UPDATED: StockUpdated,
}
TOPIC_OF: dict[type[Event], Topic] = {event_type: topic for topic, event_type in EVENT_TYPES.items()}

_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    topic: msgspec.json.Decoder(event_type) for topic, event_type in EVENT_TYPES.items()
}


NOT_AN_EVENT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `decoder(topic).decode(value)` raises where the bytes are no event of the topic, whatever they are."""


REASONS = ("no-value", "not-json", "not-valid")
"""Every `reason` of what `rejection` names."""


class Rejection(NamedTuple):
    """Why a record is not an event of its topic. `reason` is short and of few kinds: it labels a metric."""

    reason: str
    detail: str


def decoder(topic: str) -> msgspec.json.Decoder[Event]:
    """The decoder of one of the five topics, for a loop that calls it a million times. KeyError on another name."""
    return _DECODERS[topic]


def decode(topic: str, value: bytes | None) -> Event:
    """One record's value as the event of its topic. Raises EventRejected with `rejection()` as its argument."""
    try:
        return _DECODERS[topic].decode(value or b"")
    except NOT_AN_EVENT as error:
        raise EventRejected(rejection(value, error)) from error


def rejection(value: bytes | None, error: Exception) -> Rejection:
    """Name what `decoder(topic).decode(value)` raised."""
    if value is None:
        return Rejection("no-value", "the record has no value (a tombstone)")
    if isinstance(error, msgspec.ValidationError):
        return Rejection("not-valid", str(error))
    return Rejection("not-json", str(error))


def cents(euros: float) -> int:
    """Euros as the wire has them, in whole centimes: the double times 100, rounded half to even.

    IEEE 754 in both steps, so that Spark's `rint(prix * 100)` gives the same integer.
    """
    return round(euros * 100)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of a moment that knows its offset, rounded down."""
    since = moment - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


def order_key(id_commande: str | int) -> str:
    """The one name of an order, whichever way its id was written: 17 and "17" are the same order."""
    return str(id_commande)


def encode(event: Event) -> bytes:
    """The event as compact JSON, the way every producer of ours writes it."""
    return msgspec.json.encode(event)


def json_schema(topic: Topic) -> dict[str, Any]:
    """JSON Schema of the topic's event."""
    return msgspec.json.schema(EVENT_TYPES[topic])


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
