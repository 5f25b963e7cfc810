"""A topic's table has the columns of its files, in Spark's words."""

import pytest

from shopnow_streams.batch.schema import table_schema, view_names
from shopnow_streams.topics import Topic


def test_each_topic_has_its_two_names() -> None:
    assert [view_names(topic) for topic in Topic] == [
        ("produit_consulte", "product_viewed"),
        ("article_ajoute", "item_added"),
        ("commande_validee", "order_placed"),
        ("paiement_accepte", "payment_accepted"),
        ("stock_mis_a_jour", "stock_updated"),
    ]


def test_an_order_as_spark_writes_it() -> None:
    assert table_schema(Topic.ORDER_PLACED).split(", `") == [
        "`kafka_partition` INT",
        "kafka_offset` BIGINT",
        "kafka_timestamp` TIMESTAMP",
        "kafka_key` BINARY",
        "value` BINARY",
        "rejected` STRING",
        "event_time` TIMESTAMP",
        "id_commande` STRING",
        "user_id` BIGINT",
        "articles` ARRAY<STRUCT<id_produit: BIGINT, quantite: BIGINT, prix: DOUBLE, prix_cents: BIGINT>>",
        "montant_total` DOUBLE",
        "montant_total_cents` BIGINT",
        "date` DATE",
    ]


@pytest.mark.parametrize("topic", Topic)
def test_every_column_has_a_type_of_sparks(topic: Topic) -> None:
    assert table_schema(topic).count("`") >= 16
