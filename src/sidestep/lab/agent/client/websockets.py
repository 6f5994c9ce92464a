"""Websockets, as a client. Imported only when somebody asks for one: the library takes long to load."""

from h11 import RemoteProtocolError
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, TextMessage
from wsproto.events import Request as Upgrade
from wsproto.utilities import ProtocolError

from sidestep.lab.agent.client.dial import Dialler
from sidestep.lab.agent.client.failures import ClosedError
from sidestep.lab.agent.client.streams import PAYLOAD, Stream
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Outcome, Request
from sidestep.lab.workload.exchange import POD_HEADER


async def ask_websocket(dialler: Dialler, request: Request, target: Target) -> Outcome:
    """Upgrade, send a message, wait for it to come back, say goodbye."""
    try:
        return await _spoken(dialler, request, target)
    except ProtocolError as error:
        raise RemoteProtocolError(str(error)) from error


async def _spoken(dialler: Dialler, request: Request, target: Target) -> Outcome:
    async with Stream(dialler, target) as stream:
        parser = WSConnection(ConnectionType.CLIENT)
        given = [(name.encode(), value.encode()) for name, value in request.headers]
        stream.transport.write(parser.send(Upgrade(target.authority, target.path, extra_headers=given)))
        pod, text = "", ""
        while True:
            parser.receive_data(await stream.read())
            for event in parser.events():
                if isinstance(event, AcceptConnection):
                    pod = next(
                        (value.decode() for name, value in event.extra_headers if name == POD_HEADER.encode()), ""
                    )
                    stream.transport.write(parser.send(TextMessage(request.body or PAYLOAD)))
                elif isinstance(event, RejectConnection):
                    code = event.status_code
                    return Outcome(ok=False, kind=f"http-{code}", code=code, remote=stream.remote, pod=pod)
                elif isinstance(event, CloseConnection):
                    raise ClosedError(f"the server closed the websocket with code {event.code}")
                elif isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        stream.transport.write(parser.send(CloseConnection(1000)))
                        return Outcome(ok=True, kind="ok", code=101, remote=stream.remote, pod=pod, body=text)
