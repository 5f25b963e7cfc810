"""The image and the composed system, as far as files tell; `docker/without-registry.sh` runs them."""

import importlib.util
import ipaddress
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from shopnow_streams.settings import PREFIX, from_environment
from shopnow_streams.stack.ports import StackPorts

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = Path(sys.executable).with_name("docker-compose")
ONE_SHOT = {"topics"}
DAEMONS = ("kafka", "namenode", "datanode")
ROOT_USERS = {"", "0", "root"}

Service = dict[str, Any]


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """compose.yaml as Compose itself reads it, with all profiles."""
    if not COMPOSE.exists():
        pytest.skip("docker-compose is not installed: `make check` installs it")
    command = [str(COMPOSE), "-f", str(DOCKER / "compose.yaml"), "--profile", "*", "config", "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def services(composed: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = composed["services"]
    return found


@pytest.fixture(scope="module")
def stages() -> dict[str, tuple[str, list[str]]]:
    """Each stage of the Dockerfile: what it is built from, and its instructions."""
    text = re.sub(r"\\\n", " ", (DOCKER / "Dockerfile").read_text())
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            found[match[2]] = (match[1], [])
        elif found and line and not line.startswith("#"):
            found[list(found)[-1]][1].append(line)
    return found


@pytest.fixture(scope="module")
def daemon() -> ModuleType:
    """docker/daemon.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("docker_daemon", DOCKER / "daemon.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_whole_system_is_there(services: dict[str, Service]) -> None:
    assert {"kafka", "namenode", "datanode", "topics", "worker", "simulator"} <= set(services)


def test_ports_are_published_on_this_machine_only(services: dict[str, Service]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert published
    assert all(ipaddress.ip_address(port["host_ip"]).is_loopback for port in published)


def test_what_runs_on_has_a_health_check_and_comes_again(services: dict[str, Service]) -> None:
    for name, service in _default(services):
        if name in ONE_SHOT:
            assert service["restart"].startswith("on-failure"), name
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_order_is_by_health(services: dict[str, Service]) -> None:
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if name in ONE_SHOT else "service_healthy"
            assert dependency["condition"] == wanted, name
    assert set(services["topics"]["depends_on"]) == {"kafka"}
    assert set(services["worker"]["depends_on"]) == {"topics"}  # HDFS may be away


def test_containers_may_do_little(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"], name
        assert service["mem_limit"], name
        assert "user" not in service, f"{name}: its image has the user"


def test_images_are_stages_that_end_without_root(
    services: dict[str, Service], stages: dict[str, tuple[str, list[str]]]
) -> None:
    built = {service["image"]: service["build"]["target"] for service in services.values() if "build" in service}

    assert {service["image"] for service in services.values()} == set(built)
    for target in built.values():
        assert _user(target, stages).partition(":")[0] not in ROOT_USERS, target


def test_a_jvm_fits_into_its_memory(services: dict[str, Service]) -> None:
    for name in DAEMONS:
        heap = int(services[name]["environment"]["HEAP"].removesuffix("m")) << 20
        assert heap * 1.5 < int(services[name]["mem_limit"]), name


def test_settings_are_settings(services: dict[str, Service]) -> None:
    seen = 0
    for service in services.values():
        environment = {name: str(value) for name, value in service.get("environment", {}).items()}
        settings = from_environment(environment)  # raises for a name or value that is none
        if any(name.startswith(PREFIX) for name in environment):
            seen += 1
            assert settings.kafka == f"kafka:{StackPorts().kafka}"
            assert settings.archive.startswith(f"hdfs://namenode:{StackPorts().namenode_rpc}/")
    assert seen


def test_the_worker_keeps_its_tables_in_its_volume(services: dict[str, Service]) -> None:
    worker = services["worker"]
    settings = from_environment({name: str(value) for name, value in worker["environment"].items()})

    assert str(settings.data_dir) in {volume["target"] for volume in worker["volumes"]}
    assert settings.web_host == "0.0.0.0"  # noqa: S104 - in the containers' network
    assert settings.web_advertised == f"worker:{settings.web_port}"
    assert [port["target"] for port in worker["ports"]] == [settings.web_port]


def test_published_kafka_is_advertised_as_published(services: dict[str, Service], daemon: ModuleType) -> None:
    (port,) = services["kafka"]["ports"]
    published = services["kafka"]["environment"]["KAFKA_PUBLISHED"]
    properties = _properties(daemon.daemon("kafka", {"KAFKA_PUBLISHED": published}).server_properties(Path("/data")))

    assert published == f"{port['host_ip']}:{port['published']}"
    assert port["target"] == daemon.PUBLISHED_PORT
    assert properties["listeners"].split(",") == [
        "PLAINTEXT://0.0.0.0:9092",
        f"PUBLISHED://0.0.0.0:{port['target']}",
        "CONTROLLER://127.0.0.1:9093",
    ]
    assert properties["advertised.listeners"].split(",") == ["PLAINTEXT://kafka:9092", f"PUBLISHED://{published}"]
    assert properties["auto.create.topics.enable"] == "false"


@pytest.mark.parametrize("name", ["namenode", "datanode"])
def test_hdfs_is_reached_by_names_in_the_network(daemon: ModuleType, name: str) -> None:
    site = daemon.daemon(name, {}).site_xml()
    settings = dict(re.findall(r"<name>(.*?)</name><value>(.*?)</value>", site))

    assert settings["fs.defaultFS"] == "hdfs://namenode:8020"
    assert settings["dfs.datanode.hostname"] == "datanode"
    assert settings["dfs.datanode.use.datanode.hostname"] == "true"
    assert not [name for name, value in settings.items() if "127.0.0.1" in value]


@pytest.fixture
def data(daemon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container's /data, where Java is a program that does nothing well."""
    monkeypatch.setattr(daemon, "DATA", tmp_path)
    monkeypatch.setattr(daemon, "JAVA", Path("/bin/false"))
    return tmp_path


def test_it_becomes_the_daemon_on_the_settings_that_it_wrote(
    daemon: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("os.execv", lambda program, words: became.append((program, words)))
    daemon.main("run", "datanode")
    ((program, words),) = became
    assert program == words[0] == "/bin/false"
    assert words[-1] == "org.apache.hadoop.hdfs.server.datanode.DataNode"
    assert "hdfs://namenode:8020" in (data / "conf" / "hdfs-site.xml").read_text()


@pytest.mark.parametrize("name", ["kafka", "namenode"])
def test_a_daemon_whose_storage_cannot_be_made_says_so(daemon: ModuleType, data: Path, name: str) -> None:
    with pytest.raises(SystemExit, match=f"{name}: .* could not be formatted"):
        daemon.main("run", name)


def test_only_what_an_image_needs_is_sent_to_the_engine(stages: dict[str, tuple[str, list[str]]]) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = {word for source in _copied(stages) for word in source}

    assert copied
    assert all(any(Path(source).is_relative_to(path) for path in allowed) for source in copied)
    assert all((ROOT / source).exists() for source in copied)
    assert {path for path in allowed if "." not in path} <= copied


def _default(services: dict[str, Service]) -> Iterator[tuple[str, Service]]:
    return ((name, service) for name, service in services.items() if "profiles" not in service)


def _user(stage: str, stages: dict[str, tuple[str, list[str]]]) -> str:
    """The user that containers of a stage run as."""
    while stage in stages:
        parent, instructions = stages[stage]
        if users := [line.split()[1] for line in instructions if line.startswith("USER ")]:
            return users[-1]
        stage = parent
    return ""


def _copied(stages: dict[str, tuple[str, list[str]]]) -> Iterator[list[str]]:
    """The sources of each COPY out of the build context."""
    for _, instructions in stages.values():
        for line in instructions:
            words = line.split()
            if words[0] == "COPY" and not words[1].startswith("--from"):
                yield words[1:-1]


def _properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())
