"""From Services and ServiceEntries to the names that the lab's DNS answers."""

from collections.abc import Sequence

from sidestep.lab.cluster.objects import Tree, meta_of, spec_of, status_of
from sidestep.lab.cluster.pods import is_leaving, is_ready
from sidestep.lab.cluster.services import selects
from sidestep.lab.dns.names import Endpoint, Name, NamedPort, Source, Target
from sidestep.model.views.core import EndpointSlice
from sidestep.semantics.endpoint_slices import named
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text, labels_of

DOMAIN = "cluster.local"


def service_name(
    service: Tree, pods: Sequence[Tree], slices: Sequence[EndpointSlice] = (), domain: str = DOMAIN
) -> Name:
    """The name of a Service.

    Args:
        service: the object.
        pods: of its namespace.
        slices: that were written down for it.
        domain: of the cluster.
    """
    meta, spec = meta_of(service), spec_of(service)
    namespace = str(meta["namespace"])
    host = f"{meta['name']}.{namespace}.svc.{domain}"
    if spec.get("type") == "ExternalName":
        return Name(host, namespace, target=Target.ALIAS, alias=as_text(spec.get("externalName")).rstrip("."))
    ports = _ports(spec)
    addresses = tuple(each for each in as_strings(spec.get("clusterIPs")) if each != "None")
    if addresses:
        return Name(host, namespace, addresses=addresses, ports=ports)
    early = spec.get("publishNotReadyAddresses") is True
    chosen = [
        each for each in pods if selects(service, labels_of(each)) and not is_leaving(each) and addresses_of(each)
    ]
    endpoints = tuple(
        Endpoint(addresses_of(each), _hostname(each, str(meta["name"])), early or is_ready(each)) for each in chosen
    )
    written = (each for told in slices for each in named(told, (), namespace))
    strangers = tuple(Endpoint((each.address,), each.hostname, early or each.ready) for each in written)
    return Name(host, namespace, target=Target.ENDPOINTS, endpoints=(*endpoints, *strangers), ports=ports)


def entry_names(entry: Tree) -> tuple[Name, ...]:
    """The names of a ServiceEntry's hosts; those that it was given addresses for, where it has none of its own."""
    meta, spec = meta_of(entry), spec_of(entry)
    own = tuple(each for each in as_strings(spec.get("addresses")) if "/" not in each)
    return tuple(
        Name(
            host,
            str(meta["namespace"]),
            Source.ENTRY,
            addresses=own or _allocated(entry, host),
            exported_to=_visible(spec, str(meta["namespace"])),
            ports=_ports(spec),
            canonical=False,
        )
        for host in as_strings(spec.get("hosts"))
    )


def addresses_of(pod: Tree) -> tuple[str, ...]:
    """All addresses of a pod."""
    return tuple(text for each in as_dicts(status_of(pod).get("podIPs")) if (text := as_text(each.get("ip"))))


def _allocated(entry: Tree, host: str) -> tuple[str, ...]:
    given = as_dicts(status_of(entry).get("addresses"))
    return tuple(as_text(each.get("value")) for each in given if as_text(each.get("host")) in ("", host))


def _visible(spec: Tree, namespace: str) -> tuple[str, ...]:
    return tuple(namespace if each == "." else each for each in as_strings(spec.get("exportTo"))) or ("*",)


def _hostname(pod: Tree, service: str) -> str:
    spec = spec_of(pod)
    return as_text(spec.get("hostname")) if spec.get("subdomain") == service else ""


def _ports(spec: Tree) -> tuple[NamedPort, ...]:
    return tuple(
        NamedPort(as_text(each.get("name")), int(number), as_text(as_dict(each).get("protocol")) or "TCP")
        for each in as_dicts(spec.get("ports"))
        if isinstance(number := each.get("port", each.get("number")), int)
    )
