"""The backend's door to Kafka: every customer action goes in here, and comes back acknowledged.

    with ShopProducer(KafkaConnection("127.0.0.1:9092")) as shop:
        shop.product_viewed(id_produit=1597, nom_produit="T-shirt en coton bio", prix=29.99, user_id=123)

`ShopProducer` is for threads, `AsyncShopProducer` for an event loop; `envoyer_evenement` is the name that the
shop's backend has always called.
"""

from shopnow_streams.producer.awaitable import AsyncShopProducer, AwaitableDelivery
from shopnow_streams.producer.blocking import PendingDelivery, ShopProducer
from shopnow_streams.producer.client import ProducerOptions
from shopnow_streams.producer.records import Delivery, record_of
from shopnow_streams.producer.seed import envoyer_evenement

__all__ = [
    "AsyncShopProducer",
    "AwaitableDelivery",
    "Delivery",
    "PendingDelivery",
    "ProducerOptions",
    "ShopProducer",
    "envoyer_evenement",
    "record_of",
]
