"""An address that HTTP does not get ends the start with a sentence that names it, and the settings to change."""

import socket
from pathlib import Path

import pytest

from shopnow_streams.errors import SettingsError
from shopnow_streams.settings import Settings
from shopnow_streams.views.server import Server
from shopnow_streams.wiring import create_app

NOT_OURS = "192.0.2.1"  # of RFC 5737's, which no machine has


def server(data_dir: Path, host: str, port: int) -> Server:
    made = create_app(Settings(application_id="shop", data_dir=data_dir, archive="", web_host=host, web_port=port)).web
    assert isinstance(made, Server)
    made.init_server()
    return made


async def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = server(tmp_path, "127.0.0.1", port)
        with pytest.raises(SettingsError, match=rf"on 127\.0\.0\.1:{port}: Address already in use.*SHOPNOW_WEB_PORT"):
            await refused.start_server()
        await refused.stop_server()


@pytest.mark.parametrize(("host", "why"), [(NOT_OURS, "Cannot assign requested address"), ("no.invalid", "not known")])
async def test_a_host_that_is_not_this_machine_is_named(tmp_path: Path, host: str, why: str) -> None:
    refused = server(tmp_path, host, 6066)
    with pytest.raises(SettingsError, match=rf"on {host}:6066: .*{why}.*SHOPNOW_WEB_HOST"):
        await refused.start_server()
    await refused.stop_server()
