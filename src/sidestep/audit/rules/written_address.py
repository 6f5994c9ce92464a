"""SID231: an endpoint is written down by a pod's address, and the pod is not named: ztunnel knows nobody there."""

from collections.abc import Iterator, Mapping

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members, names
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.endpoint_slices import Written, pod_of, written_objects


def _check(facts: Facts) -> Iterator[Found]:
    spaces: dict[str, Mapping[str, Workload]] = {}
    for written in written_objects(facts.mesh):
        space = written.resource.meta.namespace
        if space not in spaces:
            spaces[space] = _by_address(facts.by_namespace.get(space, ()))
        met = {address: found for address in _nameless(written, space) if (found := spaces[space].get(address))}
        concerned = members(facts, {each.ref: each for each in met.values()}.values())
        if concerned:
            refs = {each.ref for each in concerned.all}
            told = [address for address, workload in met.items() if workload.ref in refs]
            now = "ztunnel takes" if concerned.ambient else "in ambient ztunnel takes"
            yield Found(
                of_resource(written.resource),
                f"has addresses of pods of {names(concerned.all)} and does not name the pods: {now} them for strangers "
                "and sends plaintext, which STRICT refuses and in which policies find no principal",
                f"name each pod in its endpoint's targetRef (kind, namespace, name and uid), or give Service "
                f"{space}/{written.service} a selector",
                (Evidence("endpoints[].addresses", ", ".join(told)), *concerned.evidence()),
            )


def _nameless(written: Written, namespace: str) -> Iterator[str]:
    for told in written.slices:
        for endpoint in told.endpoints or ():
            if pod_of(endpoint, namespace) is None:
                yield from endpoint.addresses or ()


def _by_address(workloads: tuple[Workload, ...]) -> Mapping[str, Workload]:
    return {
        address: workload
        for workload in workloads
        for group in workload.groups
        for pod in group.pods
        for address in pod.status.addresses
    }


RULE = Rule("SID231", "written-address", "Endpoint that ztunnel takes for a stranger", Severity.WARNING, _check)
