"""SID110: an application that runs as the proxy's user: past the sidecar today, captured in ambient."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.pods import Container, PodShape
from sidestep.semantics.proxies import PROXY, Role

PROXY_UID = 1337
_ISTIO = frozenset({PROXY, "istio-init", "istio-validation"})


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None or workload.role is not Role.APPLICATION or not workload.sidecars:
            continue
        names = [c.name for c in shape.spec.all_containers if _runs_as_proxy(shape, c)]
        if names:
            yield _found(workload, names, _ending(shape))


def _ending(shape: PodShape) -> set[str]:
    """Init containers that end before the app starts."""
    return {c.name for c in shape.spec.init_containers or () if not c.is_native_sidecar}


def _found(workload: Workload, names: list[str], ending: set[str]) -> Found:
    told = f"{', '.join(names)} runs as user {PROXY_UID}, the proxy's own: its traffic"
    evidence = tuple(Evidence(f"containers[{name}].securityContext.runAsUser", str(PROXY_UID)) for name in names)
    if ending.issuperset(names):
        return Found(
            of_workload(workload),
            f"{told} passes redirection by (a habit of init containers under istio-cni), and ambient would capture it",
            "drop the user id when the workload moves: in ambient init containers reach the network through ztunnel",
            evidence,
            Severity.INFO,
        )
    return Found(
        of_workload(workload),
        f"{told} passes the sidecar by, and would be captured in ambient",
        "give it another user id, and expect its traffic to obey the mesh's policies",
        evidence,
    )


def _runs_as_proxy(shape: PodShape, container: Container) -> bool:
    if container.name in _ISTIO:
        return False
    own, whole = container.security_context, shape.spec.security_context
    user = own.run_as_user if own and own.run_as_user is not None else (whole.run_as_user if whole else None)
    return user == PROXY_UID


RULE = Rule("SID110", "uid-1337", "Application runs as the proxy's user", Severity.WARNING, _check, ("IST0144",))
