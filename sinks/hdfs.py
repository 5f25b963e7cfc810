"""An archive's files on HDFS, over WebHDFS. The only module that imports `hdfs`.

What the client does for us: it asks the NameNodes in turn until one is not standby, and a connect or read timeout
counts as an answer of that one. What it leaves to us: timeouts at all (its default waits for ever), telling "there
is no such file" from "there was no answer", and what an error means for whoever runs the cluster.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import hdfs
import requests
import urllib3
from requests.adapters import HTTPAdapter

from shopnow_streams.errors import SettingsError, SinkUnavailable
from sinks.files import Entry

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
CONNECTIONS = 16  # kept open to each host: threads that use it at once
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HdfsFiles:
    """`Files` under the absolute path `root`.

    `webhdfs` is a NameNode's address, or two with ';' between (http://a:9870;http://b:9870). Without `kerberos` the
    cluster takes our word for `user`. SettingsError for another address, or where Kerberos is not installed.
    """

    def __init__(
        self,
        root: str,
        webhdfs: str,
        user: str,
        *,
        kerberos: bool = False,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._root = root.rstrip("/")
        self._webhdfs = webhdfs
        self._user = user
        if not all(_ADDRESS.fullmatch(url) for url in webhdfs.split(";")):
            raise SettingsError(
                f"The WebHDFS address {webhdfs!r} is not like http://namenode:9870, or two of those with ';' between"
            )
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        if all(urlsplit(url).hostname in LOOPBACK for url in webhdfs.split(";")):
            session.trust_env = False  # a proxy from the environment leads nowhere from here
        options: dict[str, Any] = {"timeout": (connect_timeout_s, read_timeout_s), "session": session}
        self._client: Any = (
            _kerberos_client(webhdfs, options) if kerberos else hdfs.InsecureClient(webhdfs, user, **options)
        )

    def list(self, path: str) -> list[Entry]:
        """See `Files`."""
        try:
            with self._explained(path):
                return [_entry(name, status) for name, status in self._client.list(self._at(path), status=True)]
        except FileNotFoundError:
            return []

    def stat(self, path: str) -> Entry | None:
        """See `Files`."""
        try:
            with self._explained(path):
                return _entry(path.rpartition("/")[2], self._client.status(self._at(path)))
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int, length: int) -> bytes:
        """See `Files`."""
        if length == 0:
            return b""
        with self._explained(path), self._client.read(self._at(path), offset=start, length=length) as reader:
            data: bytes = reader.read()
        if len(data) != length:
            raise SinkUnavailable(f"{self.url(path)} gave {len(data)} of {length} bytes: the connection was cut.")
        return data

    def write(self, path: str, data: bytes) -> None:
        """See `Files`. A connection cut on the way leaves a file that HDFS takes for whole: look at its length."""
        # As a file, which is sent in pieces: the connect timeout holds for each send, and bytes would be sent as one.
        body = io.BytesIO(data) if data else data
        with self._explained(path):
            self._client.write(self._at(path), data=body, overwrite=False)

    def make(self, path: str) -> None:
        """See `Files`."""
        with self._explained(path):
            self._client.makedirs(self._at(path))

    def rename(self, source: str, target: str) -> bool:
        """See `Files`."""
        with self._explained(target):
            try:
                self._client.rename(self._at(source), self._at(target))
            except hdfs.HdfsError as error:
                if error.exception is None and str(error).startswith("Unable to rename"):
                    return False  # what the client makes of the answer {"boolean": false}
                raise
        return True

    def concat(self, target: str, sources: Sequence[str]) -> None:
        """See `JoinableFiles`. HDFS wants files of one directory, not encrypted, erasure coded or in a snapshot."""
        with self._explained(target):
            _concat(self._client, self._at(target), sources=",".join(map(self._at, sources)))

    def truncate(self, path: str, length: int) -> None:
        """See `JoinableFiles`. At once where a block ends there; else HDFS is at the last block for a while."""
        with self._explained(path):
            _truncate(self._client, self._at(path), newlength=length)

    def set_modified(self, path: str, modified_ms: int) -> None:
        """See `JoinableFiles`."""
        with self._explained(path):
            self._client.set_times(self._at(path), modification_time=modified_ms)

    def remove(self, path: str) -> None:
        """See `Files`."""
        with self._explained(path):
            self._client.delete(self._at(path))

    def url(self, path: str) -> str:
        """See `Files`."""
        return f"hdfs:{self._at(path)} at {self._webhdfs}"

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/") or "/"

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """Whatever the client raises, as FileNotFoundError or SinkUnavailable."""
        try:
            yield
        except hdfs.HdfsError as error:
            if error.exception == "FileNotFoundException":
                raise FileNotFoundError(f"{self.url(path)} does not exist") from error
            raise SinkUnavailable(f"{self.url(path)}: {self._refusal(error)}") from error
        except (requests.JSONDecodeError, KeyError, TypeError) as error:  # JSON of another shape, or none
            raise SinkUnavailable(
                f"{self.url(path)}: what answered does not speak WebHDFS ({error!r}); is this the NameNode's HTTP port?"
            ) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise SinkUnavailable(f"{self.url(path)}: {_silence(error)}") from error

    def _refusal(self, error: hdfs.HdfsError) -> str:
        """What HDFS says, and what to do about it."""
        said = str(error).partition("\n")[0].partition("; For more details")[0]
        kind = error.exception or ""
        for sign, meaning in _REFUSALS.items():
            if sign in kind or sign in said:
                return f"{meaning.format(user=self._user)} It says: {said}"
        return f"HDFS refused with {kind or 'an error'}: {said}"


_concat: Any = hdfs.client._Request("POST").to_method("CONCAT")
_truncate: Any = hdfs.client._Request("POST").to_method("TRUNCATE")
"""Of WebHDFS, which the client has no methods for: made as it makes its own."""

_ADDRESS = re.compile(r"https?://[^/;,\s]+/?")

_REFUSALS = {
    "StandbyException": "No NameNode is active: a failover is under way, or has to be ordered (hdfs haadmin).",
    "SafeMode": "The NameNode is in safe mode, as it is while it starts; after that: hdfs dfsadmin -safemode get.",
    "safe mode": "The NameNode is in safe mode, as it is while it starts; after that: hdfs dfsadmin -safemode get.",
    "could only be": "No DataNode took the file: are they up, and have they space? hdfs dfsadmin -report shows it.",
    "Failed to find datanode": "No DataNode is up: start one; hdfs dfsadmin -report shows which there should be.",
    "ConnectException": "One part of HDFS lost another on the way: is its NameNode being started again?",
    "SocketException": "One part of HDFS lost another on the way: is its NameNode being started again?",
    "EOFException": "One part of HDFS lost another on the way: is its NameNode being started again?",
    "NoSpace": "The disks are full: free some space, or add a DataNode.",
    "OutOfSpace": "The disks are full: free some space, or add a DataNode.",
    "No space left": "The disks are full: free some space, or add a DataNode.",
    "QuotaExceeded": "The directory's quota is used up: raise it (hdfs dfsadmin -setSpaceQuota), or free some space.",
    "AccessControl": "The user {user} may not do that there: hdfs dfs -chown {user} on the archive's root.",
    "Authentication failure": "The cluster did not accept who we are: is SHOPNOW_ARCHIVE_KERBEROS needed, or a ticket?",
    "Authentication required": "The cluster wants to know who we are: set SHOPNOW_ARCHIVE_KERBEROS, and have a ticket.",
}
"""What a refusal is known by (the name of Hadoop's exception, or words of its message), and what it means."""


def _silence(error: Exception) -> str:
    """Why there was no answer: `error` is one of requests' or urllib3's."""
    request = getattr(error, "request", None)
    where = urlsplit(request.url).netloc if request is not None and request.url else "it"
    reason = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    if isinstance(error, requests.ConnectTimeout):
        return f"{where} cannot be reached: no connection within the time allowed."
    if isinstance(error, requests.ReadTimeout):
        return f"{where} took the request and did not answer within the time allowed."
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return f"the name in {where} is not known here (DataNodes are reached by the names that the NameNode gives)."
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return f"nothing listens at {where}: is HDFS running there?"
    return f"the connection to {where} was cut ({reason})."


def _kerberos_client(webhdfs: str, options: dict[str, Any]) -> Any:
    try:
        from hdfs.ext.kerberos import KerberosClient
    except ImportError as error:
        raise SettingsError(
            "Kerberos was asked for, and its library is missing: pip install 'hdfs[kerberos]'"
        ) from error
    return KerberosClient(webhdfs, mutual_auth="REQUIRED", **options)


def _entry(name: str, status: dict[str, Any]) -> Entry:
    return Entry(name, status["type"] == "DIRECTORY", status["length"], status["modificationTime"])
