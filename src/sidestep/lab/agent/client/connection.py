"""What connections of every protocol have alike, from the client's side."""

import asyncio
from typing import cast

from sidestep.lab.sockets import address_text


class Connection(asyncio.Protocol):
    """One connection.

    Attributes:
        began: whether anything of the answer that is waited for has come.
        asked: how many requests it had.
        remote: address and port at the other end.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._at = 0.0
        self.began = False
        self.asked = 0
        self.remote = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's: it is open."""
        self._transport = cast("asyncio.Transport", transport)
        self.remote = address_text(transport.get_extra_info("peername"))

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        del data
        self._at = self._loop.time()
        self.began = True
