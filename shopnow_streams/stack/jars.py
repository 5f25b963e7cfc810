"""The jars of Kafka and HDFS: exactly those of the lock file, downloaded once, each checked by its SHA-256."""

import hashlib
import os
import threading
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from shopnow_streams.errors import StackError

LOCK = Path(__file__).with_name("jars.lock.toml")
MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
IN_PARALLEL = 8
TIMEOUT_S = 30.0  # for a connection, and between two pieces of a body
PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of a Maven repository."""

    coordinate: str  # group:artifact:version, and :classifier where it has one
    size: int  # bytes
    sha256: str  # hexadecimal

    @property
    def path(self) -> str:
        """Where it is in any Maven repository, relative to its root."""
        return jar_path(self.coordinate)


@dataclass(frozen=True, slots=True)
class Fetched:
    """How far a download is."""

    jars: int
    jars_total: int
    bytes: int
    bytes_total: int


def jar_path(coordinate: str) -> str:
    """`org.slf4j:slf4j-api:1.7.36` is at `org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar`."""
    group, artifact, *version = coordinate.split(":")
    return f"{group.replace('.', '/')}/{artifact}/{version[0]}/{artifact}-{'-'.join(version)}.jar"


def parse_lock(text: str) -> dict[str, tuple[Jar, ...]]:
    """The jars of each class path (`kafka`, `hdfs`) by its name, in class path order. Raises StackError."""
    try:
        return {name: tuple(Jar(**row) for row in rows) for name, rows in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise StackError(
            f"The lock file of the jars does not parse ({error}); write it again with `python -m "
            f"shopnow_streams.stack lock`."
        ) from error


def locked_jars() -> dict[str, tuple[Jar, ...]]:
    """The jars that the lock file of this package names. Raises StackError."""
    return parse_lock(LOCK.read_text())


def fetch(
    jars: Sequence[Jar],
    folder: Path,
    *,
    repository: str | None = None,
    progress: Callable[[Fetched], None] | None = None,
) -> list[Path]:
    """Have every jar in `folder`, laid out as in a Maven repository; returns their paths in the same order.

    What is there already, with its full length, is not fetched again: a jar gets its final name only after
    its checksum was right. `repository` is SHOPNOW_MAVEN_URL or else Maven Central. `progress` is called from
    this thread, once at first and once a jar. Blocks until all are there.
    Raises StackError where a jar cannot be fetched or is not the one that was locked.
    """
    repository = (repository or os.environ.get("SHOPNOW_MAVEN_URL") or MAVEN_CENTRAL).rstrip("/")
    wanted = {jar: folder / jar.path for jar in jars}
    missing = [jar for jar, path in wanted.items() if not _whole(path, jar)]
    done, done_bytes = len(wanted) - len(missing), sum(jar.size for jar in wanted if jar not in missing)
    total_bytes = sum(jar.size for jar in wanted)

    def report() -> None:
        if progress is not None:
            progress(Fetched(done, len(wanted), done_bytes, total_bytes))

    report()
    with closing(Download(repository)) as download, ThreadPoolExecutor(IN_PARALLEL) as pool:
        futures = {pool.submit(download.jar, jar, wanted[jar]): jar for jar in missing}
        try:
            for future in as_completed(futures):
                future.result()
                done, done_bytes = done + 1, done_bytes + futures[future].size
                report()
        except BaseException:  # also Ctrl-C: what was not begun is dropped, what was begun ends early
            download.cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [wanted[jar] for jar in jars]


class Download:
    """Fetches jars from one repository with one pool of connections; safe to use from several threads."""

    def __init__(self, repository: str) -> None:
        self.repository = repository
        self.cancelled = threading.Event()
        self._session = requests.Session()
        self._session.mount("https://", HTTPAdapter(pool_maxsize=IN_PARALLEL))
        self.close = self._session.close

    def jar(self, jar: Jar, path: Path) -> None:
        """Fetch one jar to `path`, trying again four times (4 s in all) where the network fails. Blocks.

        Raises StackError where it cannot be had or is another file than the one locked.
        """
        url = f"{self.repository}/{jar.path}"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another process may fetch the same jar at the same time.
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        retrying = Retrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(5),
            wait=wait_exponential(multiplier=0.25, max=4.0),
            reraise=True,
        )
        try:
            sha256 = retrying(self._body, url, part)
            if sha256 != jar.sha256:
                raise StackError(
                    f"{url} is not the file that was locked: its SHA-256 is {sha256}, expected {jar.sha256}. "
                    f"A proxy or a mirror may have changed it; set SHOPNOW_MAVEN_URL to a repository that you trust."
                )
            part.replace(path)
        except (requests.RequestException, OSError) as error:
            raise StackError(
                f"{url} could not be fetched ({error}). Check the network, or set SHOPNOW_MAVEN_URL to a mirror."
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def _body(self, url: str, part: Path) -> str:
        digest = hashlib.sha256()
        with self._session.get(url, stream=True, timeout=TIMEOUT_S) as response, part.open("wb") as file:
            response.raise_for_status()
            for piece in response.iter_content(PIECE_BYTES):
                if self.cancelled.is_set():
                    raise StackError(f"The download of {url} was stopped.")
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()


def _passing(error: BaseException) -> bool:
    """Whether trying again may help: not where the repository answers that it has no such file."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code >= 500
    return isinstance(error, requests.RequestException)


def _whole(path: Path, jar: Jar) -> bool:
    return path.exists() and path.stat().st_size == jar.size
