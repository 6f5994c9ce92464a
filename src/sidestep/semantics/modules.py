"""WasmPlugins and TrafficExtensions: which code runs in a proxy, at which place of its list of filters.

Source: pilot/pkg/model/extensions.go, push_context.go (TrafficExtensionsByListenerInfo), listener_builder.go. Of one
phase the higher priority comes first, then the older. To waypoints they are attached; what is attached to a Service is
not read here, for it is about one of many.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import GATEWAY, TRAFFIC_EXTENSION, WASM_PLUGIN
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.attachment import GATEWAY_CLASS, GatewayTarget, names_gateway, names_waypoint
from sidestep.semantics.authorization.parse import match_labels, target_refs
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.envoy_filters import Context
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.age import created
from sidestep.semantics.trees import MalformedError

_SERVERS = frozenset({Context.INBOUND})
_MODES = {"SERVER": _SERVERS, "CLIENT": frozenset({Context.OUTBOUND, Context.GATEWAY})}


class Phase(StrEnum):
    """Before which of Istio's own filters; the last is before the router."""

    AUTHN = "AUTHN"
    AUTHZ = "AUTHZ"
    STATS = "STATS"
    UNSPECIFIED = "UNSPECIFIED"


class Match(Struct, frozen=True):
    """Traffic that code is for: of some kinds of proxies, at some ports; none for any port."""

    contexts: frozenset[Context]
    ports: frozenset[int] = frozenset()


class Module(Struct, frozen=True):
    """Code that runs in a proxy.

    Attributes:
        object: that asks for it.
        phase: where it runs.
        matches: traffic that it is for; none for all.
        wasm: how it is said, in the words of a WasmPlugin; None for Lua.
        lua: code.
    """

    object: ObjectId
    phase: Phase
    matches: tuple[Match, ...] = ()
    wasm: Mapping[str, Any] | None = None
    lua: str = ""

    def runs_in(self, context: Context, port: int) -> bool:
        """Whether it is for traffic of a proxy at a port; 0 for one that is not known."""
        return not self.matches or any(
            context in each.contexts and (not each.ports or port in each.ports) for each in self.matches
        )


def modules(mesh: Mesh, root: str, namespace: str, labels: Labels) -> tuple[Module, ...]:
    """All that run in a sidecar or a gateway, in order: what selects it, and what is attached to the Gateway that made
    it.

    Args:
        mesh: of which.
        root: namespace whose objects count everywhere.
        namespace: of the pod.
        labels: of the pod.
    """
    gateway = GatewayTarget(namespace, labels.get(GATEWAY_NAME, ""), "")

    def selects(resource: Resource[Any], spec: Mapping[str, Any]) -> bool:
        if targets := target_refs(spec):
            return names_gateway(targets, resource.meta.namespace, gateway)
        wanted = match_labels(spec.get("selector")) or {}
        return resource.meta.namespace in (root, namespace) and not wanted.items() - labels.items()

    return _in_order(mesh, selects)


def attached_modules(mesh: Mesh, root: str, gateway: GatewayTarget) -> tuple[Module, ...]:
    """All that run in a waypoint, whatever is served; likewise."""

    def attached(resource: Resource[Any], spec: Mapping[str, Any]) -> bool:
        return names_waypoint(target_refs(spec), resource.meta.namespace, root, gateway)

    return _in_order(mesh, attached)


def of_services(mesh: Mesh) -> Iterator[tuple[ObjectId, TargetRef]]:
    """Those that are attached to something that a waypoint serves, with what that is."""
    for resource in _every(mesh):
        try:
            targets = target_refs(resource.view.spec or {})
        except MalformedError:
            continue
        yield from ((resource.id, each) for each in targets if each.kind not in (GATEWAY.name, GATEWAY_CLASS))


def _in_order(mesh: Mesh, chosen: Callable[[Resource[Any], Mapping[str, Any]], bool]) -> tuple[Module, ...]:
    found = []
    for resource in _every(mesh):
        spec = resource.view.spec or {}
        try:
            if not chosen(resource, spec):
                continue
        except MalformedError:
            continue
        priority = spec.get("priority")
        rank = priority if isinstance(priority, int) else 0
        order = (-rank, created(resource.meta), resource.meta.name, resource.meta.namespace)
        found.append((order, _module(resource, spec)))
    return tuple(module for _, module in sorted(found, key=lambda each: each[0]))


def _every(mesh: Mesh) -> Iterator[Resource[Any]]:
    for kind in (WASM_PLUGIN, TRAFFIC_EXTENSION):
        yield from mesh.of(kind)


def _module(resource: Resource[Any], spec: Mapping[str, Any]) -> Module:
    lua = as_dict(spec.get("lua"))
    wasm = spec if resource.kind == WASM_PLUGIN.name else as_dict(spec.get("wasm")) or None
    phase = as_text(spec.get("phase"))
    return Module(
        resource.id,
        Phase(phase) if phase in set(Phase) else Phase.UNSPECIFIED,
        tuple(map(_match, as_dicts(spec.get("match")))),
        wasm,
        as_text(lua.get("inlineCode")),
    )


def _match(spec: Mapping[str, Any]) -> Match:
    numbers = (each.get("number") for each in as_dicts(spec.get("ports")))
    contexts = _MODES.get(as_text(spec.get("mode")), frozenset(Context))
    return Match(contexts, frozenset(each for each in numbers if isinstance(each, int)))
