"""What has nobody left to hold for, once some workloads are gone. Pure."""

from collections.abc import Collection, Iterable

from sidestep.model.metadata import WorkloadRef
from sidestep.rehearse.shapes.members import SERVICE, Key, Templates, key_of
from sidestep.rehearse.shapes.places import Is, Place, Tree, mapped
from sidestep.semantics.loose import as_dict, as_dicts, as_strings

_BY_LABELS = {
    "AuthorizationPolicy": "selector", "PeerAuthentication": "selector", "RequestAuthentication": "selector",
    "Telemetry": "selector", "WasmPlugin": "selector", "ProxyConfig": "selector", "PodDisruptionBudget": "selector",
    "NetworkPolicy": "podSelector", "Sidecar": "workloadSelector", "EnvoyFilter": "workloadSelector",
}  # fmt: skip
_HOSTS = {"VirtualService": "hosts", "DestinationRule": "host"}
_SCALER = "HorizontalPodAutoscaler"
_WRITTEN, _SLICE = "Endpoints", "EndpointSlice"
_OF_SERVICE = "kubernetes.io/service-name"


class Attachments:
    """Tells of which objects nobody is left to hold for.

    Args:
        templates: of all workloads.
        workloads: that are gone.
        services: namespaces and names of Services that are.
        root: namespace whose objects hold for all.
    """

    def __init__(
        self, templates: Templates, workloads: Collection[WorkloadRef], services: Collection[tuple[str, str]], root: str
    ) -> None:
        self._templates, self._workloads, self._services, self._root = templates, workloads, services, root

    def gone(self, tree: Tree) -> bool:
        """Whether an object holds for those who are gone, and for nobody else."""
        kind, space, name = key_of(tree)
        spec = as_dict(tree.get("spec"))
        targets = [*as_dicts(spec.get("targetRefs")), *as_dicts([spec.get("targetRef")])]
        if targets:
            return all(self._target(each, space) for each in targets)
        if kind in _HOSTS:
            return self._all_hosts(spec.get(_HOSTS[kind]), space)
        if kind == _SCALER:
            target = as_dict(spec.get("scaleTargetRef"))
            return WorkloadRef(space, str(target.get("kind")), str(target.get("name"))) in self._workloads
        if kind == _WRITTEN:
            return (space, name) in self._services
        if kind == _SLICE:
            labels = as_dict(as_dict(tree.get("metadata")).get("labels"))
            return (space, labels.get(_OF_SERVICE)) in self._services
        return kind in _BY_LABELS and space != self._root and self._selects(as_dict(spec.get(_BY_LABELS[kind])), space)

    def _target(self, target: Tree, space: str) -> bool:
        own = (str(target.get("namespace") or space), str(target.get("name")))
        return target.get("kind") == SERVICE and own in self._services

    def _all_hosts(self, hosts: object, space: str) -> bool:
        listed = [hosts] if isinstance(hosts, str) else list(as_strings(hosts))
        return bool(listed) and all(_service(each, space) in self._services for each in listed)

    def _selects(self, selector: Tree, space: str) -> bool:
        """By labels alone: what else selects may mean anybody."""
        labels = selector.get("matchLabels", selector.get("labels"))
        if not isinstance(labels, dict) or len(selector) != 1:
            return False
        found = self._templates.selected(space, labels)
        return bool(found) and found <= frozenset(self._workloads)


def _service(host: str, space: str) -> tuple[str, str] | None:
    """What a host names; None for what is no Service's."""
    found: list[tuple[str, str]] = []

    def visit(place: Place) -> str:
        found.extend([(place.space, place.text)] if place.what is Is.NAME else [])
        return place.text

    mapped({"host": host}, space, visit)
    return found[0] if found else None


def left_out(objects: Iterable[Tree], attachments: Attachments, own: Collection[Key]) -> frozenset[Key]:
    """Names of objects that go: those of workloads that are gone, and what held for them alone."""
    return frozenset(key for tree in objects if (key := key_of(tree)) in own or attachments.gone(tree))
