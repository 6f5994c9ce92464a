"""A lab from outside: bring it up, ask it, take it down. What verbs and tests use.

`with Lab(objects, nodes=nodes(2)) as lab: lab.call("shop/web", "http://cart:8080/")`
"""

import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Self

import msgspec

from sidestep.errors import TransportError, WorldError
from sidestep.lab import launcher
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.envoy import program
from sidestep.lab.machine.scratch import Scratch, home
from sidestep.lab.machine.settings import NodeSettings, Settings

_PATIENCE = 60.0
_LOOK = 0.01
_ENDING = 5.0
_ZONE = "topology.kubernetes.io/zone"


def nodes(number: int, zones: int = 1) -> tuple[NodeSettings, ...]:
    """So many nodes, dealt out among zones."""
    return tuple(
        NodeSettings(f"node-{each + 1}", {_ZONE: f"zone-{chr(ord('a') + each % zones)}"}) for each in range(number)
    )


class Lab:
    """A lab on this machine.

    Args:
        objects: to begin with, as Kubernetes and Istio write them.
        name: of the lab; two labs of one user have two names.
        nodes: that it has.
        settings: anything else of `Settings`.
    """

    def __init__(
        self,
        objects: Iterable[Tree] = (),
        *,
        name: str = "lab",
        nodes: Sequence[NodeSettings] = nodes(3),
        **settings: Any,
    ) -> None:
        proxy = {} if settings.get("ztunnel") else {"envoy": str(program())}
        self.settings = Settings(name, tuple(nodes), tuple(objects), **{**proxy, **settings})
        self.scratch = Scratch(home(name))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def client(self) -> Client:
        """To ask anything."""
        return Client(self.scratch.socket)

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        """The launcher, when this object brought the lab up."""
        return self._process

    def up(self) -> dict[str, Any]:
        """Bring it up, and wait until everything is ready.

        Raises:
            UsageError: this machine cannot hold a lab; what to do.
            WorldError: a lab of this name is up, or this one does not come up.
        """
        self.launch()
        return self.settle()

    def launch(self) -> None:
        """Start it without waiting for its pods.

        Raises:
            UsageError, WorldError: as `up`.
        """
        launcher.check()
        if is_up(self.scratch):
            raise WorldError(
                f"a lab named {self.settings.name!r} is up already",
                remedy="take it down (`sidestep lab down`), or give this one another --name",
            )
        shutil.rmtree(self.scratch.root, ignore_errors=True)
        self.scratch.make()
        self.settings.write(self.scratch.root)
        arguments = launcher.command(["-m", "sidestep.lab.machine", str(self.scratch.root)])
        with (self.scratch.logs / "machine.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._wait_for_socket(self._process)

    def settle(self, timeout: float = _PATIENCE) -> dict[str, Any]:
        """Wait until every pod is ready and captured as its labels say; how the lab is then."""
        answer: dict[str, Any] = Client(self.scratch.socket, timeout + _ENDING).ask(api.Await(timeout))
        return answer

    def down(self) -> None:
        """End it; nothing of it is left."""
        with suppress(TransportError, WorldError):
            self.client.ask(api.Down())
        self._gone()
        shutil.rmtree(self.scratch.root, ignore_errors=True)

    def apply(self, *objects: Tree) -> list[dict[str, str]]:
        """Create or replace objects."""
        done: list[dict[str, str]] = self.client.ask(api.Apply(list(objects)))
        return done

    def call(self, client: str, url: str, count: int = 1, **more: Any) -> list[Outcome]:
        """Send requests from a pod; what became of each."""
        told = self.client.ask(api.Call(client, url, count, **more))
        return msgspec.convert(told, list[Outcome])

    def _wait_for_socket(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if process.poll() is not None:
                raise WorldError(f"the lab did not come up: {self._last_words()}", remedy=f"see {self.scratch.logs}")
            if is_up(self.scratch):
                return
            time.sleep(_LOOK)
        raise TransportError("the lab did not come up in time", where=str(self.scratch.logs))

    def _last_words(self) -> str:
        text = (self.scratch.logs / "machine.log").read_text(encoding="utf-8", errors="replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"

    def _gone(self) -> None:
        if self._process is not None:
            try:
                self._process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            return
        end = time.monotonic() + _ENDING
        while is_up(self.scratch) and time.monotonic() < end:
            time.sleep(_LOOK)


def is_up(scratch: Scratch) -> bool:
    """Whether a lab answers there."""
    try:
        Client(scratch.socket, 10.0).ask(api.Status())
    except TransportError:
        return False
    return True
