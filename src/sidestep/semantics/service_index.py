"""Services and ServiceEntries as names and addresses that can be dialled, and the pods behind them.

Source: istio-semantics.md §2.2, §4.4 (ServiceEntry), §4.5; Kubernetes' DNS names.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from operator import itemgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import SERVICE, SERVICE_ENTRY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import EndpointSlice, ServiceSpec
from sidestep.model.views.core import Service as ServiceView
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.endpoint_slices import Named, named, written_down
from sidestep.semantics.entry_endpoints import DYNAMIC, NONE, STATIC, endpoints_of, pods_among
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.protocols import Declared, protocol_name, treated_as

CLUSTER_DOMAIN = "cluster.local"
OWN_NODE = "those of its own node"
DISTRIBUTION = "networking.istio.io/traffic-distribution"
_ANYWHERE = frozenset({"", "Any"})
_NEAR = {"PreferSameZone": "PreferClose"}
"""Other names of the same (KEP-3015)."""
EXPORT_TO = "networking.istio.io/exportTo"
_NO_VIP = ("", "None")
_NO_STREAMS = ("UDP", "SCTP")


class Port(Struct, frozen=True):
    """A port of a service.

    Attributes:
        number: as dialled.
        name: as declared.
        written: protocol that it declares, in lower case; empty for none.
        target: number or name of the container's port.
    """

    number: int
    name: str
    written: str
    target: int | str

    @property
    def protocol(self) -> Declared:
        """How proxies treat it."""
        return treated_as(self.written)


class Service(Struct, frozen=True, dict=True):
    """Something that can be dialled by name.

    Attributes:
        host: full name.
        resource: the Service or ServiceEntry.
        vips: addresses of its own; none for a headless one.
        networks: likewise, of a ServiceEntry.
        ports: that it declares for TCP: no proxy sees anything else, and 80/UDP may stand beside 80/TCP (HTTP/3).
        selector: labels of the pods behind it; None where none are selected.
        headless: clients dial its pods.
        external_name: what its name stands for (ExternalName).
        resolution: of a ServiceEntry: NONE, STATIC, DNS …; empty for a Service.
        external: its endpoints are outside of the mesh.
        endpoints: addresses of a ServiceEntry's own endpoints, and of those that somebody wrote down for a Service.
        named: all of these that are addresses, WorkloadEntries that it selects too; None where nobody wrote any down.
        export_to: namespaces that see it; empty for all.
        chosen: what of all that stands behind it is taken, where that is not simply each in turn.
        leads: of a ServiceEntry: all that it leads to, names that are looked up included.
        beside: what other ServiceEntries of its namespace add for the same host, which Envoys alone are told.
        sans: names that a ServiceEntry expects in certificates.
    """

    host: str
    resource: Resource[Any]
    vips: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    selector: Labels | None = None
    headless: bool = False
    external_name: str = ""
    resolution: str = ""
    external: bool = False
    endpoints: tuple[str, ...] = ()
    export_to: tuple[str, ...] = ()
    named: tuple[Named, ...] | None = None
    networks: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    leads: tuple[Named, ...] = ()
    beside: tuple[Named, ...] = ()
    sans: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """Of the object."""
        return self.resource.meta.namespace

    @property
    def name(self) -> str:
        """Of the object."""
        return self.resource.meta.name

    @property
    def is_nameless(self) -> bool:
        """Whether it has a wildcard for a name and no address: who dials a name below it dials another's address.

        Source: ambient/services.go (constructServiceEntries), networking/serviceentry (ShouldV2AutoAllocateIP): only
        DYNAMIC_DNS is given addresses for wildcards.
        """
        return self.host.startswith("*") and not (self.vips or self.networks) and self.resolution != DYNAMIC

    @cached_property
    def _by_number(self) -> Mapping[int, Port]:
        return {port.number: port for port in self.ports}

    def exported_to(self, namespace: str) -> bool:
        """Whether its own `exportTo` shows it to a namespace; the mesh's default is not asked."""
        own = namespace == self.namespace
        return not self.export_to or any(to in ("*", namespace) or (to == "." and own) for to in self.export_to)

    def port(self, number: int) -> Port | None:
        """The port of a number; None when it declares none."""
        return self._by_number.get(number)


