"""`up`, `down` and `status` as typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopnow_streams.cli.stack import duration, status, up
from shopnow_streams.errors import PortBusy
from shopnow_streams.stack.__main__ import main
from shopnow_streams.stack.jars import Fetched
from shopnow_streams.stack.local import LocalStack, Progress, Ready


def test_status_of_a_stack_that_never_ran(tmp_path: Path) -> None:
    ran = CliRunner().invoke(status, ["--home", str(tmp_path), "--json"])
    assert [row["process"] for row in json.loads(ran.output)] == ["kafka", "namenode", "datanode"]
    assert {row["state"] for row in json.loads(ran.output)} == {"stopped"}


def test_the_table_is_aligned(tmp_path: Path) -> None:
    lines = CliRunner().invoke(status, ["--home", str(tmp_path)]).output.splitlines()
    assert len(lines) == 4
    assert len({line.index("stopped") for line in lines[1:]} | {lines[0].index("state")}) == 1


def test_down_without_a_stack_does_nothing(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["down", "--home", str(tmp_path / "none")])
    assert (ran.exit_code, ran.output) == (0, "nothing was running\n")
    assert not (tmp_path / "none").exists()


def test_up_tells_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(stack: LocalStack, progress: Progress, *, services: object) -> None:
        progress(Fetched(1, 2, 1_000_000, 3_000_000))
        progress(Fetched(2, 2, 3_000_000, 3_000_000))
        progress(Ready("kafka", 2.04, kept=False))
        progress(Ready("hdfs", 0.1, kept=True))

    monkeypatch.setattr(LocalStack, "start", start)
    ran = CliRunner().invoke(up, ["--home", str(tmp_path), "--port-offset", "100"])
    jars, kafka, hdfs = ran.output.split("\n")[:3]
    assert jars.startswith("jars   2/2, 3 MB, ")
    assert kafka == "kafka  ready in 2.0 s: 127.0.0.1:9192"
    assert hdfs == "hdfs   was running already: hdfs://127.0.0.1:8120, http://127.0.0.1:9970"


def test_the_environment_moves_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[LocalStack] = []
    monkeypatch.setattr(LocalStack, "start", lambda stack, progress, services: seen.append(stack))
    environment = {"SHOPNOW_STACK_HOME": str(tmp_path), "SHOPNOW_STACK_PORT_OFFSET": "7"}
    CliRunner().invoke(up, ["--kafka-only"], env=environment)
    assert (seen[0].home, seen[0].ports.kafka) == (tmp_path, 9099)


def test_an_error_passes_to_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(stack: LocalStack, progress: Progress, *, services: object) -> None:
        raise PortBusy("taken")

    monkeypatch.setattr(LocalStack, "start", start)
    assert isinstance(CliRunner().invoke(up, ["--home", str(tmp_path)]).exception, PortBusy)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (59.9, "00:00:59"), (3_661, "01:01:01"), (273_906, "3 d 04:05:06")]
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
