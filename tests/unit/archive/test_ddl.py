"""The archive's tables as a catalog is told of them."""

import re

import pytest

from shopnow_streams.archive.ddl import DIALECTS, statements
from shopnow_streams.topics import Topic
from sinks.columns import schema

ROOT = "hdfs://nameservice/shopnow"


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("topic", list(Topic))
def test_a_table_has_the_columns_of_the_topics_files_and_lies_where_they_are(topic: Topic, dialect: str) -> None:
    database, table, repair = statements(ROOT, "shopnow", [topic], dialect)
    name = f"`shopnow`.`{topic.replace('-', '_')}`"
    assert database == "CREATE DATABASE IF NOT EXISTS `shopnow`"
    assert re.match(rf"CREATE (EXTERNAL )?TABLE IF NOT EXISTS {name} \(", table)
    declared = re.findall(r"^  `(\w+)` [A-Z]", table, re.MULTILINE)
    assert [column for column in declared if column != "date"] == schema(topic).names
    assert f"LOCATION '{ROOT}/{topic}'" in table
    assert repair == f"MSCK REPAIR TABLE {name}"


def test_in_spark_the_date_is_a_column_of_the_table_and_in_hive_beside_them() -> None:
    (_, spark, _), (_, hive, _) = (statements(ROOT, "shopnow", [Topic.PRODUCT_VIEWED], each) for each in DIALECTS)
    assert "  `date` DATE\n)\nUSING parquet\nPARTITIONED BY (`date`)" in spark
    assert "PARTITIONED BY (`date` DATE)\nSTORED AS PARQUET" in hive
    assert hive.startswith("CREATE EXTERNAL TABLE")


def test_lists_are_arrays_of_structs_of_named_fields() -> None:
    _, table, _ = statements(ROOT, "shopnow", [Topic.ORDER_PLACED], "hive")
    assert "`articles` ARRAY<STRUCT<id_produit: BIGINT, quantite: BIGINT, prix: DOUBLE, prix_cents: BIGINT>>" in table


def test_names_and_places_are_quoted() -> None:
    database, table, _ = statements("file:///it's/a\\b/", "my`db", [Topic.PRODUCT_VIEWED], "spark")
    assert database.endswith("`my``db`")
    assert f"LOCATION 'file:///it\\'s/a\\\\b/{Topic.PRODUCT_VIEWED}'" in table


def test_all_topics_are_in_one_database() -> None:
    assert len(statements(ROOT, "shopnow", Topic, "spark")) == 1 + 2 * len(Topic)