class ServiceIndex(Struct, frozen=True, dict=True):
    """All services by name and by address."""

    services: tuple[Service, ...]

    @cached_property
    def by_host(self) -> Mapping[str, Service]:
        """By full name: a Service wins over a ServiceEntry, and the oldest over the rest."""
        found: dict[str, Service] = {}
        for service in self.services:
            found.setdefault(service.host, service)
        return found

    @cached_property
    def by_vip(self) -> Mapping[str, Service]:
        """By address."""
        found: dict[str, Service] = {}
        for service in self.services:
            for vip in service.vips:
                found.setdefault(vip, service)
        return found

    def around(self, address: str) -> Service | None:
        """The one in the narrowest of whose networks an address is."""
        own = ip_address(address)
        within = [(network.prefixlen, service) for network, service in self._by_network if own in network]
        return max(within, key=itemgetter(0))[1] if within else None

    @cached_property
    def _by_network(self) -> Sequence[tuple[IPv4Network | IPv6Network, Service]]:
        return [(ip_network(each, strict=False), service) for service in self.services for each in service.networks]

    @cached_property
    def unlike_others(self) -> frozenset[str]:
        """Names that do not simply stand for pods of their namespace: without selector, or declared more than once."""
        times = Counter(service.host for service in self.services)
        return frozenset(each.host for each in self.services if each.selector is None or times[each.host] > 1)

    def in_namespace(self, namespace: str) -> tuple[Service, ...]:
        """All of a namespace, the oldest first."""
        return self._by_namespace.get(namespace, ())

    def relabelled(self, resources: Iterable[Resource[Any]]) -> "ServiceIndex":
        """The same where some Services carry other labels, which nothing here looks at."""
        new = {(each.meta.namespace, each.meta.name): each for each in resources}
        services = list(self.services)
        held: dict[int, int] = {}
        for place, resource in new.items():
            for at in self._places.get(place, ()):
                held[id(services[at])] = at
                services[at] = replace(services[at], resource=resource)
        made = ServiceIndex(tuple(services))

        def swapped(known: Mapping[str, Service], keys: Iterable[str]) -> dict[str, Service]:
            found = dict(known)
            for key in keys:
                if key in found and id(found[key]) in held:
                    found[key] = services[held[id(found[key])]]
            return found

        touched = [self.services[at] for at in held.values()]
        by_namespace = dict(self._by_namespace)
        for space in {each.namespace for each in touched}:
            by_namespace[space] = tuple(
                services[held[id(each)]] if id(each) in held else each for each in by_namespace[space]
            )
        vars(made).update(
            by_host=swapped(self.by_host, (each.host for each in touched)),
            by_vip=swapped(self.by_vip, (vip for each in touched for vip in each.vips)),
            unlike_others=self.unlike_others,
            wildcards=self.wildcards,
            _by_namespace=by_namespace,
            _places=self._places,
        )
        return made

    @cached_property
    def _places(self) -> Mapping[tuple[str, str], tuple[int, ...]]:
        """Where Services are among all, by namespace and name."""
        found: dict[tuple[str, str], tuple[int, ...]] = {}
        for at, each in enumerate(self.services):
            if each.resource.kind == SERVICE.name:
                place = each.namespace, each.name
                found[place] = (*found.get(place, ()), at)
        return found

    @cached_property
    def _by_namespace(self) -> Mapping[str, tuple[Service, ...]]:
        return grouped(self.services, lambda service: service.namespace)

    @cached_property
    def wildcards(self) -> Mapping[str, Service]:
        """ServiceEntries by the suffix that their `*.` hosts cover."""
        return {service.host[1:]: service for service in reversed(self.services) if service.host.startswith("*.")}

    def named(self, name: str, namespace: str) -> Service | None:
        """What a name means to a client of a namespace, by the search list of its resolver."""
        bare = name.rstrip(".")
        for candidate in _full_names(bare, namespace):
            found = self.by_host.get(candidate)
            if found is not None:
                return found
        dots = [index for index, char in enumerate(bare) if char == "."]
        return next((self.wildcards[bare[dot:]] for dot in dots if bare[dot:] in self.wildcards), None)


def service_index(mesh: Mesh) -> ServiceIndex:
    """Everything that can be dialled by name."""
    slices = written_down(mesh)
    services = [
        _service(resource, slices.get((resource.meta.namespace, resource.meta.name)))
        for resource in sorted(mesh.of(SERVICE), key=_age)
    ]
    entries = [entry for resource in sorted(mesh.of(SERVICE_ENTRY), key=_age) for entry in _entries(resource, mesh)]
    return ServiceIndex((*services, *_merged(entries)))


def _merged(entries: list[Service]) -> list[Service]:
    """With the endpoints of younger entries for the same host at the oldest of their namespace.

    Envoys are told of all together; to ztunnel istiod tells those of the oldest alone.

    Source: serviceentry/conversion.go (mergeServicesInstancesByNamespaceHost), ambient/services.go
    (selectWorkloadServices), ambient/workloads.go (entries that were pruned).
    """
    alike = grouped(entries, lambda each: f"{each.namespace} {each.host} {each.resolution}")
    if len(alike) == len(entries):
        return entries
    more = {
        id(first): tuple(each for other in others for each in other.leads)
        for first, *others in alike.values()
        if others and first.selector is None
    }
    return [replace(each, beside=more[id(each)]) if id(each) in more else each for each in entries]


