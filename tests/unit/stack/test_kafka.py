"""What the broker is told."""

from pathlib import Path

from shopnow_streams.stack.kafka import KafkaBroker
from shopnow_streams.stack.ports import free_ports


def broker(home: Path, **settings: str) -> KafkaBroker:
    return KafkaBroker(home, port=19092, controller_port=19093, java=Path("java"), jars=[], settings=settings)


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
    settings = properties(broker(tmp_path, **{"log.retention.hours": "1"}).server_properties(tmp_path))
    assert settings["log.retention.hours"] == "1"


def test_nothing_answers_before_it_is_started(tmp_path: Path) -> None:
    port, controller_port = free_ports(2)
    made = KafkaBroker(tmp_path, port=port, controller_port=controller_port, java=Path("java"), jars=[])
    assert made.bootstrap == f"127.0.0.1:{port}"
    assert not made.answers()
