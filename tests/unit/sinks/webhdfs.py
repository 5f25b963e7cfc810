"""A small WebHDFS on this machine, NameNode and DataNode in one, whose answers can be spoiled to order."""

import json
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from sinks.files import Entry
from sinks.memory import MemoryFiles

Spoiled = Literal[
    "standby", "safe-mode", "error", "no-datanode", "no-namenode", "denied", "silence", "lost", "cut", "html", "slow"
]
REFUSALS: dict[str, tuple[int, str, str]] = {
    "standby": (403, "StandbyException", "Operation category WRITE is not supported in state standby."),
    "safe-mode": (403, "SafeModeException", "Cannot create file. Name node is in safe mode."),
    "error": (500, "RuntimeException", "something broke"),
    "no-datanode": (403, "IOException", "File /x could only be written to 0 of the 1 minReplication nodes."),
    "no-namenode": (403, "ConnectException", "Connection refused; For more details see: http://example.org"),
    "denied": (403, "AccessControlException", "Permission denied: user=shop, access=WRITE"),
}


class WebHdfs:
    """Serves `files` from a thread. `lost`: carried out, then the connection is closed; `cut`: half of it is taken."""

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.requests: list[str] = []
        self._planned: dict[str, deque[Spoiled]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def plan(self, operation: str, *spoiled: Spoiled) -> None:
        """The next requests of that operation are answered so, one each."""
        self._planned.setdefault(operation, deque()).extend(spoiled)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spoiled(self, operation: str) -> Spoiled | None:
        planned = self._planned.get(operation)
        return planned.popleft() if planned else None


def _status(entry: Entry, name: str) -> dict[str, Any]:
    kind = "DIRECTORY" if entry.is_directory else "FILE"
    return {"pathSuffix": name, "type": kind, "length": entry.size, "modificationTime": entry.modified_ms}


def _handler(web: WebHdfs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        wbufsize = 1 << 16  # one packet an answer: two would wait for an acknowledgement

        def log_message(self, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def do_GET(self) -> None:
            self._serve()

        do_PUT = do_DELETE = do_GET

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            prefix = "/data" if parts.path.startswith("/data/") else "/webhdfs/v1"
            path = unquote(parts.path.removeprefix(prefix)).strip("/")
            operation = ("DATA-" if prefix == "/data" else "") + query["op"]
            web.requests.append(operation)
            spoiled = web.spoiled(operation)
            if spoiled in ("silence", "html", *REFUSALS):
                self._spoil(spoiled)
                return
            if operation == "DATA-CREATE":
                size = int(self.headers["Content-Length"])
                left = size // 2 if spoiled == "cut" else size
                data = b""
                while len(data) < left:
                    time.sleep(0.1 if spoiled == "slow" else 0)
                    data += self.rfile.read(min(left - len(data), 1 << 20))
                web.files.write(path, data)
                answer: tuple[int, Any] = (201, None)
            else:
                answer = self._answer(operation, path, query)
            if spoiled in ("lost", "cut"):
                self.close_connection = True
                return
            self._send(*answer)

        def _answer(self, operation: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
            entry = web.files.stat(path)
            match operation:
                case "MKDIRS":
                    web.files.make(path)
                    return 200, {"boolean": True}
                case "RENAME":
                    return 200, {"boolean": web.files.rename(path, query["destination"].strip("/"))}
                case "DELETE":
                    web.files.remove(path)
                    return 200, {"boolean": entry is not None}
                case "CREATE":
                    return 307, f"{web.url}/data/{quote(path)}?op=CREATE"
            if entry is None:
                message = f"File does not exist: /{path}"
                return 404, {"RemoteException": {"exception": "FileNotFoundException", "message": message}}
            match operation:
                case "GETFILESTATUS":
                    return 200, {"FileStatus": _status(entry, "")}
                case "LISTSTATUS":
                    found = [_status(each, each.name) for each in web.files.list(path)]
                    return 200, {"FileStatuses": {"FileStatus": found}}
                case "OPEN":
                    return 307, f"{web.url}/data/{quote(path)}?{urlsplit(self.path).query}"
                case "DATA-OPEN":
                    return 200, web.files.read(path, int(query["offset"]), int(query["length"]))
            raise AssertionError(operation)

        def _spoil(self, spoiled: str) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            if spoiled == "silence":
                while not self.connection.recv(1):
                    break  # until the client has had enough
                self.close_connection = True
            elif spoiled == "html":
                self._send(200, b"<html>Welcome</html>")
            else:
                status, exception, message = REFUSALS[spoiled]
                self._send(status, {"RemoteException": {"exception": exception, "message": message}})

        def _send(self, status: int, answer: Any) -> None:
            body = answer if isinstance(answer, bytes) else b""
            self.send_response(status)
            if status == 307:
                self.send_header("Location", answer)
            elif not isinstance(answer, bytes) and answer is not None:
                body = json.dumps(answer).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
