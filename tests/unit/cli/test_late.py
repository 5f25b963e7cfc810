"""`shopnow late`: what a worker says of late events as tables; and a sentence where none answers."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from shopnow_streams.cli import late
from shopnow_streams.errors import NoWorker
from shopnow_streams.settings import Settings
from shopnow_streams.stack.ports import free_ports
from tests.unit.cli.test_health import answering, http

PAGE: dict[str, Any] = {
    "complete": True,
    "partitions": {"answered": 4, "of": 4},
    "as_of": "2025-11-28T12:00:00Z",
    "allowed_lateness_s": 3600.0,
    "clock_skew_s": 60.0,
    "topics": [
        {"topic": "produit-consulte", "late": 12345, "ahead": 1, "watermark": "2025-11-28T12:00:00Z", "watermarks": {}},
        {"topic": "stock-mis-a-jour", "late": 0, "ahead": 0, "watermark": None, "watermarks": {}},
    ],
    "items": [
        {
            "topic": "produit-consulte",
            "partition": 3,
            "offset": 878590,
            "timestamp": "2025-11-28T09:00:00+01:00",
            "arrived_at": None,
            "reason": "late",
        }
    ],
}


def printed(page: Any) -> str:
    console = Console(width=120, record=True)
    late.shown(page, console)
    return console.export_text()


def test_topics_and_events_are_tables() -> None:
    lines = [line.split() for line in printed(PAGE).splitlines()]
    assert ["produit-consulte", "2025-11-28T12:00:00Z", "12,345", "1"] in lines
    assert ["stock-mis-a-jour", "0", "0"] in lines
    assert ["late", "produit-consulte", "3", "878590", "2025-11-28T09:00:00+01:00"] in lines
    assert "over 3600 s behind" in printed(PAGE)
    assert "incomplete" not in printed(PAGE)


def test_nothing_late_is_no_table_of_nothing() -> None:
    assert "offset" not in printed(PAGE | {"items": []})


def test_what_is_incomplete_says_so() -> None:
    assert "incomplete: 3 of 4 partitions answered" in printed(
        PAGE | {"complete": False, "partitions": {"answered": 3, "of": 4}}
    )


def test_for_programs_it_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(http("200 OK", json.dumps(PAGE))) as port:
        monkeypatch.setenv("SHOPNOW_WEB_PORT", str(port))
        ran = CliRunner().invoke(late.late, ["produit-consulte", "--json"])
    assert (ran.exit_code, json.loads(ran.output)) == (0, PAGE)


def test_a_topic_that_there_is_not_is_refused() -> None:
    assert CliRunner().invoke(late.late, ["produits"]).exit_code == 2


def test_a_worker_that_is_down_is_to_be_started() -> None:
    (port,) = free_ports(1)
    with pytest.raises(NoWorker, match=r"`faust -A shopnow_streams.app worker -l info` starts one$"):
        late.asked(Settings(web_port=port), None, 20)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"status": "UP"}'])
def test_what_is_no_worker_is_at_the_wrong_address(body: str) -> None:
    with answering(http("200 OK", body)) as port, pytest.raises(NoWorker, match="is no worker of ours"):
        late.asked(Settings(web_port=port), None, 20)


def test_a_problem_is_told_as_it_is() -> None:
    problem = http("401 Unauthorized", '{"detail": "this needs a token"}')
    with answering(problem) as port, pytest.raises(NoWorker, match=r"answers 401: this needs a token$"):
        late.asked(Settings(web_port=port), None, 20)
