"""`shopnow alerts`: the table for people, and lines for programs."""

import json

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from shopnow_streams.alerts.register import Recorded, Register
from shopnow_streams.cli import alerts as command
from tests.unit.alerts.facts import transition

ALERTS = [
    transition("low-stock", "1597", "raised"),
    replace(transition("paid-twice", "[bold]C-17[/]", "raised"), message="order [red]C-17[/] has 2 payments"),
    transition("unpaid-order", "C-16", "resolved"),
]


@pytest.fixture(autouse=True)
def topic(monkeypatch: pytest.MonkeyPatch) -> Register:
    register = Register(9)
    for offset, one in enumerate(ALERTS):
        register.take(Recorded(offset, one.id, one))
    monkeypatch.setattr(command, "read", lambda _connection: register)
    return register


def ran(*arguments: str) -> str:
    result = CliRunner().invoke(command.alerts, arguments, env={"COLUMNS": "160"}, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_what_is_open_is_shown_as_it_was_written() -> None:
    text = ran()
    assert "low-stock:1597" in text
    assert "paid-twice:[bold]C-17[/]" in text
    assert "order [red]C-17[/] has 2 payments" in text
    assert "C-16" not in text
    assert "open: 1 low-stock, 1 paid-twice" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["paid-twice:[bold]C-17[/]", "low-stock:1597"]),
        (["--rule", "low-stock"], ["low-stock:1597"]),
        (["--state", "resolved"], ["unpaid-order:C-16"]),
        (["--state", "any", "--limit", "1"], ["unpaid-order:C-16"]),
    ],
)
def test_programs_get_a_line_each(arguments: list[str], expected: list[str]) -> None:
    assert [json.loads(line)["id"] for line in ran("--json", *arguments).splitlines()] == expected


def test_what_is_not_shown_is_counted(topic: Register) -> None:
    assert "1 more are not shown" in ran("--limit", "1")
    topic.open.clear()
    assert ran() == "open: none\n"
