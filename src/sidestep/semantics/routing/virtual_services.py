"""VirtualServices, compiled once: hosts, gateways and exports in full, rules in order, delegates filled in.

Source: pilot/pkg/model/virtualservice.go and virtualservice_controller.go; istio-semantics.md §4.3.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import VIRTUAL_SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.routing.age import created
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.delegates import merged
from sidestep.semantics.routing.exports import exports, visible
from sidestep.semantics.routing.gateway_names import gateway_names
from sidestep.semantics.routing.hosts import MESH, full_name
from sidestep.semantics.routing.rule import Bound, HttpEntry
from sidestep.semantics.routing.virtual_service_http import Reading, broken_entry, http_entries
from sidestep.semantics.routing.virtual_service_streams import tcp_entries, tls_entries
from sidestep.semantics.trees import MalformedError, items, mapping, mappings, strings, text
from sidestep.semantics.versions import IstioVersion


class _Delegate(Struct, frozen=True):
    """A VirtualService without hosts."""

    object: ObjectId
    exported: frozenset[str]
    spec: Mapping[str, Any]
    broken: str = ""


_Delegates = Mapping[tuple[str, str], _Delegate]


def virtual_services(mesh: Mesh, defaults: MeshDefaults, version: IstioVersion) -> list[Bound]:
    """All VirtualServices that bind hosts, in no order."""
    roots, delegates = _parted(mesh, defaults)
    return [_bound(resource, delegates, defaults, version) for resource in roots]


def undelegated(mesh: Mesh, defaults: MeshDefaults) -> Iterator[tuple[ObjectId, str, str]]:
    """Rules that are left to a delegate which does not count: the object, the field, and which is not there."""
    roots, delegates = _parted(mesh, defaults)
    for resource in roots:
        space = resource.meta.namespace
        for at, rule in enumerate(as_dicts((resource.view.spec or {}).get("http"))):
            named = as_dict(rule.get("delegate"))
            key = as_text(named.get("namespace")) or space, as_text(named.get("name"))
            if named and (key not in delegates or not visible(delegates[key].exported, space)):
                yield resource.id, f"http[{at}].delegate", f"{key[0]}/{key[1]}"


def _parted(mesh: Mesh, defaults: MeshDefaults) -> tuple[list[Resource[Spec]], _Delegates]:
    """Those that bind hosts, and those that only others may name."""
    delegates: dict[tuple[str, str], _Delegate] = {}
    roots = []
    for resource in mesh.of(VIRTUAL_SERVICE):
        if (resource.view.spec or {}).get("hosts"):
            roots.append(resource)
        else:
            delegates[resource.meta.namespace, resource.meta.name] = _delegate(resource, defaults)
    return roots, delegates


def _delegate(resource: Resource[Spec], defaults: MeshDefaults) -> _Delegate:
    spec = resource.view.spec or {}
    try:
        exported = _exported(resource, defaults)
    except MalformedError as error:
        return _Delegate(resource.id, frozenset(), spec, f"{resource.id}: {error}")
    return _Delegate(resource.id, exported, spec)


def _exported(resource: Resource[Spec], defaults: MeshDefaults) -> frozenset[str]:
    written = strings((resource.view.spec or {}).get("exportTo"), "exportTo")
    return exports(written, defaults.virtual_service_export_to, resource.meta.namespace)


def _bound(resource: Resource[Spec], delegates: _Delegates, defaults: MeshDefaults, version: IstioVersion) -> Bound:
    meta, spec = resource.meta, resource.view.spec or {}
    order = (created(meta), meta.name, meta.namespace)
    reading = Reading(resource.id, meta.namespace, defaults.domain, version)
    try:
        hosts = tuple(full_name(host, meta.namespace, defaults.domain) for host in strings(spec.get("hosts"), "hosts"))
        named = gateway_names(spec.get("gateways"), "gateways", meta.namespace)
        exported = _exported(resource, defaults)
    except MalformedError as error:
        return Bound(order, meta.namespace, resource.id, broken=f"{resource.id}: {error}")
    lowered = tuple(host.lower() for host in hosts) if version.since(1, 27) else hosts
    return Bound(
        order,
        meta.namespace,
        resource.id,
        lowered,
        named or frozenset({MESH}),
        exported,
        compiled=partial(_http, spec, reading, delegates),
        tcp=tuple(tcp_entries(spec, reading)),
        tls=tuple(tls_entries(spec, reading)),
    )


def _http(spec: Mapping[str, Any], reading: Reading, delegates: _Delegates) -> tuple[HttpEntry, ...] | None:
    """The HTTP rules; None where there are none, as in an object for TCP alone."""
    try:
        listed = items(spec.get("http"), "http")
    except MalformedError as error:
        return (broken_entry("http", reading, str(error)),)
    if not listed:
        return None
    return tuple(_each_rule(listed, reading, delegates))


def _each_rule(listed: Iterable[object], reading: Reading, delegates: _Delegates) -> Iterator[HttpEntry]:
    for at, each in enumerate(listed):
        place = f"http[{at}]"
        try:
            rule = mapping(each, place)
            if rule.get("delegate") is None:
                yield from http_entries(rule, place, reading)
            else:
                yield from _delegated(rule, place, reading, delegates)
        except MalformedError as error:
            yield broken_entry(place, reading, str(error))


def _delegated(rule: Mapping[str, Any], place: str, reading: Reading, delegates: _Delegates) -> Iterator[HttpEntry]:
    """Rules of the delegate; none where it does not exist or is not exported to the root."""
    named = mapping(rule["delegate"], f"{place}.delegate")
    namespace = text(named.get("namespace"), f"{place}.delegate.namespace") or reading.namespace
    found = delegates.get((namespace, text(named.get("name"), f"{place}.delegate.name")))
    if found is None:
        return
    if found.broken:
        yield broken_entry(place, reading, found.broken)
    if not visible(found.exported, reading.namespace):
        return
    inner = Reading(found.object, found.object.namespace, reading.domain, reading.version)
    root = {**rule, "match": _named_in_full(rule, reading), **_copies_in_full(rule, reading)}
    for at, each in enumerate(mappings(found.spec.get("http"), "http")):
        filled = merged(root, {**each, "match": _named_in_full(each, inner)})
        if filled is not None:
            yield from http_entries(filled, f"http[{at}]", inner)


def _copies_in_full(rule: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    """Destinations that the delegate inherits, whose short names are the root's."""

    def full(value: object) -> dict[str, Any]:
        tree = mapping(value, "mirror")
        return {**tree, "host": full_name(text(tree.get("host"), "host"), reading.namespace, reading.domain)}

    single = {"mirror": full(rule["mirror"])} if rule.get("mirror") is not None else {}
    several = [
        {**each, "destination": full(each.get("destination"))} for each in mappings(rule.get("mirrors"), "mirrors")
    ]
    return {**single, "mirrors": several or None}


def _named_in_full(rule: Mapping[str, Any], reading: Reading) -> list[dict[str, Any]]:
    """Matches with their gateways in full, because those of two namespaces are compared."""
    return [
        {**match, "gateways": sorted(gateway_names(match.get("gateways"), "gateways", reading.namespace))}
        for match in mappings(rule.get("match"), "match")
    ]
