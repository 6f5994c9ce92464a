"""Records of runs in a cluster, for any machine that may read them."""

import base64
import gzip
import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.in_cluster.journal import ClusterJournal
from sidestep.actions.runs.in_cluster.lease import Lease, awake_or_not
from sidestep.actions.runs.in_cluster.maps import Kept, Maps
from sidestep.actions.runs.journal import Journal
from sidestep.actions.runs.performing import Clock, Patience, Trying, until_asked
from sidestep.actions.runs.records import Held, no_run
from sidestep.actions.worlds.cluster.server import Server
from sidestep.actions.worlds.interface import ConflictError
from sidestep.errors import UsageError, WorldError

_HEAD, _REST, _WISH = "plan", "plan-part", "wish"
_PART = 512 * 1024
"""Bytes of a compressed plan in one ConfigMap, which takes 1 MiB in base64."""
_PATIENCE, _CLOCK = Patience(), Clock(awake_or_not, time.sleep)
_KEY, _PARTS, _DIGEST = "plan.json.gz", "parts", "sha256"


class ClusterRecords:
    """In a namespace.

    Args:
        server: of the cluster.
        namespace: which.
        now: the time, RFC 3339.
        clock: time that passes.
        patience: how long a cluster that cannot be asked is waited for when a journal is written.
    """

    def __init__(
        self,
        server: Server,
        namespace: str,
        now: Callable[[], str],
        clock: Clock = _CLOCK,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._maps, self._lease = Maps(server, namespace), Lease(server, namespace, clock)
        self._now, self._clock, self._patience = now, clock, patience
        self._namespace = namespace

    @property
    def place(self) -> str:
        """The namespace."""
        return f"namespace {self._namespace}"

    def runs(self) -> tuple[str, ...]:
        """Whose plan is there as a whole."""
        return tuple(sorted(each.run for each in self._maps.listed(_HEAD)))

    def begin(self, run: str, plan: bytes) -> None:
        """ConfigMaps with the plan in them; the one without which there is no run comes last."""
        packed = base64.b64encode(gzip.compress(plan, mtime=0)).decode()
        size = _PART * 4 // 3 // 4 * 4
        head, *rest = [packed[start : start + size] for start in range(0, len(packed), size)]
        try:
            for number, part in enumerate(rest):
                self._maps.make(f"sidestep-{run}-plan-{number:03}", _REST, run, binary={_KEY: part})
            told = {_PARTS: str(len(rest)), _DIGEST: hashlib.sha256(plan).hexdigest()}
            self._maps.make(f"sidestep-{run}", _HEAD, run, data=told, binary={_KEY: head})
        except ConflictError as error:
            raise UsageError(f"there is a run {run} already", where=self.place, remedy="begin it again") from error

    def plan(self, run: str) -> bytes:
        """Out of its parts."""
        head = self._head(run)
        parts = (head, *self._maps.listed(_REST, run))
        try:
            plan = gzip.decompress(b"".join(base64.b64decode(part.binary[_KEY]) for part in parts))
        except (OSError, EOFError, ValueError, KeyError) as error:
            raise self._spoilt(run) from error
        if hashlib.sha256(plan).hexdigest() != head.data.get(_DIGEST):
            raise self._spoilt(run)
        return plan

    def journal(self, run: str, trying: Trying | None = None) -> Journal:
        """A series of ConfigMaps."""
        self._head(run)
        return ClusterJournal(self._maps, run, self._now, trying or until_asked(self._clock, self._patience))

    def wish(self, run: str) -> Wish:
        """Of a ConfigMap of its own, so that who wishes does not disturb who writes the journal."""
        found = self._maps.get(_wishes(run))
        told = found.data.get(_WISH) if found is not None else None
        return Wish(told) if told in set(Wish) else Wish.GO_ON

    def ask(self, run: str, wish: Wish) -> None:
        """Into it; the last word counts, whoever has it."""
        self._head(run)
        while True:
            found = self._maps.get(_wishes(run))
            try:
                if found is None:
                    self._maps.make(_wishes(run), _WISH, run, data={_WISH: wish.value})
                else:
                    self._maps.extend(found.name, {_WISH: wish.value}, found.version)
            except ConflictError:
                continue
            return

    def holder(self) -> Held | None:
        """Of the Lease."""
        return self._lease.holder()

    def hold(self, run: str, by: str) -> AbstractContextManager[Callable[[], object]]:
        """By the Lease of the namespace."""
        return self._lease.held(run, by)

    def _head(self, run: str) -> Kept:
        found = self._maps.get(f"sidestep-{run}")
        if found is None:
            raise no_run(run, self)
        return found

    def _spoilt(self, run: str) -> WorldError:
        remedy = "give the run up, and begin another one with the plan's file"
        return WorldError("the plan that is kept of it is not whole", where=f"{self.place}, run {run}", remedy=remedy)


def _wishes(run: str) -> str:
    return f"sidestep-{run}-wish"
