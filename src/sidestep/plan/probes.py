"""Requests to ask by hand once a wave is done, with the answers that they get today and must get then. Pure.

Nothing in a cluster sends them for us: they would have to come from workloads, and the plan installs nothing in those.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.calls import Calls
from sidestep.plan.steps import Probe
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.prove.classes import Line, classes
from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import METHODS
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http, Request, Tcp, WorkloadClient
from sidestep.semantics.service_index import Service

_SERVERS, _CLIENTS = 4, 3
"""Workloads of a wave that are asked, and whoever asks each: what is gone through by hand is short."""
_BUDGET = 200
_ANSWERS = {Verdict.ALLOW: "allow", Verdict.DENY: "deny"}


class Probes:
    """Finds requests that tell whether a wave has changed anything.

    Args:
        configuration: of the mesh as it is.
        judged: all workloads.
        calls: who calls whom.
    """

    def __init__(self, configuration: Configuration, judged: Sequence[Judged], calls: Calls) -> None:
        self._configuration, self._calls = configuration, calls
        self._pods = {each.plan.workload: each.pods for each in judged}
        self._clients = [ref for ref, pods in self._pods.items() if pods]

    def of(self, members: Iterable[WorkloadRef]) -> tuple[Probe, ...]:
        """For some of those who move one request that must pass and one that must be refused, where there are such."""
        served = ((ref, service) for ref in members for service in self._services(ref)[:1])
        return tuple(probe for ref, service in islice(served, _SERVERS) for probe in self._at(ref, service))

    def _services(self, workload: WorkloadRef) -> tuple[Service, ...]:
        return self._configuration.in_front_of(self._pods[workload])

    def _at(self, workload: WorkloadRef, service: Service) -> Iterator[Probe]:
        found: dict[str, Probe] = {}
        for probe in (each for client in self._asking(workload) for each in self._asked(client, service)):
            found.setdefault(probe.expect, probe)
            if len(found) == len(_ANSWERS):
                break
        yield from (found[expect] for expect in _ANSWERS.values() if expect in found)

    def _asking(self, workload: WorkloadRef) -> Iterator[WorkloadRef]:
        """Those who are known to call it, then others."""
        others = (ref for ref in self._clients if ref != workload)
        known = (ref for ref in self._calls.callers(workload) if ref in self._pods)
        return islice(dict.fromkeys((*known, *islice(others, 2 * _CLIENTS))), _CLIENTS)

    def _asked(self, client: WorkloadRef, service: Service) -> Iterator[Probe]:
        index = self._configuration.index
        for port in service.ports:
            if port.protocol is Declared.TCP:
                continue
            line = Line(WorkloadClient(client), service.host, port.number, port.protocol)
            try:
                for request in classes((index,), line, _BUDGET):
                    verdict = decide(index, request).verdict
                    if _by_hand(request.payload) and verdict in _ANSWERS:
                        yield _probe(client, request, _ANSWERS[verdict])
            except Undecidable:
                continue


def _by_hand(payload: Http | Tcp) -> bool:
    """Whether a method and a path say all of it."""
    return (
        isinstance(payload, Http)
        and payload == Http(payload.method, payload.path, token=payload.token)
        and payload.token.state is TokenState.NONE
        and payload.method in METHODS
        and payload.path.startswith("/")
    )


def _probe(client: WorkloadRef, request: Request, expect: str) -> Probe:
    payload = request.payload
    method, path = (payload.method, payload.path) if isinstance(payload, Http) else ("", "")
    return Probe(f"{client.namespace}/{client.name}", request.to, request.port, method, path, expect)
