"""What the broker is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from shopnow_streams.errors import StackError
from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import free_ports
from tests.unit.stack.conftest import MakeJava


def broker(home: Path, java: Path = Path("java"), settings: Mapping[str, str] = {}) -> KafkaBroker:
    return KafkaBroker(home, port=19092, controller_port=19093, java=java, jars=[], settings=settings)


def properties(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in text.splitlines())}


def test_server_properties(tmp_path: Path) -> None:
    settings = properties(broker(tmp_path).server_properties(tmp_path / "data"))
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
    assert settings["advertised.listeners"] == "PLAINTEXT://127.0.0.1:19092"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:19093"
    assert settings["log.dirs"] == str(tmp_path / "data")
    assert settings["auto.create.topics.enable"] == "false"
    # a single broker must not wait for others
    assert {value for key, value in settings.items() if key.endswith(("replication.factor", "min.isr"))} == {"1"}


def test_settings_of_the_caller_win(tmp_path: Path) -> None:
    settings = properties(broker(tmp_path, settings={"log.retention.hours": "1"}).server_properties(tmp_path))
    assert settings["log.retention.hours"] == "1"


def test_nothing_answers_before_it_is_started(tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    made = KafkaBroker(tmp_path, port=port, controller_port=controller_port, java=Path("java"), jars=[])
    assert made.bootstrap == f"127.0.0.1:{port}"
    assert not made.answers()


FORMATTING = """
properties=$(for word; do :; done; echo "$word")
folder=$(sed -n 's/^log.dirs=//p' "$properties")
mkdir "$folder" && echo "$@" >> "$folder/formatted"
"""
"""A Java that does of the storage tool what others see of it."""


def test_prepared_it_has_its_settings_and_an_identity_given_once(tmp_path: Path, java: MakeJava) -> None:
    made = broker(tmp_path / "home", java(FORMATTING))
    for _ in range(2):
        command = [str(word) for word in made.prepare(["-Xlog:disable"])]
    settings = tmp_path / "home" / "server.properties"
    assert command[-2:] == ["kafka.Kafka", str(settings)]
    assert "-Xlog:disable" in command[:-2]
    assert properties(settings.read_text())["log.dirs"] == str(tmp_path / "home" / "data")
    (said,) = (tmp_path / "home" / "data" / "formatted").read_text().splitlines()
    assert "kafka.tools.StorageTool format" in said
    assert not (tmp_path / "home" / "data.part").exists()


def test_a_storage_that_cannot_be_formatted_is_none(tmp_path: Path, java: MakeJava) -> None:
    made = broker(tmp_path, java("echo no space left >&2; exit 1"))
    with pytest.raises(StackError, match="could not be formatted:\nno space left"):
        made.prepare()
    assert not (tmp_path / "data").exists()
