"""Alert rules, Grafana's dashboard and docs/metrics.md speak of metrics that workers export, and of all of them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from faust.types import TP
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from shopnow_streams.events import ProductViewed
from shopnow_streams.topics import Topic
from tests.unit.folds.strategies import NOON
from tests.unit.test_docker import COMPOSE, DOCKER, ROOT
from tests.unit.views.conftest import FakeArchiver, MakeWorker, Worker

ALERTS = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text())
DASHBOARD = json.loads((DOCKER / "grafana" / "dashboards" / "shopnow.json").read_text())
OF_PROMETHEUS = {"up"}
COMMON = ("process_", "python_")
"""What every Python client exports, and docs/metrics.md names together."""


def expressions() -> Iterator[str]:
    """Every PromQL expression of ours."""
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


def selected(expression: str) -> set[str]:
    """The metrics that an expression selects: names that are no function, no keyword and no label."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)", " ", expression)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w)(?!\s*\()", bare)
    return {word for word in words if word not in {"and", "or", "unless", "by", "without", "bool"}}


@pytest.fixture
async def exported(make_worker: MakeWorker) -> list[Metric]:
    """What a worker with an archive exports once it was asked for something."""
    worker: Worker = await make_worker(archiver=FakeArchiver({TP("produit-consulte", 0): 10}))
    view = ProductViewed(timestamp=NOON, id_produit=1, nom_produit="", prix=0.0)
    worker.fold(0, Topic.PRODUCT_VIEWED, [b"?", view])
    worker.lag = {TP("produit-consulte", 0): 1}
    worker.alerts.age_s = 1.0
    await worker.get("/api/products")
    async with worker.session.get(worker.server.make_url("/metrics")) as response:
        return list(text_string_to_metric_families(await response.text()))


def test_what_an_expression_selects_is_understood() -> None:
    found = selected(
        'sum by (le) (rate(a_bucket{x="b_c"}[5m])) / on (d) group_left max_over_time(e[1h:1m]) > 0 and f == 1'
    )
    assert found - {"group_left"} == {"a_bucket", "e", "f"}


async def test_alerts_and_dashboard_ask_for_what_there_is(exported: list[Metric]) -> None:
    samples = {sample.name for family in exported for sample in family.samples}
    asked = [(expression, selected(expression)) for expression in expressions()]
    assert len(asked) > 30
    for expression, names in asked:
        assert names, expression
        assert names <= samples | OF_PROMETHEUS, expression


async def test_whatever_is_added_up_is_there_before_anything_happened(make_worker: MakeWorker) -> None:
    """A sum of no series is nothing, and so is whatever is added to it: such an alert would never fire."""
    worker: Worker = await make_worker()
    async with worker.session.get(worker.server.make_url("/metrics")) as response:
        families = list(text_string_to_metric_families(await response.text()))
    there = {sample.name for family in families for sample in family.samples}
    added = [expression for expression in expressions() if re.search(r"\)\s*\+", expression)]
    assert any("shopnow_rejected_total" in expression for expression in added)
    for expression in added:
        assert selected(expression) - {"shopnow_lag_records"} <= there, expression


def test_what_is_meant_to_be_said_by_a_status_is_no_failure() -> None:
    (rule,) = [rule for group in ALERTS["groups"] for rule in group["rules"] if rule["alert"] == "ShopNowAnswersFail"]
    failed, asked = re.findall(r"_count\{([^}]*)\}", rule["expr"])
    assert {'status!="504"', 'path!~"/health/.*"'} <= set(failed.split(", "))
    assert asked == 'path!~"/health/.*"', "else many a look at the health hides what fails"


async def test_labels_are_those_that_there_are(exported: list[Metric]) -> None:
    labels = {label for family in exported for sample in family.samples for label in sample.labels}
    for expression in expressions():
        for grouped in re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", expression):
            assert set(re.split(r",\s*", grouped)) <= labels | {"instance", "job"}, expression


async def test_whatever_is_exported_is_watched(exported: list[Metric]) -> None:
    asked = {name for expression in expressions() for name in selected(expression)}
    for family in exported:
        if not family.name.startswith(COMMON):
            names = {sample.name for sample in family.samples} | {family.name}
            assert names & asked, f"{family.name} is on no panel, and no alert looks at it"


async def test_the_document_has_them_all_as_they_are(exported: list[Metric]) -> None:
    table = "\n".join(rows(exported))
    document = (ROOT / "docs" / "metrics.md").read_text()
    assert table in document, f"docs/metrics.md should have:\n{table}"


def rows(families: list[Metric]) -> list[str]:
    """The table of docs/metrics.md."""
    found = ["| name | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for family in sorted(families, key=lambda family: family.name):
        if family.name.startswith(COMMON):
            continue
        kept = {label for sample in family.samples for label in sample.labels} - {"le"}
        labels = ", ".join(f"`{label}`" for label in sorted(kept))
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return found


def test_alerts_say_what_to_do() -> None:
    names = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert len(names) == len(set(names)) > 10
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["action"]


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(titles) == len(set(titles))


def test_monitoring_goes_beside_the_composed_system() -> None:
    if not COMPOSE.exists():
        pytest.skip("docker-compose is not installed: `make check` installs it")
    files = [part for name in ("compose.yaml", "monitoring.yaml") for part in ("-f", str(DOCKER / name))]
    command = [str(COMPOSE), *files, "config", "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    services: dict[str, Any] = json.loads(ran.stdout)["services"]
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}
        assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"]), "a version, not whatever is the latest"
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        for volume in service["volumes"]:
            assert volume["type"] == "volume" or Path(volume["source"]).exists()