def _full_names(name: str, namespace: str) -> tuple[str, ...]:
    parts = name.split(".")
    domain = f"svc.{CLUSTER_DOMAIN}"
    if len(parts) == 1:
        return (f"{name}.{namespace}.{domain}", name)
    if len(parts) == 2:
        return f"{name}.{domain}", name
    return (f"{name}.{CLUSTER_DOMAIN}", name) if len(parts) == 3 and parts[2] == "svc" else (name,)


def _age(resource: Resource[Any]) -> tuple[str, str, str]:
    return resource.meta.creation_timestamp or "", resource.meta.namespace, resource.meta.name


def _service(resource: Resource[ServiceView], slices: Iterable[EndpointSlice] | None) -> Service:
    spec, meta = resource.view.spec, resource.meta
    exported = meta.annotations.get(EXPORT_TO, "")
    address = spec.cluster_ip or ""
    addresses = dict.fromkeys((address, *(spec.cluster_ips or ())))
    streams = [port for port in spec.ports or () if port.protocol not in _NO_STREAMS]
    found = _named(slices, [(port.port, port.name) for port in streams], meta.namespace, selects=bool(spec.selector))
    return Service(
        f"{meta.name}.{meta.namespace}.svc.{CLUSTER_DOMAIN}",
        resource,
        tuple(each for each in addresses if each not in _NO_VIP),
        tuple(
            Port(
                port.port,
                port.name,
                protocol_name(port.port, port.name, port.app_protocol, port.protocol),
                port.target_port or port.port,
            )
            for port in streams
        ),
        spec.selector or None,
        headless=address == "None",
        external_name=spec.external_name if spec.type == "ExternalName" else "",
        endpoints=tuple(dict.fromkeys(each.address for each in found or ())),
        export_to=tuple(part.strip() for part in exported.split(",") if part.strip()),
        named=found,
        chosen=_chosen(spec, meta.annotations.get(DISTRIBUTION, "")),
    )


def _chosen(spec: ServiceSpec, annotated: str) -> tuple[str, ...]:
    """Source: pilot/pkg/serviceregistry/kube/conversion.go (NodeLocal), model/service.go (GetTrafficDistribution)."""
    told = [OWN_NODE] if spec.internal_traffic_policy == "Local" else []
    return (*told, *_near_first(spec.traffic_distribution or annotated))


def _near_first(near: str) -> tuple[str, ...]:
    return (f"near ones first: {_NEAR.get(near, near)}",) if near not in _ANYWHERE else ()


def _named(
    slices: Iterable[EndpointSlice] | None, ports: list[tuple[int, str]], namespace: str, *, selects: bool
) -> tuple[Named, ...] | None:
    """What slices add to the pods that a selector finds."""
    if slices is None:
        return None
    found: dict[str, Named] = {}
    for each in (each for told in slices for each in named(told, ports, namespace)):
        known = found.get(each.address, each)
        found[each.address] = replace(known, ports={**known.ports, **each.ports})
    return tuple(each for each in found.values() if each.pod is None or not selects)


def _entries(resource: Resource[Any], mesh: Mesh) -> list[Service]:
    """One service for each host of a ServiceEntry."""
    spec = resource.view.spec or {}
    status = as_dicts((resource.view.status or {}).get("addresses"))
    labels = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
    vips = (*as_strings(spec.get("addresses")), *(as_text(each.get("value")) for each in status))
    endpoints = (as_text(endpoint.get("address")) for endpoint in as_dicts(spec.get("endpoints")))
    whole = Service(
        "",
        resource,
        tuple(vip for vip in vips if "/" not in vip),
        tuple(_entry_port(port) for port in as_dicts(spec.get("ports")) if isinstance(port.get("number"), int)),
        {str(key): as_text(value) for key, value in labels.items()} or None,
        resolution=as_text(spec.get("resolution")) or NONE,
        external=as_text(spec.get("location")) != "MESH_INTERNAL",
        endpoints=tuple(endpoint for endpoint in endpoints if endpoint),
        export_to=as_strings(spec.get("exportTo")),
        networks=tuple(vip for vip in vips if "/" in vip and is_cidr(vip)),
        sans=tuple(sorted(as_strings(spec.get("subjectAltNames")))),
        chosen=_near_first(resource.meta.annotations.get(DISTRIBUTION, "")),
    )
    return [_led(replace(whole, host=host), mesh) for host in as_strings(spec.get("hosts"))]


def _led(entry: Service, mesh: Mesh) -> Service:
    leads = endpoints_of(entry.resource, entry.host, mesh)
    chosen = entry.chosen if len(leads) != 1 and entry.resolution != NONE else ()
    return replace(entry, leads=leads, named=pods_among(leads) if entry.resolution == STATIC else None, chosen=chosen)


def _entry_port(port: dict[str, Any]) -> Port:
    number, protocol = port["number"], as_text(port.get("protocol")).lower()
    target = port.get("targetPort")
    written = protocol_name(number, protocol, "")
    return Port(number, as_text(port.get("name")), written, target if isinstance(target, int) else number)
