"""Free ports, and who has the others."""

import os
import socket
from dataclasses import astuple

import pytest

from shopnow_streams.errors import PortBusy, StackError
from shopnow_streams.stack.ports import StackPorts, free_ports, listens, require_free


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    require_free({str(port): port for port in ports})


def test_more_than_there_are_cannot_be_had() -> None:
    with pytest.raises(StackError, match="20000 free ports"):
        free_ports(20_000)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_a_busy_port_is_told_with_its_owner(address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        assert listens(port)
        with pytest.raises(PortBusy, match=rf"Port {port} \(kafka\) is taken by \S+ \(pid {os.getpid()}\)"):
            require_free({"kafka": port})
    assert not listens(port)


def test_the_ports_of_a_stack_are_moved_together() -> None:
    assert StackPorts().shifted(100).kafka == 9192
    assert StackPorts().shifted(0) == StackPorts()
    assert len(set(astuple(StackPorts.free()))) == 7


def test_every_port_belongs_to_one_process() -> None:
    ports = StackPorts()
    assert ports.of("namenode") == {"namenode_rpc": 8020, "namenode_http": 9870}
    owned = [port for process in ("kafka", "namenode", "datanode") for port in ports.of(process).values()]
    assert sorted(owned) == sorted(astuple(ports))
