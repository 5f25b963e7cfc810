"""The commands, as a user runs them, against a real broker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import free_ports

SAMPLE = (
    '{"id_produit": 1597, "nom_produit": "T-shirt en coton bio", "prix": 29.99, "timestamp": "2025-11-28T10:30:00Z"}'
)


class Shell:
    """`shopnow …` in a process of its own."""

    def __init__(self, bootstrap: str) -> None:
        (port,) = free_ports(1)
        self.environment = {
            **os.environ,
            "SHOPNOW_KAFKA": bootstrap,
            "SHOPNOW_ARCHIVE": "",
            "SHOPNOW_WEB_PORT": str(port),
        }

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [str(Path(sys.executable).with_name("shopnow")), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment, check=False)


@pytest.fixture
def shopnow(kafka: KafkaBroker) -> Shell:
    shell = Shell(kafka.bootstrap)
    assert shell("topics", "create").returncode == 0
    return shell


def test_topics_are_created_once_and_listed_with_their_partitions(shopnow: Shell) -> None:
    assert json.loads(shopnow("topics", "create", "--json").stdout) == {"created": []}
    listed = json.loads(shopnow("topics", "list", "--json").stdout)
    assert {row["name"]: row["partitions"] for row in listed} == dict.fromkeys(
        (
            "produit-consulte",
            "article-ajoute",
            "commande-validee",
            "paiement-accepte",
            "stock-mis-a-jour",
            "evenements-rejetes",
        ),
        4,
    ) | {"alertes": 1}
    assert "produit-consulte" in shopnow("topics", "list").stdout
    assert shopnow("alerts").stdout == "open: none\n"


def test_topics_with_other_partitions_are_refused(shopnow: Shell) -> None:
    shopnow.environment["SHOPNOW_PARTITIONS"] = "5"
    refused = shopnow("topics", "create")
    assert refused.returncode == 1
    assert "produit-consulte has 4 partitions" in refused.stderr
    assert "SHOPNOW_PARTITIONS" in refused.stderr


def test_a_sent_event_is_described_and_tailed(shopnow: Shell) -> None:
    sent = json.loads(shopnow("send", "produit-consulte", SAMPLE, "--json").stdout)
    assert sent["topic"] == "produit-consulte"
    described = json.loads(shopnow("topics", "describe", "produit-consulte", "--json").stdout)
    assert described["key"] == "id_produit"
    assert described["partitions"][str(sent["partition"])]["end"] == sent["offset"] + 1
    tailed = shopnow("tail", "produit-consulte", "--from-beginning", "--max-messages", "1", "--json")
    record = json.loads(tailed.stdout)
    assert json.loads(record["value"]) == json.loads(SAMPLE)
    assert record["key"] == "1597"
    assert (
        "T-shirt en coton bio" in shopnow("tail", "produit-consulte", "--from-beginning", "--max-messages", "1").stdout
    )


def test_what_is_no_event_is_not_sent(shopnow: Shell) -> None:
    refused = shopnow("send", "stock-mis-a-jour", '{"id_produit": 1, "stock": -1}')
    assert refused.returncode == 2
    assert "stock" in refused.stderr
    assert shopnow("send", "stock-mis-a-jour", "nothing").returncode == 2


def test_health_says_what_is_well_and_what_is_not(shopnow: Shell) -> None:
    told = shopnow("health", "--json")
    checks = {check["name"]: check["well"] for check in json.loads(told.stdout)}
    assert checks == {"broker": True, "topics": True, "live lag": True, "worker": False}
    assert "faust -A shopnow_streams.app worker" in json.loads(told.stdout)[-1]["detail"]
    assert told.returncode == 1


@pytest.mark.parametrize(
    "words", [("topics", "list"), ("tail", "produit-consulte"), ("send", "produit-consulte", SAMPLE)], ids=" ".join
)
def test_without_kafka_a_command_says_so_in_one_sentence(words: tuple[str, ...]) -> None:
    (port,) = free_ports(1)
    told = Shell(f"127.0.0.1:{port}")(*words)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert f"127.0.0.1:{port}" in told.stderr
    assert "SHOPNOW_KAFKA" in told.stderr


def test_an_unknown_setting_is_named(shopnow: Shell) -> None:
    shopnow.environment["SHOPNOW_KAFKAA"] = "x"
    told = shopnow("topics", "list")
    assert told.returncode == 1
    assert "did you mean SHOPNOW_KAFKA?" in told.stderr
