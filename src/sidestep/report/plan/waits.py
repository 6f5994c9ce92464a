"""What a step waits for, as command lines.

Source: conditions and annotations: istio-semantics.md §2.1 (redirection), §2.3 (WaypointBound), §3.7 (policies).
"""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from sidestep.model.kinds import AUTHORIZATION_POLICY, DAEMON_SET, DEPLOYMENT, GATEWAY, KINDS, SERVICE, STATEFUL_SET
from sidestep.plan.steps import Wait, WaitFor
from sidestep.report.plan.arguments import target, within

_SUBJECT = re.compile(r"(?:([A-Za-z]+) )?(?:([a-z0-9][a-z0-9.-]*)/)?([a-z0-9][a-z0-9.-]*)", re.ASCII)
_ROLLED = {kind.name: kind for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
_CAPTURED = r"REDIRECTION:.metadata.annotations.ambient\.istio\.io/redirection"
_LEAVING = "LEAVING:.metadata.deletionTimestamp"
_CONTAINERS = "CONTAINERS:.spec.containers[*].name,INIT:.spec.initContainers[*].name"
_RUNNING = "--field-selector status.phase!=Succeeded,status.phase!=Failed"
"""Those of Jobs stand long after they have ended."""


class _Subject(Struct, frozen=True):
    """Of a wait: `Kind namespace/name`, of which only the name is sure."""

    kind: str
    namespace: str
    name: str
    seconds: int


def wait_commands(wait: Wait) -> Iterator[str]:
    """Lines that wait, or show what to wait for; a comment where the subject is no name."""
    found = _SUBJECT.fullmatch(wait.subject)
    lines = tuple(_WAITS[wait.what](_Subject(found[1] or "", found[2] or "", found[3], wait.seconds))) if found else ()
    yield from lines or (f"# wait until {wait.what.value}: {wait.subject}, {wait.seconds} s at most",)


def _condition(resource: str, subject: _Subject, condition: str) -> Iterator[str]:
    if subject.namespace and resource:
        named = target(resource, subject.namespace, subject.name)
        yield f"kubectl wait {named} --for=condition={condition} --timeout={subject.seconds}s"


def _waypoint_ready(subject: _Subject) -> Iterator[str]:
    yield from _condition(GATEWAY.key, subject, "Programmed")


def _waypoint_bound(subject: _Subject) -> Iterator[str]:
    yield from _condition(_key(subject.kind or SERVICE.name), subject, "istio.io/WaypointBound")


def _rolled_out(subject: _Subject) -> Iterator[str]:
    kind = _ROLLED.get(subject.kind or DEPLOYMENT.name)
    if kind and subject.namespace:
        named = target(kind.key, subject.namespace, subject.name)
        yield f"kubectl rollout status {named} --timeout={subject.seconds}s"
        yield from _pods(subject, _LEAVING, "no pod of {} has a time in LEAVING: old ones serve while they end")


def _daemon_sets(subject: _Subject) -> Iterator[str]:
    if subject.namespace:
        named = target(DAEMON_SET.key, subject.namespace, subject.name)
        yield f"kubectl rollout status {named} --timeout={subject.seconds}s"


def _captured(subject: _Subject) -> Iterator[str]:
    yield from _pods(subject, _CAPTURED, "each pod of {} says enabled")


def _sidecars_gone(subject: _Subject) -> Iterator[str]:
    yield from _pods(subject, _CONTAINERS, "no pod of {} lists istio-proxy")


def _pods(subject: _Subject, columns: str, until: str) -> Iterator[str]:
    yield f"# until {until.format(f'{subject.kind} {subject.name}'.strip())}, {subject.seconds} s at most:"
    space = subject.namespace or subject.name
    yield f"kubectl get pods{within(space)} {_RUNNING} --output custom-columns='POD:.metadata.name,{columns}'"


def _policy_accepted(subject: _Subject) -> Iterator[str]:
    resource = _key(subject.kind or AUTHORIZATION_POLICY.name)
    if subject.namespace and resource:
        yield f"# until WaypointAccepted or ZtunnelAccepted is True, {subject.seconds} s at most:"
        named = target(resource, subject.namespace, subject.name)
        yield f"kubectl get {named} --output jsonpath='{{.status.conditions}}'"


def _in_words(_: _Subject) -> Iterator[str]:
    """No command tells it."""
    yield from ()


def _key(name: str) -> str:
    return next((kind.key for kind in KINDS if kind.name == name), "")


_WAITS: dict[WaitFor, Callable[[_Subject], Iterator[str]]] = {
    WaitFor.WAYPOINT_READY: _waypoint_ready,
    WaitFor.WAYPOINT_BOUND: _waypoint_bound,
    WaitFor.ROLLED_OUT: _rolled_out,
    WaitFor.CAPTURED: _captured,
    WaitFor.POLICY_ACCEPTED: _policy_accepted,
    WaitFor.SIDECARS_GONE: _sidecars_gone,
    WaitFor.DAEMONSETS_READY: _daemon_sets,
    WaitFor.PREPARED: _in_words,
    WaitFor.CONVERGED: _in_words,
}
