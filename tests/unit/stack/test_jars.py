"""The lock, and downloads from a repository that may lie, break off or lack what was locked."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shopnow_streams.errors import StackError
from shopnow_streams.stack.jars import Fetched, Jar, fetch, jar_path, locked_jars, parse_lock
from shopnow_streams.stack.lock import ADDED, ROOTS, lock_text

BODY = b"PK" + bytes(200_000)


def jar_of(artifact: str, body: bytes = BODY) -> Jar:
    return Jar(f"org.example:{artifact}:1.0", len(body), hashlib.sha256(body).hexdigest())


class Repository(ThreadingHTTPServer):
    """A Maven repository: what it serves, and which paths it was asked for."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.broken_off = 0  # so many of the next answers end half way
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Repository)
        path = self.path.removeprefix("/")
        self.server.asked.append(path)
        body = self.server.bodies.get(path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.broken_off:
            self.server.broken_off -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_jar_path() -> None:
    path = "org/apache/kafka/kafka_2.13/4.1.0/kafka_2.13-4.1.0.jar"
    assert jar_path("org.apache.kafka:kafka_2.13:4.1.0") == path


def test_a_classifier_stands_behind_the_version_and_not_in_the_folder() -> None:
    path = "org/apache/orc/orc-core/2.3.0/orc-core-2.3.0-shaded-protobuf.jar"
    assert jar_path("org.apache.orc:orc-core:2.3.0:shaded-protobuf") == path


def test_the_lock_has_the_versions_that_were_asked_for() -> None:
    locked = locked_jars()
    assert locked.keys() == ROOTS.keys()
    for name, jars in locked.items():
        coordinates = [jar.coordinate for jar in jars]
        assert {*ROOTS[name], ADDED[name]} <= set(coordinates)
        # two versions of one artifact on a class path: the first one wins by chance
        artifacts = [coordinate.rpartition(":")[0] for coordinate in coordinates]
        assert len(artifacts) == len(set(artifacts))
        for coordinate in coordinates:  # a pom's recommendation may have put another in its place
            group, _, version = coordinate.split(":")
            assert {"org.apache.kafka": "4.1.0", "org.apache.hadoop": "3.4.2"}.get(group, version) == version


def test_a_written_lock_is_read_back() -> None:
    locked = {"kafka": (jar_of("a"), jar_of("b")), "hdfs": (jar_of("c"),)}
    assert parse_lock(lock_text(locked)) == locked


@pytest.mark.parametrize("text", ["kafka = [", 'kafka = [{ coordinate = "a:b:1" }]', "kafka = 1"])
def test_a_lock_that_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="lock file"):
        parse_lock(text)


def test_fetch_downloads_once_and_tells_how_far_it_is(repository: Repository, tmp_path: Path) -> None:
    jars = [jar_of("a"), jar_of("b")]
    repository.bodies = {jar.path: BODY for jar in jars}
    steps: list[Fetched] = []
    paths = fetch(jars, tmp_path, repository=repository.url, progress=steps.append)
    assert paths == [tmp_path / jar.path for jar in jars]
    assert [path.read_bytes() for path in paths] == [BODY, BODY]
    assert steps == [Fetched(n, 2, n * len(BODY), 2 * len(BODY)) for n in (0, 1, 2)]
    assert fetch(jars, tmp_path, repository=repository.url) == paths
    assert len(repository.asked) == 2


def test_another_file_of_the_same_length_is_refused(repository: Repository, tmp_path: Path) -> None:
    jar = jar_of("a")
    repository.bodies = {jar.path: BODY[::-1]}
    with pytest.raises(StackError, match="not the file that was locked"):
        fetch([jar], tmp_path, repository=repository.url)
    assert files(tmp_path) == []


def test_a_download_that_breaks_off_is_tried_again(repository: Repository, tmp_path: Path) -> None:
    jar = jar_of("a")
    repository.bodies, repository.broken_off = {jar.path: BODY}, 2
    assert fetch([jar], tmp_path, repository=repository.url)[0].read_bytes() == BODY
    assert len(repository.asked) == 3


def test_half_a_jar_is_never_taken_for_a_whole_one(repository: Repository, tmp_path: Path) -> None:
    jar = jar_of("a")
    repository.bodies = {jar.path: BODY}
    half = tmp_path / jar.path
    half.parent.mkdir(parents=True)
    half.write_bytes(BODY[:100])
    assert fetch([jar], tmp_path, repository=repository.url)[0].read_bytes() == BODY


def test_a_missing_jar_is_named_and_not_asked_for_again(repository: Repository, tmp_path: Path) -> None:
    jar = jar_of("a")
    with pytest.raises(StackError, match=jar.path):
        fetch([jar], tmp_path, repository=repository.url)
    assert repository.asked == [jar.path]


def test_the_repository_is_taken_from_the_environment(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = jar_of("a")
    repository.bodies = {jar.path: BODY}
    monkeypatch.setenv("SHOPNOW_MAVEN_URL", f"{repository.url}/")
    assert fetch([jar], tmp_path)[0].read_bytes() == BODY
