"""What the results of a container's probes mean.

Source: Kubernetes' documentation, "Configure Liveness, Readiness and Startup Probes", and pkg/kubelet/prober/worker.go.
"""

from collections.abc import Iterable
from enum import Enum

from sidestep.lab.workload.containers import Probe, ProbeKind


class Meaning(Enum):
    """What follows of a result."""

    NOTHING = "nothing"
    CHANGED = "changed"
    """`started` or `ready` is different now."""
    RESTART = "restart"


class ProbeState:
    """One container, since its last start.

    A container is started when its startup probe has succeeded, or at once when it has none; ready when it is started
    and its readiness probe succeeds, or at once when it has none.
    """

    def __init__(self, probes: Iterable[Probe]) -> None:
        self._probes = {each.kind: each for each in probes}
        self._rows: dict[ProbeKind, tuple[bool, int]] = {}
        self.started = ProbeKind.STARTUP not in self._probes
        self._passing = ProbeKind.READINESS not in self._probes
        self.reason = "" if self.ready else "not probed yet"

    @property
    def ready(self) -> bool:
        """Whether it may be sent requests."""
        return self.started and self._passing

    def take(self, kind: ProbeKind, problem: str) -> Meaning:
        """A result: what was wrong, nothing where it succeeded."""
        good = not problem
        before, count = self._rows.get(kind, (good, 0))
        count = count + 1 if before == good else 1
        self._rows[kind] = good, count
        probe = self._probes[kind]
        if count < (probe.success_threshold if good else probe.failure_threshold):
            return Meaning.NOTHING
        return self._passed(kind) if good else self._failed(kind, problem)

    def _passed(self, kind: ProbeKind) -> Meaning:
        before = self.started, self._passing
        if kind is ProbeKind.STARTUP:
            self.started = True
        elif kind is ProbeKind.READINESS:
            self._passing = True
        if self.ready:
            self.reason = ""
        return Meaning.NOTHING if before == (self.started, self._passing) else Meaning.CHANGED

    def _failed(self, kind: ProbeKind, problem: str) -> Meaning:
        if kind is not ProbeKind.READINESS:
            self.reason = f"{kind.value} probe: {problem}"
            self._rows.pop(kind)
            return Meaning.RESTART
        changed = self._passing or self.reason == "not probed yet"
        self._passing, self.reason = False, f"readiness probe: {problem}"
        return Meaning.CHANGED if changed else Meaning.NOTHING
