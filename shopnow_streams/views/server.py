"""Where HTTP listens: Faust's server, which says what to do where it can't."""

import os
import socket

from faust.web.drivers.aiohttp import Web

from shopnow_streams.errors import SettingsError


class Server(Web):
    """Faust's own, but for what it says of an address that it does not get."""

    async def start_server(self) -> None:
        """Listen. Raises SettingsError where another program has the port, or this machine has no such address."""
        try:
            await super().start_server()
        except OSError as error:
            conf = self.app.conf
            # asyncio puts a whole sentence about its call in the place of the system's word
            known = None if isinstance(error, socket.gaierror) else error.errno
            why = os.strerror(known) if known else error.strerror or str(error)
            raise SettingsError(
                f"HTTP can't listen on {conf.web_bind}:{conf.web_port}: {why}. End what has that port, or set "
                "SHOPNOW_WEB_PORT, or SHOPNOW_WEB_HOST, to what is free on this machine"
            ) from error
