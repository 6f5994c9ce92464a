"""Where a ServiceEntry leads: endpoints that stand in it, WorkloadEntries that it selects, or its own host, looked up.

Source: pilot/pkg/serviceregistry/serviceentry/conversion.go (ports, TLS of endpoints, hosts as endpoints),
ambient/workloads.go (capacity, tunnels), and Istio's reference of ServiceEntry and WorkloadEntry.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sidestep.model.kinds import WORKLOAD_ENTRY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.semantics.endpoint_slices import Named, is_address
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

NONE, STATIC, DYNAMIC = "NONE", "STATIC", "DYNAMIC_DNS"
_LOOKED_UP = ("DNS", "DNS_ROUND_ROBIN")
_ONE_EACH = "DNS_ROUND_ROBIN"
_TLS_MODE, _TUNNEL, _LOCALITY = "security.istio.io/tlsMode", "networking.istio.io/tunnel", "istio-locality"


def endpoints_of(entry: Resource[Any], host: str, mesh: Mesh) -> tuple[Named, ...]:
    """All endpoints of one host of a ServiceEntry; none where it keeps the address that was dialled."""
    spec = entry.view.spec or {}
    resolution = as_text(spec.get("resolution")) or NONE
    if resolution in (NONE, DYNAMIC):
        return ()
    ports = [port for port in as_dicts(spec.get("ports")) if isinstance(port.get("number"), int)]
    selects, written = spec.get("workloadSelector") is not None, as_dicts(spec.get("endpoints"))
    if resolution in _LOOKED_UP and not selects and not written:
        return () if host.startswith("*") else (Named(host, _ports(ports, {})),)
    told = _selected(entry, mesh) if selects else written
    found = tuple(_endpoint(each, ports, entry) for each in told if as_text(each.get("address")))
    return found[:1] if resolution == _ONE_EACH else found


def pods_among(found: Iterable[Named]) -> tuple[Named, ...] | None:
    """Those that are addresses, which may be pods'; None where there are none."""
    return tuple(each for each in found if is_address(each.address)) or None


def _selected(entry: Resource[Any], mesh: Mesh) -> list[dict[str, Any]]:
    """WorkloadEntries of its namespace that a ServiceEntry selects, in the words of endpoints."""
    wanted = _labels(as_dict((entry.view.spec or {}).get("workloadSelector")))
    near = sorted(mesh.in_namespace(WORKLOAD_ENTRY, entry.meta.namespace), key=lambda each: each.meta.name)
    return [
        {**spec, "labels": labels}
        for each in near
        if (spec := as_dict(each.view.spec))
        and wanted.items() <= (labels := {**_labels(spec), **each.meta.labels}).items()
    ]


def _endpoint(told: Mapping[str, Any], ports: Iterable[dict[str, Any]], entry: Resource[Any]) -> Named:
    weight = told.get("weight")
    return Named(
        as_text(told.get("address")),
        _ports(ports, as_dict(told.get("ports"))),
        weight=weight if isinstance(weight, int) and weight > 0 else 1,
        labels=_labels(told),
        said=", ".join(_said(told, entry)),
    )


def _ports(ports: Iterable[dict[str, Any]], own: Mapping[str, Any]) -> dict[int, int]:
    """Ports of an endpoint by those of its entry: by name, else the target, else the same."""
    found = {each["number"]: own.get(as_text(each.get("name"))) or each.get("targetPort") for each in ports}
    return {number: to if isinstance(to, int) and to else number for number, to in found.items()}


def _said(told: Mapping[str, Any], entry: Resource[Any]) -> Iterable[str]:
    """What of an endpoint decides how it is reached, and whether, beside its address."""
    labels, account = _labels(told), as_text(told.get("serviceAccount"))
    locality = as_text(told.get("locality")) or labels.get(_LOCALITY, "").replace(".", "/")
    if locality:
        yield f"locality {locality}"
    if as_text(told.get("network")):
        yield f"network {as_text(told.get('network'))}"
    tunnel = "http" in (labels.get(_TUNNEL), entry.meta.labels.get(_TUNNEL))
    inside = as_text((entry.view.spec or {}).get("location")) == "MESH_INTERNAL"
    mutual = inside and labels.get(_TLS_MODE, "istio" if account else "disabled") == "istio"
    if tunnel:
        yield "by HBONE"
    if mutual:
        yield f"by mTLS as {account}".removesuffix(" as ")
    names = sorted(as_strings((entry.view.spec or {}).get("subjectAltNames")))
    if names and (tunnel or mutual):
        yield f"expects {', '.join(names)}"


def _labels(told: Mapping[str, Any]) -> Labels:
    return {str(key): as_text(value) for key, value in as_dict(told.get("labels")).items()}
