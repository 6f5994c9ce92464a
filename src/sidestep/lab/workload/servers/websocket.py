"""A websocket that sends every message back."""

import asyncio

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from sidestep.lab.workload.servers.connection import Connection, Site

_GOING_AWAY = 1001


class WebSocketConnection(Connection):
    """A connection that was HTTP/1.1 until its first request asked for a websocket."""

    def __init__(self, site: Site, headers: tuple[tuple[bytes, bytes], ...], target: bytes) -> None:
        super().__init__(site)
        self._parser = WSConnection(ConnectionType.SERVER)
        self._headers, self._target = headers, target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept what the request asked for."""
        super().connection_made(transport)
        try:
            self._parser.initiate_upgrade_connection(list(self._headers), self._target)
            self._take_all()
        except RemoteProtocolError as error:
            self._write(error.event_hint or RejectConnection())
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        try:
            self._parser.receive_data(data)
            self._take_all()
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self._write(error.event_hint)
            self.transport.close()

    def finish(self) -> None:
        """Say goodbye; the client answers that and closes."""
        self._write(CloseConnection(code=_GOING_AWAY))

    def _take_all(self) -> None:
        for event in self._parser.events():
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Request):
            own = [(name.encode(), value.encode()) for name, value in self.site.application.headers]
            self._write(AcceptConnection(extra_headers=own))
        elif isinstance(event, TextMessage):
            self._write(TextMessage(event.data, event.frame_finished, event.message_finished))
        elif isinstance(event, BytesMessage):
            self._write(BytesMessage(event.data, event.frame_finished, event.message_finished))
        elif isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection):
            self._write(event.response())
            self.transport.close()

    def _write(self, event: Event) -> None:
        self.transport.write(self._parser.send(event))
