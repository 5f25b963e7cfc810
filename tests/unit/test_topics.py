"""The glossary: wire names are a contract with every producer."""

import msgspec
import pytest

from shopnow_streams.events import EVENT_TYPES, TOPIC_OF
from shopnow_streams.topics import ALERTS, REJECTS, TRAITS, Topic


def test_wire_names_are_those_of_the_seed() -> None:
    assert [str(topic) for topic in Topic] == [
        "produit-consulte",
        "article-ajoute",
        "commande-validee",
        "paiement-accepte",
        "stock-mis-a-jour",
    ]
    assert REJECTS == "evenements-rejetes"
    assert ALERTS == "alertes"


def test_every_topic_has_traits_and_one_event_type() -> None:
    assert TRAITS.keys() == EVENT_TYPES.keys() == set(Topic)
    assert {event_type: topic for topic, event_type in EVENT_TYPES.items()} == TOPIC_OF
    assert len(TOPIC_OF) == len(Topic)


@pytest.mark.parametrize("topic", Topic)
def test_the_key_is_a_required_field_of_the_event(topic: Topic) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(EVENT_TYPES[topic])}
    assert fields[TRAITS[topic].key_field].required


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        (Topic.PRODUCT_VIEWED, "id_produit"),
        (Topic.ITEM_ADDED, "user_id"),
        (Topic.ORDER_PLACED, "id_commande"),
        (Topic.PAYMENT_ACCEPTED, "id_commande"),
        (Topic.STOCK_UPDATED, "id_produit"),
    ],
)
def test_keys_are_those_of_the_design(topic: Topic, key: str) -> None:
    assert TRAITS[topic].key_field == key
