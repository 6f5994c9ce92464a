"""The control plane's process: hears of objects, tells proxies.

Everything that must outlive it is in one folder: the authority, the key of tokens, the authority of its own server.
What proxies have is not: they say so themselves when they come back.
"""

import asyncio
import contextlib
import gc
import random
import signal
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ads.server import Door, serve
from sidestep.controlplane.ca.authority import Authority, Chain
from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.ca.folder import DOOR, MESH, keep, load
from sidestep.controlplane.generators import Generator
from sidestep.controlplane.homes import Homes
from sidestep.controlplane.operations import Operations
from sidestep.controlplane.records import WorkloadUid
from sidestep.controlplane.registry.held import WATCHED
from sidestep.controlplane.registry.objects import SECRETS
from sidestep.controlplane.registry.registry import Change, MeshNames, Registry
from sidestep.controlplane.review import Connections, Review, Unwatched
from sidestep.controlplane.reviewing import Reviewing
from sidestep.controlplane.rotation import Rotation
from sidestep.controlplane.token_files import TokenFiles
from sidestep.controlplane.tokens import Tokens
from sidestep.controlplane.watch import Watch
from sidestep.controlplane.wds.certificates import CertificateService
from sidestep.errors import SidestepError

ROLE, ZTUNNEL = "node", "ztunnel"
"""What nodes' proxies are: Envoys, or Istio's own."""
SERVER_NAME = "controlplane.sidestep"
"""The name in the server's certificate."""
ROOTS, SOCKET = "roots.pem", "operations.sock"
"""In the folder: what its server's certificate is checked by, and where it can be asked."""
_TICK = 1.0


class Options(Struct, frozen=True):
    """How it is started.

    Attributes:
        machine: socket of the machine.
        folder: its own.
        tokens: folder of proxies' tokens.
        listen: `host:port`.
        names: of the mesh.
        aliases: other names of its trust domain.
        role: of nodes' proxies.
    """

    machine: Path
    folder: Path
    tokens: Path
    listen: str
    names: MeshNames = MeshNames()
    aliases: tuple[str, ...] = ()
    role: str = ROLE


async def run(options: Options, generators: Mapping[str, Generator], connections: Connections | None = None) -> None:
    """Serve until the process is told to end.

    Args:
        options: how it is started.
        generators: by role of proxies.
        connections: of pods, to be cut where policies come to refuse them.
    """
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    serving = asyncio.create_task(_Process(options, generators, connections).serve())
    ending = asyncio.create_task(ended.wait())
    done, _ = await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    ending.cancel()
    if serving in done:
        serving.result()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


class _Process:
    def __init__(
        self, options: Options, generators: Mapping[str, Generator], connections: Connections | None = None
    ) -> None:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._options, self._generators = options, generators
        self._connections = connections or Unwatched()
        self._registry = Registry(options.names)
        self._tokens = Tokens.kept(options.folder)
        self._files = TokenFiles(options.tokens, self._tokens, options.role, _now)
        self._homes = Homes(options.role)
        self._heard = 0
        mesh = _kept(options.folder, options.names.trust_domain, MESH)
        self._rotation = Rotation(mesh, options.folder, _now, options.aliases)

    async def serve(self) -> None:
        """Nobody is served before everything was heard: who came back too early would be told that all is gone."""
        watch = Watch(self._options.machine, [*(kind.key for kind in WATCHED), SECRETS], _tell)
        batches = watch.batches()
        first = await anext(batches)
        self._notice(first, self._registry.apply(first).workloads)
        self._heard = watch.heard
        index = self._registry.index
        secrets = Secrets(index, self._rotation.trust, _now, random.SystemRandom().random)
        plane = Plane(index, self._generators, secrets)
        gc.freeze()  # what is there now mostly stays: looking through it again and again would hold up changes
        told = Operations(self._registry, plane, self._rotation, lambda: self._heard)
        operations = await told.serve(self._options.folder / SOCKET)
        door = self._door()
        certificates = CertificateService(plane, door).handler()
        server, _ = await serve(plane, door, self._chain(), self._options.listen, (certificates,))
        reviewing = Reviewing(plane, Review(index, self._connections))
        background = [asyncio.create_task(each) for each in (self._tick(plane), reviewing.run())]
        try:
            async for batch in batches:
                dirty = plane.change(self._registry.derive(batch))
                self._notice(batch, dirty.workloads)
                self._heard = watch.heard
                await reviewing.notice(dirty)
        finally:
            for task in background:
                task.cancel()
            operations.close()
            await server.stop(None)

    def _door(self) -> Door:
        return Door(self._tokens, frozenset(self._generators), _now, self._homes.at_home)

    def _chain(self) -> Chain:
        door = _kept(self._options.folder, SERVER_NAME, DOOR)
        (self._options.folder / ROOTS).write_bytes(pem(door.anchors))
        return door.serve((SERVER_NAME,), _now())

    async def _tick(self, plane: Plane) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._files.keep(self._homes.proxies)
            plane.renew_certificates()
            self._rotation.go_on(plane)

    def _notice(self, batch: list[Change], workloads: Iterable[WorkloadUid]) -> None:
        """Proxies, for which there are tokens, and from whose addresses those count."""
        self._homes.notice(batch)
        self._homes.move(self._registry.index, workloads)
        self._files.keep(self._homes.proxies)


def _kept(folder: Path, name: str, file: str) -> Authority:
    authority = load(folder, name=file)
    if authority is None:
        authority = Authority.new(name, _now())
        keep(authority, folder, file)
    return authority


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(error: SidestepError) -> None:
    sys.stderr.write(f"{error}\n")
