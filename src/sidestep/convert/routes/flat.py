"""The HTTP rules of a VirtualService one after the other, with the rules of its delegates in their place.

Source: pilot/pkg/model/virtualservice.go, as `sidestep.semantics.routing.delegates` reads it. Names of hosts and
gateways are made full, because the rules of several namespaces stand side by side.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.delegates import merged
from sidestep.semantics.routing.exports import exports, visible
from sidestep.semantics.routing.gateway_names import gateway_names
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.trees import mapping, mappings, strings, text

Delegates = Mapping[tuple[str, str], Resource[Spec]]


class FlatRule(Struct, frozen=True):
    """One HTTP rule.

    Attributes:
        field: its place for people, e.g. `spec.http[1]`.
        tree: what it says.
        namespace: in which its short names are resolved.
        object: where it stands: the VirtualService, or the delegate.
    """

    field: str
    tree: Mapping[str, Any]
    namespace: str
    object: ObjectId


def flat_rules(resource: Resource[Spec], delegates: Delegates, defaults: MeshDefaults) -> Iterator[FlatRule]:
    """All HTTP rules.

    Raises:
        MalformedError: a field has a wrong type.
    """
    space = resource.meta.namespace
    for at, rule in enumerate(mappings((resource.view.spec or {}).get("http"), "http")):
        field = f"spec.http[{at}]"
        if rule.get("delegate") is None:
            yield FlatRule(field, rule, space, resource.id)
        else:
            yield from _delegated(rule, field, space, delegates, defaults)


def _delegated(
    rule: Mapping[str, Any], field: str, space: str, delegates: Delegates, defaults: MeshDefaults
) -> Iterator[FlatRule]:
    """The delegate's rules; none where it does not exist or is not exported to the root."""
    named = mapping(rule["delegate"], f"{field}.delegate")
    name = text(named.get("name"), f"{field}.delegate.name")
    found = delegates.get((text(named.get("namespace"), f"{field}.delegate.namespace") or space, name))
    if found is None:
        return
    spec, own = found.view.spec or {}, found.meta.namespace
    exported = exports(strings(spec.get("exportTo"), "exportTo"), defaults.virtual_service_export_to, own)
    if not visible(exported, space):
        return
    root = {**rule, "match": _matches(rule, space), **_copies(rule, space, defaults.domain)}
    for at, each in enumerate(mappings(spec.get("http"), "http")):
        filled = merged(root, {**each, "match": _matches(each, own)})
        if filled is not None:
            kept = {name: value for name, value in filled.items() if value not in (None, "")}
            yield FlatRule(f"{field}.delegate ({name}: http[{at}])", kept, own, found.id)


def _matches(rule: Mapping[str, Any], space: str) -> list[dict[str, Any]]:
    return [
        {**match, "gateways": sorted(gateway_names(match.get("gateways"), "gateways", space))}
        for match in mappings(rule.get("match"), "match")
    ]


def _copies(rule: Mapping[str, Any], space: str, domain: str) -> dict[str, Any]:
    """Mirrors that a delegate inherits, whose short names are the root's."""

    def full(value: object) -> dict[str, Any]:
        tree = mapping(value, "mirror")
        return {**tree, "host": full_name(text(tree.get("host"), "host"), space, domain)}

    found: dict[str, Any] = {"mirror": full(rule["mirror"])} if rule.get("mirror") is not None else {}
    listed = mappings(rule.get("mirrors"), "mirrors")
    if listed:
        found["mirrors"] = [{**each, "destination": full(each.get("destination"))} for each in listed]
    return found
