"""Gateways as people name them: by their Gateway, of either API, or by the workload that runs them."""

from sidestep.errors import UsageError
from sidestep.explain.nearest import listed, suggestion
from sidestep.model import kinds
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.requests import GatewayClient

GATEWAY = "gateway:[NS/]NAME"
_WHERE = "--client"


def gateway_named(index: MeshIndex, text: str) -> GatewayClient:
    """The gateway that is meant.

    Raises:
        UsageError: there is none of that name, or several.
    """
    namespace, _, name = text.rpartition("/")
    if not name or "/" in namespace:
        raise UsageError(f"{text!r} names no gateway", where=_WHERE, remedy=f"write {GATEWAY}")
    found = _running(index, namespace, name) or _declared(index, namespace, name)
    if len(found) > 1:
        names = [f"gateway:{each.namespace}/{each.name}" for each in found]
        raise UsageError(f"there are several gateways {name!r}", where=_WHERE, remedy=f"write one of {listed(names)}")
    if not found:
        known = {f"{each.namespace}/{each.workload.name}" for each in gateways(index)}
        known |= {f"{space}/{gateway}" for space, gateway, _ in _objects(index)}
        raise UsageError(f"no gateway {text!r} was read", where=_WHERE, remedy=suggestion(text, known, "gateways"))
    return found[0]


def gateways(index: MeshIndex) -> list[Instances]:
    """Pods that let traffic in or out, by workload."""
    return [each for pods in index.workloads.values() for each in pods if each.mode is Mode.GATEWAY]


def _running(index: MeshIndex, namespace: str, name: str) -> list[GatewayClient]:
    """By the name of their Gateway (Gateway API), of their workload, or of an Istio Gateway that selects them."""
    selectors = {
        (space, gateway): selector for space, gateway, selector in _objects(index) if gateway == name and selector
    }
    found = set()
    for each in gateways(index):
        if namespace in ("", each.namespace) and name in (each.workload.name, each.labels.get(GATEWAY_NAME)):
            found.add((each.namespace, name))
        for (space, _), selector in selectors.items():
            if namespace in ("", space) and selector.items() <= each.labels.items():
                found.add((each.namespace, each.workload.name))
    return [GatewayClient(*each) for each in sorted(found)]


def _declared(index: MeshIndex, namespace: str, name: str) -> list[GatewayClient]:
    """Gateways of which no pods were read: what becomes of their requests cannot be told, and the answer says so."""
    named = {(space, gateway) for space, gateway, _ in _objects(index) if gateway == name and namespace in ("", space)}
    return [GatewayClient(*each) for each in sorted(named)]


def _objects(index: MeshIndex) -> list[tuple[str, str, dict[str, str]]]:
    """Namespace, name and selector of all Gateways; those of the Gateway API select nothing."""
    written = index.mesh.of(kinds.ISTIO_GATEWAY)
    selecting = [
        (
            each.meta.namespace,
            each.meta.name,
            {str(key): str(value) for key, value in as_dict((each.view.spec or {}).get("selector")).items()},
        )
        for each in written
    ]
    return [*selecting, *((each.meta.namespace, each.meta.name, {}) for each in index.mesh.of(kinds.GATEWAY))]
