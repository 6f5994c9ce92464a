"""From Services, ServiceEntries and WorkloadEntries to their records.

Source: ztunnel.md §3.9. Ports of other protocols than TCP are left out: no proxy of the node sees them.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec.structs import replace

from sidestep.controlplane.records import (
    Families,
    Locality,
    PortMap,
    Preference,
    Scope,
    Service,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.registry.objects import Labels, Tree
from sidestep.controlplane.registry.pods import Place, canonical, named_port
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.loose import annotations_of, as_dict, as_dicts, as_strings, as_text, labels_of
from sidestep.semantics.services import INGRESS_USE_WAYPOINT

_DISTRIBUTION = "networking.istio.io/traffic-distribution"
_CLOSE = (Scope.NETWORK, Scope.REGION, Scope.ZONE)
_CLOSEST = (*_CLOSE, Scope.SUBZONE, Scope.NODE)
_DISTRIBUTIONS: Mapping[str, tuple[Scope, ...]] = {
    "PreferClose": _CLOSE,
    "PreferSameZone": _CLOSE,
    "PreferSameNode": _CLOSEST,
}
_NO_STREAMS = ("UDP", "SCTP")
_FAMILIES: Mapping[tuple[str, ...], Families] = {("IPv4",): Families.IPV4, ("IPv6",): Families.IPV6}
_ENTRY = "/networking.istio.io/ServiceEntry/"
_TUNNEL_LABEL = "networking.istio.io/tunnel"


def service_of(service: Tree, waypoint: WaypointAddress | None, ingress: str, domain: str) -> Service | None:
    """The record of a Service; None for a name that only stands for another.

    Args:
        service: the object.
        waypoint: that it is bound to.
        ingress: its namespace's word on `istio.io/ingress-use-waypoint`.
        domain: of the cluster.
    """
    meta, spec = as_dict(service.get("metadata")), as_dict(service.get("spec"))
    if spec.get("type") == "ExternalName":
        return None
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    preferences, mode = _preference(service)
    return Service(
        name,
        namespace,
        f"{name}.{namespace}.svc.{domain}",
        _vips(spec),
        tuple(PortMap(port["port"], _number(port.get("targetPort", port["port"]))) for port in stream_ports(spec)),
        (),
        waypoint,
        preferences,
        mode,
        spec.get("publishNotReadyAddresses") is True,
        _families(spec),
        canonical=True,
        ingress_use_waypoint=labels_of(service).get(INGRESS_USE_WAYPOINT, ingress) == "true",
    )


def ports_of(service: Tree, pod: Tree, overridden: Mapping[str, int] | None = None) -> tuple[PortMap, ...]:
    """The ports of a Service as a pod serves them; a named port that the pod has not is left out.

    Args:
        service: a Service or a ServiceEntry.
        pod: the pod, or what stands for one.
        overridden: its own ports by the name of the service's.
    """
    entry = service.get("kind") == "ServiceEntry"
    key = "number" if entry else "port"
    found = []
    for port in _ports(as_dict(service.get("spec")), key):
        target = (overridden or {}).get(as_text(port.get("name"))) or port.get("targetPort") or port[key]
        number = target if isinstance(target, int) else named_port(pod, as_text(target))
        if number is not None:
            found.append(PortMap(port[key], number))
    return tuple(found)


def entry_services(entry: Tree, waypoint: WaypointAddress | None) -> Iterator[Service]:
    """The records of a ServiceEntry: one for each of its hosts."""
    meta, spec = as_dict(entry.get("metadata")), as_dict(entry.get("spec"))
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    passes = (as_text(spec.get("resolution")) or "NONE") == "NONE"
    preferences, mode = _preference(entry)
    for host in as_strings(spec.get("hosts")):
        yield Service(
            name,
            namespace,
            host,
            tuple(filter(None, map(_address, as_strings(spec.get("addresses"))))) or _allocated(entry, host),
            tuple(PortMap(port["number"], _number(port.get("targetPort")) or port["number"]) for port in _ports(spec)),
            as_strings(spec.get("subjectAltNames")),
            waypoint,
            preferences,
            Preference.PASSTHROUGH if passes else mode,
            passes,
            canonical=False,
            ingress_use_waypoint=labels_of(entry).get(INGRESS_USE_WAYPOINT) == "true",
        )


def entry_workloads(entry: Tree, cluster: str, trust_domain: str) -> Iterator[Workload]:
    """The records of endpoints that a ServiceEntry names itself; for a name to resolve, one for each host."""
    spec, meta = as_dict(entry.get("spec")), as_dict(entry.get("metadata"))
    if "workloadSelector" in spec or (as_text(spec.get("resolution")) or "NONE") == "NONE":
        return
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    prefix = f"{cluster}{_ENTRY}{namespace}/{name}"
    hosts = as_strings(spec.get("hosts"))
    for endpoint in as_dicts(spec.get("endpoints")):
        address = as_text(endpoint.get("address"))
        if address and not address.startswith("unix:"):
            maps = ports_of(entry, {}, as_dict(endpoint.get("ports")))
            place = Place({ServiceKey(f"{namespace}/{host}"): maps for host in hosts}, locality=_locality(endpoint))
            labels = {key: value for key, value in as_dict(endpoint.get("labels")).items() if isinstance(value, str)}
            record = _endpoint(endpoint, labels, place, trust_domain)
            yield replace(record, uid=WorkloadUid(f"{prefix}/{address}"), name=name, namespace=namespace)
    if not as_dicts(spec.get("endpoints")) and as_text(spec.get("resolution")).startswith("DNS"):
        for host in hosts:
            if not host.startswith("*"):
                services = {ServiceKey(f"{namespace}/{host}"): ports_of(entry, {})}
                uid = WorkloadUid(f"{prefix}/{host}")
                yield Workload(uid, name, namespace, trust_domain=trust_domain, hostname=host, services=services)


def is_inline(workload: Workload) -> bool:
    """Whether it is an endpoint that a ServiceEntry names itself."""
    return _ENTRY in workload.uid


def workload_entry(entry: Tree, place: Place, cluster: str, trust_domain: str) -> Workload | None:
    """The record of a WorkloadEntry; None where it has no address."""
    meta, spec = as_dict(entry.get("metadata")), as_dict(entry.get("spec"))
    if not as_text(spec.get("address")) or as_text(spec.get("address")).startswith("unix:"):
        return None
    name, namespace = as_text(meta.get("name")), as_text(meta.get("namespace"))
    uid = WorkloadUid(f"{cluster}/networking.istio.io/WorkloadEntry/{namespace}/{name}")
    record = _endpoint(spec, entry_labels(entry), replace(place, locality=_locality(spec)), trust_domain)
    return replace(record, uid=uid, name=name, namespace=namespace)


def entry_labels(entry: Tree) -> Labels:
    """By which a WorkloadEntry is selected: its own and those of its spec."""
    spec = as_dict(as_dict(entry.get("spec")).get("labels"))
    return {**labels_of(entry), **{key: value for key, value in spec.items() if isinstance(value, str)}}


def selector_of(tree: Tree) -> Labels | None:
    """Labels of the workloads behind a Service or ServiceEntry; None where it selects none."""
    spec = as_dict(tree.get("spec"))
    entry = tree.get("kind") == "ServiceEntry"
    found = as_dict(spec.get("workloadSelector")).get("labels") if entry else spec.get("selector")
    return {key: value for key, value in as_dict(found).items() if isinstance(value, str)} or None


def _endpoint(spec: Tree, labels: Labels, place: Place, trust_domain: str) -> Workload:
    address = as_text(spec.get("address"))
    native = labels.get(_TUNNEL_LABEL) == "http"
    plain = _address(address)
    return Workload(
        WorkloadUid(""),
        "",
        "",
        (plain,) if plain else (),
        "",
        as_text(spec.get("serviceAccount")) or "default",
        trust_domain,
        Tunnel.HBONE if native else Tunnel.NONE,
        native,
        place.waypoint,
        place.policies,
        True,
        place.services,
        place.locality,
        False,
        "" if plain else address,
        "",
        *canonical(labels, ""),
        labels=labels,
    )


def _preference(tree: Tree) -> tuple[tuple[Scope, ...], Preference]:
    spec = as_dict(tree.get("spec"))
    if spec.get("internalTrafficPolicy") == "Local":
        return (Scope.NODE,), Preference.STRICT
    asked = as_text(spec.get("trafficDistribution")) or annotations_of(tree).get(_DISTRIBUTION, "")
    scopes = _DISTRIBUTIONS.get(asked, ())
    return scopes, Preference.FAILOVER if scopes else Preference.ANY


def _ports(spec: Tree, key: str = "number") -> list[dict[str, Any]]:
    """Ports that have a number."""
    return [
        port
        for port in as_dicts(spec.get("ports"))
        if isinstance(port.get(key), int) and port.get("protocol", "TCP") not in _NO_STREAMS
    ]


def stream_ports(spec: Tree) -> list[dict[str, Any]]:
    """A Service's ports that have a number and carry streams."""
    return _ports(spec, "port")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _vips(spec: Tree) -> tuple[str, ...]:
    every = as_strings(spec.get("clusterIPs")) or (as_text(spec.get("clusterIP")),)
    return tuple(filter(None, map(_address, every)))


def _address(text: str) -> str:
    """An address or a network in its usual spelling; empty for what is none, like `None`."""
    try:
        return str(ip_network(text, strict=False) if "/" in text and is_cidr(text) else ip_address(text))
    except ValueError:
        return ""


def _allocated(entry: Tree, host: str) -> tuple[str, ...]:
    rows = as_dicts(as_dict(entry.get("status")).get("addresses"))
    found = (_address(as_text(row.get("value"))) for row in rows if row.get("host") in (host, None))
    return tuple(filter(None, found))


def _families(spec: Tree) -> Families:
    written = as_strings(spec.get("ipFamilies"))
    return _FAMILIES.get(written, Families.DUAL if len(written) > 1 else Families.AUTOMATIC)


def _locality(spec: Tree) -> Locality:
    region, zone, subzone = (*as_text(spec.get("locality")).split("/"), "", "")[:3]
    return Locality(region, zone, subzone)
