"""Who performs runs in a cluster: a Lease, which two cannot hold and which is over when its holder is gone.

Times in it are the API server's, so that the clocks of those who hold it need not agree; a server of several with a
clock of its own is allowed for by `MARGIN`. The Lease keeps two runs apart. What keeps two writers of one run apart is
its journal, and what keeps anybody from being overwritten is the version of each object.

A holder on this very machine whose process is gone is known to be gone at once; any other one when its time is up.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.actions.runs.performing import Clock
from sidestep.actions.runs.records import Held, held_by
from sidestep.actions.worlds.cluster.refusals import Refusal, error_of
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.actions.worlds.interface import ConflictError, Tree
from sidestep.errors import SidestepError, TransportError

NAME = "sidestep-migrate"
SECONDS = 30
"""For how long it is held without being renewed."""
MARGIN = 5
_RENEWALS = 3
_SEAT = "sidestep.dev/seat"
_RUN = "sidestep.dev/run"


class Seat(Struct, frozen=True):
    """A process, told from every other one of the same machine.

    Attributes:
        machine: one boot of a machine and one space of its processes; empty where that cannot be told.
        process: its number.
        since: when it began, in the machine's ticks.
    """

    machine: str = ""
    process: int = 0
    since: str = ""

    @property
    def is_gone(self) -> bool:
        """It ran here, and does not any more."""
        return bool(self.machine) and self.machine == seat().machine and _since(self.process) != self.since


def seat() -> Seat:
    """This process."""
    process = os.getpid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return Seat()
    return Seat(f"{boot} {space}", process, _since(process))


def _since(process: int) -> str:
    """When a process began; empty where there is none of that number."""
    try:
        told = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return told.rpartition(")")[2].split()[19]


def awake_or_not() -> float:
    """Seconds that pass while this machine sleeps, too: meanwhile somebody else may have taken over."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boot) if boot is not None else time.monotonic()


class Lease:
    """The one of a namespace.

    Args:
        server: of the cluster.
        namespace: which.
        clock: time, by which it is seen to be over.
        seconds: for how long it is held without being renewed.
    """

    def __init__(self, server: Server, namespace: str, clock: Clock, seconds: int = SECONDS) -> None:
        self._server, self._clock, self._seconds = server, clock, seconds
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._where = f"Lease {namespace}/{NAME}"
        self._lock = threading.Lock()
        self._mine: Tree | None = None
        self._good_until = 0.0

    def holder(self) -> Held | None:
        """Who holds it; None where nobody does, or not any more."""
        found = self._found()
        return _held(found) if found is not None and not self._is_free(found) else None

    @contextmanager
    def held(self, run: str, by: str) -> Iterator[Callable[[], object]]:
        """Hold it for as long as the block lasts.

        Returns:
            What raises `HeldError` once somebody else holds it, and `TransportError` while that cannot be told.

        Raises:
            HeldError: somebody else holds it.
        """
        self._take(run, by)
        over = threading.Event()
        renewing = threading.Thread(target=self._keep, args=(over,), name="lease", daemon=True)
        renewing.start()
        try:
            yield self._check
        finally:
            over.set()
            renewing.join()
            with suppress(SidestepError):
                self._give_back()

    def _take(self, run: str, by: str) -> None:
        began = self._clock.now()
        found = self._found()
        if found is not None and not self._is_free(found):
            raise held_by(_held(found), self._where)
        changes = int(found["spec"].get("leaseTransitions") or 0) + 1 if found is not None else 0
        spec = {
            "holderIdentity": by, "leaseDurationSeconds": self._seconds, "acquireTime": self._moment(),
            "renewTime": self._moment(), "leaseTransitions": changes,
        }  # fmt: skip
        seated = msgspec.json.encode(seat()).decode()
        metadata = {"name": NAME, "annotations": {_RUN: run, _SEAT: seated}}
        if found is not None:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        ask = Ask("PUT", f"{self._path}/{NAME}", (), body) if found is not None else Ask("POST", self._path, (), body)
        try:
            self._mine = self._server.demand(ask, self._where)
        except ConflictError:
            raise held_by(self.holder() or Held("", "somebody"), self._where) from None
        self._good_until = began + self._seconds

    def _keep(self, over: threading.Event) -> None:
        while not over.wait(self._seconds / _RENEWALS):
            with suppress(SidestepError), self._lock:  # whoever writes next is told
                self._renew()

    def _check(self) -> None:
        """Before a write: the Lease is ours, or is made so again."""
        if self._clock.now() < self._good_until:
            return
        with self._lock:
            if self._clock.now() >= self._good_until:
                self._renew()

    def _renew(self) -> None:
        """Say that we are there; if nobody has taken it meanwhile, that holds even when it was over."""
        if self._mine is None:
            return
        began = self._clock.now()
        spec = {**self._mine["spec"], "renewTime": self._moment()}
        try:
            self._mine = self._server.demand(
                Ask("PUT", f"{self._path}/{NAME}", (), {**self._mine, "spec": spec}), self._where
            )
        except TransportError:
            raise
        except SidestepError as error:
            self._good_until = 0.0
            self._lost(error)
        self._good_until = began + self._seconds

    def _lost(self, error: SidestepError) -> None:
        """Somebody else has written it, or it was our own write that we did not hear of."""
        found = self._found()
        if found is None or not isinstance(error, ConflictError):
            raise error
        if (found["metadata"].get("annotations") or {}).get(_SEAT) != msgspec.json.encode(seat()).decode():
            raise held_by(_held(found), self._where)
        self._mine = found

    def _give_back(self) -> None:
        with self._lock:
            if self._mine is not None:
                spec = {**self._mine["spec"], "holderIdentity": ""}
                self._server.demand(Ask("PUT", f"{self._path}/{NAME}", (), {**self._mine, "spec": spec}), self._where)
                self._mine = None

    def _found(self) -> Tree | None:
        told = self._server.ask(Ask("GET", f"{self._path}/{NAME}"))
        if isinstance(told, Refusal):
            if told.is_absent:
                return None
            raise error_of(told, self._where)
        return told

    def _is_free(self, found: Tree) -> bool:
        spec: dict[str, Any] = found.get("spec") or {}
        if not spec.get("holderIdentity") or _seat_of(found).is_gone:
            return True
        renewed = datetime.fromisoformat(str(spec.get("renewTime") or "1970-01-01T00:00:00Z"))
        held = int(spec.get("leaseDurationSeconds") or SECONDS) + MARGIN
        return (self._server.time() - renewed).total_seconds() > held

    def _moment(self) -> str:
        return self._server.time().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _held(found: Tree) -> Held:
    notes = found["metadata"].get("annotations") or {}
    return Held(notes.get(_RUN, ""), found["spec"].get("holderIdentity") or "somebody")


def _seat_of(found: Tree) -> Seat:
    try:
        return msgspec.json.decode((found["metadata"].get("annotations") or {}).get(_SEAT, "{}"), type=Seat)
    except msgspec.MsgspecError:
        return Seat()
