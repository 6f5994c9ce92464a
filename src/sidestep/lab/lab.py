"""A lab from outside: bring it up, ask it, take it down. What verbs and tests use.

`with Lab(objects, nodes=nodes(2)) as lab: lab.call("shop/web", "http://cart:8080/")`
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Self

import msgspec

from sidestep.errors import TransportError, WorldError
from sidestep.lab import launcher
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.ending import FirstProcess
from sidestep.lab.envoy import installed, program
from sidestep.lab.leash import Leash
from sidestep.lab.machine.scratch import Scratch, home
from sidestep.lab.machine.settings import NodeSettings, Settings

_PATIENCE = 60.0
_LOOK = 0.01
_ENDING = 5.0
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


def nodes(number: int, zones: int = 1) -> tuple[NodeSettings, ...]:
    """So many nodes, dealt out among zones of the region `lab`."""
    return tuple(
        NodeSettings(f"node-{each + 1}", {_REGION: "lab", _ZONE: f"zone-{chr(ord('a') + each % zones)}"})
        for each in range(number)
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
        proxy = {} if settings.get("ztunnel") and not installed() else {"envoy": str(program())}
        self.settings = Settings(name, tuple(nodes), tuple(objects), **{**proxy, **settings})
        self.scratch = Scratch(home(name))
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: Leash | None = None

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
        try:
            return self.settle()
        except BaseException:
            self.down()
            raise

    def launch(self) -> None:
        """Start it without waiting for its pods. It ends with this process, unless it is let go of.

        Raises:
            UsageError, WorldError: as `up`.
        """
        launcher.check()
        with self.scratch.alone():
            if is_up(self.scratch):
                raise WorldError(
                    f"a lab named {self.settings.name!r} is up already",
                    remedy="take it down (`sidestep lab down`), or give this one another --name",
                )
            shutil.rmtree(self.scratch.root, ignore_errors=True)
            try:
                self._start()
            except BaseException:
                self.down()
                raise

    def let_go(self) -> None:
        """It stays when this process ends, until it is taken down."""
        if self._leash is not None:
            self._leash.let_go()

    def settle(
        self, timeout: float = _PATIENCE, heard: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> dict[str, Any]:
        """Wait until every pod is ready and captured as its labels say; how the lab is then.

        Args:
            timeout: seconds.
            heard: told how the lab is whenever that changes.

        Raises:
            WorldError: something is not as wanted after that time, or the lab ended by itself.
            TransportError: it does not answer.
        """
        told: dict[str, Any] = {}
        try:
            for told in Client(self.scratch.socket, timeout + _ENDING).events(api.Await(timeout)):
                heard(told)
        except TransportError as error:
            raise self.ended() if self._gone() else error from error
        return told

    def down(self) -> bool:
        """End it; nothing of it is left. Whether there was anything.

        Raises:
            WorldError: its folder may not be entered.
        """
        first = FirstProcess.of(self.scratch)
        with self.scratch.written():
            there = bool(first) or self.scratch.root.exists()
        first.end(self.scratch)
        if self._leash is not None:
            self._leash.cut()
        if self._process is not None:
            _ended(self._process)
        shutil.rmtree(self.scratch.root, ignore_errors=True)
        return there

    def apply(self, *objects: Tree) -> list[dict[str, str]]:
        """Create or replace objects."""
        done: list[dict[str, str]] = self.client.ask(api.Apply(list(objects)))
        return done

    def call(self, client: str, url: str, count: int = 1, **more: Any) -> list[Outcome]:
        """Send requests from a pod; what became of each."""
        told = self.client.ask(api.Call(client, url, count, **more))
        return msgspec.convert(told, list[Outcome])

    def last_words(self) -> str:
        """What the first process said last: its error, if it named one."""
        try:
            text = (self.scratch.logs / "machine.log").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return "it said nothing"
        _, named, error = text.rpartition("error: ")
        return (error if named else text.rpartition("\n")[2]) or "it said nothing"

    def _start(self) -> None:
        self.scratch.make()
        leash = self._leash = Leash()
        with self.scratch.written():
            self.settings.write(self.scratch.root)
            log = (self.scratch.logs / "machine.log").open("wb")
        arguments = launcher.command(["-m", "sidestep.lab.machine", str(self.scratch.root)])
        with log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                arguments, stdin=leash.far, stdout=log, stderr=log, start_new_session=True
            )
        leash.handed()
        self._wait_for_socket(self._process)

    def _wait_for_socket(self, process: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if process.poll() is not None:
                raise self.ended()
            if is_up(self.scratch):
                return
            time.sleep(_LOOK)
        raise TransportError("the lab did not come up in time", where=str(self.scratch.root))

    def _gone(self) -> bool:
        """Whether it was brought up here and ends, by itself or by `down` from elsewhere."""
        if self._process is None:
            return False
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING)
        return self._process.poll() is not None

    def ended(self) -> WorldError:
        """The error that a lab which ended by itself is: what it said last."""
        what, _, remedy = self.last_words().partition("\n  to fix: ")
        return WorldError(f"the lab ended by itself: {what}", remedy=remedy)


def _ended(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def is_up(scratch: Scratch) -> bool:
    """Whether a lab listens there, be it ever so busy."""
    try:
        Client(scratch.socket).machine()
    except TransportError:
        return False
    return True
