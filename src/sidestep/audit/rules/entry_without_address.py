"""SID216: a ServiceEntry without an address where ztunnel does not answer DNS: it never matches."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import CONFIG_MAP, SERVICE_ENTRY
from sidestep.semantics.loose import as_strings
from sidestep.semantics.proxies import Role

_SETTING = "AMBIENT_DNS_CAPTURE"
_ANNOTATION = "ambient.istio.io/dns-capture"


def _check(facts: Facts) -> Iterator[Found]:
    switched_off = _switched_off(facts)
    if switched_off is None:
        return
    for entry in facts.mesh.of(SERVICE_ENTRY):
        spec = entry.view.spec or {}
        if as_strings(spec.get("addresses")) or _is_wild(spec):
            continue
        hosts = ", ".join(as_strings(spec.get("hosts")))
        yield Found(
            of_resource(entry),
            f"has no address of its own, and {switched_off.field} is {switched_off.value}: applications resolve "
            f"{hosts} to addresses that ztunnel does not know, and neither this entry nor its waypoint is used",
            "switch DNS capture on (cni.ambient.dnsCapture), or give the entry addresses",
            (switched_off, Evidence("spec.hosts", hosts)),
        )


def _is_wild(spec: dict[str, Any]) -> bool:
    return all(host.startswith("*") for host in as_strings(spec.get("hosts")))


def _switched_off(facts: Facts) -> Evidence | None:
    """Where DNS capture is said to be off; None where nothing says so: since 1.25 it is on unless told."""
    for config in facts.mesh.of(CONFIG_MAP):
        if config.meta.name == "istio-cni-config" and (config.view.data or {}).get(_SETTING) == "false":
            return Evidence(f"ConfigMap {config.meta.namespace}/{config.meta.name} {_SETTING}", "false")
    for _, group in facts.groups():
        if group.recognition.role is Role.ISTIO_CNI:
            for container in group.shape.spec.all_containers:
                if any(each.name == _SETTING and each.value == "false" for each in container.env or ()):
                    return Evidence(f"istio-cni env {_SETTING}", "false")
    return _annotated(facts)


def _annotated(facts: Facts) -> Evidence | None:
    """Whether every ambient workload has declined it for itself."""
    ambient = members(facts, facts.workloads).ambient
    shapes = [workload.next_shape for workload in ambient]
    declined = [shape for shape in shapes if shape is not None and shape.annotations.get(_ANNOTATION) == "false"]
    return (
        Evidence(f"annotation {_ANNOTATION} of every ambient pod", "false") if ambient and declined == shapes else None
    )


RULE = Rule("SID216", "entry-without-address", "ServiceEntry that ztunnel cannot recognise", Severity.ERROR, _check)
