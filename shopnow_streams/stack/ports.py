"""TCP ports on the loopback interface: which are free, and who has the ones that are not."""

import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, astuple, dataclass

import psutil

from shopnow_streams.errors import PortBusy, StackError

HOST = "127.0.0.1"
# Below the range from which systems number outgoing connections (Linux: from 32768). A client that tries
# again and again to reach a stopped broker on a port of that range may one day get that very port for its own
# end, connect to itself, and keep the broker from starting.
FREE_FROM, FREE_TO = 15_000, 32_000


@dataclass(frozen=True, slots=True)
class StackPorts:
    """Where the stack listens; the defaults are the ones that Kafka's and Hadoop's own documents use.

    Each name begins with that of the process which listens there.
    """

    kafka: int = 9092
    kafka_controller: int = 9093
    namenode_rpc: int = 8020
    namenode_http: int = 9870
    datanode: int = 9866
    datanode_http: int = 9864
    datanode_ipc: int = 9867

    def of(self, process: str) -> dict[str, int]:
        """The ports of one process (`kafka`, `namenode`, `datanode`) by their names."""
        return {name: port for name, port in asdict(self).items() if name.startswith(process)}

    def shifted(self, offset: int) -> "StackPorts":
        """The same ports, each `offset` higher."""
        return StackPorts(*(port + offset for port in astuple(self)))

    @classmethod
    def free(cls) -> "StackPorts":
        """Ports that nobody uses now, for a stack beside others. Raises StackError where there are not enough."""
        return cls(*free_ports(7))


def free_ports(count: int) -> list[int]:
    """That many different ports that nobody uses now, all held at once while they are chosen.

    Raises StackError where there are not so many. Does not block.
    """
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(range(FREE_FROM, FREE_TO), FREE_TO - FREE_FROM):
            if len(found) == count:
                break
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind((HOST, port))
                found.append(port)
    if len(found) < count:
        raise StackError(f"No {count} free ports between {FREE_FROM} and {FREE_TO}: stop what holds them.")
    return found


def require_free(ports: Mapping[str, int]) -> None:
    """Raise PortBusy for the first of `ports` (what it is for: its number) that somebody listens on."""
    for purpose, port in ports.items():
        with socket.socket() as listener:
            # Connections of an earlier run that wait out their end do not count.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError as error:
                raise PortBusy(
                    f"Port {port} ({purpose}) is taken by {_owner(port)}: stop it, or start the stack on other "
                    f"ports, e.g. by `.venv/bin/shopnow up --port-offset 100` (or `demo`)."
                ) from error


def listens(port: int) -> bool:
    """Whether somebody accepts connections on that port. Blocks for a second at most."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _owner(port: int) -> str:
    with suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "a process of another user"
