"""Workloads with what is theirs alone: account, Services, labels. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from sidestep.model.kinds import KINDS
from sidestep.model.metadata import DEFAULT_NAMESPACE, WorkloadRef
from sidestep.rehearse.shapes.places import Tree
from sidestep.rehearse.shapes.telling import Telling
from sidestep.semantics.loose import as_dict
from sidestep.semantics.loose import labels_of as labels_of_tree

_TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Rollout", "ReplicaSet"})
_MERGED = frozenset({"Deployment", "StatefulSet"})
_IN_NAMESPACES = frozenset(kind.name for kind in KINDS if kind.namespaced)
SERVICE, ACCOUNT = "Service", "ServiceAccount"
Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""


class Member(Struct, frozen=True):
    """A workload that others may stand for.

    Attributes:
        ref: its name.
        labels: of its pods, as far as something may select by them.
        services: that lead to it alone, in order.
        account: that it alone runs as; empty for one that it shares.
    """

    ref: WorkloadRef
    labels: Mapping[str, str]
    services: tuple[str, ...]
    account: str

    @property
    def names(self) -> tuple[str, ...]:
        """Its own, its account's and its Services', each in its place."""
        return (self.ref.name, self.account, *self.services)

    @property
    def objects(self) -> tuple[Key, ...]:
        """That are its own whatever others say."""
        space = self.ref.namespace
        account = [(ACCOUNT, space, self.account)] if self.account else []
        return ((self.ref.kind, space, self.ref.name), *account, *((SERVICE, space, name) for name in self.services))


def key_of(tree: Tree) -> Key:
    """What names an object, but for its version; one that says no namespace is where such are applied."""
    meta, kind = as_dict(tree.get("metadata")), str(tree.get("kind", ""))
    space = DEFAULT_NAMESPACE if kind in _IN_NAMESPACES else ""
    return kind, str(meta.get("namespace") or space), str(meta.get("name", ""))


class Templates:
    """All that pods are made of, with who is selected by what.

    Args:
        objects: of a mesh.
    """

    def __init__(self, objects: Iterable[Tree]) -> None:
        self.labels: dict[WorkloadRef, dict[str, str]] = {}
        self._accounts: dict[WorkloadRef, str] = {}
        self._by_space: dict[str, list[WorkloadRef]] = {}
        for tree in objects:
            self._add(tree)

    def _add(self, tree: Tree) -> None:
        kind, space, name = key_of(tree)
        spec = as_dict(tree.get("spec"))
        if kind == "CronJob":
            spec = as_dict(as_dict(spec.get("jobTemplate")).get("spec"))
        template = tree if kind == "Pod" else as_dict(spec.get("template"))
        if kind not in _TEMPLATED and kind != "Pod":
            return
        ref = WorkloadRef(space, kind, name)
        self.labels[ref] = labels_of_tree(template)
        pod = as_dict(template.get("spec"))
        self._accounts[ref] = str(pod.get("serviceAccountName") or pod.get("serviceAccount") or "default")
        self._by_space.setdefault(space, []).append(ref)

    def selected(self, space: str, labels: Mapping[str, str]) -> frozenset[WorkloadRef]:
        """Who has all of some labels; nobody by none."""
        return frozenset(
            ref for ref in self._by_space.get(space, ()) if labels and labels.items() <= self.labels[ref].items()
        )

    def account(self, ref: WorkloadRef) -> str:
        """Whose name its pods run under."""
        return self._accounts[ref]

    def alone(self, ref: WorkloadRef) -> bool:
        """Whether nobody else of the namespace runs under the same name."""
        return Counter(self._accounts[each] for each in self._by_space[ref.namespace])[self._accounts[ref]] == 1


def members(objects: Iterable[Tree], telling: Telling) -> tuple[Member, ...]:
    """Workloads that may be merged at all, in order."""
    listed = list(objects)
    templates = Templates(listed)
    services: dict[WorkloadRef, list[str]] = {}
    for tree in listed:
        kind, space, name = key_of(tree)
        if kind == SERVICE:
            behind = templates.selected(space, selector_of(tree))
            for ref in behind if len(behind) == 1 else ():
                services.setdefault(ref, []).append(name)
    return tuple(
        Member(
            ref,
            telling.labels(templates.labels[ref]),
            tuple(sorted(services.get(ref, ()))),
            account if templates.alone(ref) and (account := templates.account(ref)) != "default" else "",
        )
        for ref in sorted(templates.labels)
        if ref.kind in _MERGED
    )


def selector_of(tree: Tree) -> dict[str, str]:
    """Labels by which a Service finds its pods."""
    found = as_dict(as_dict(tree.get("spec")).get("selector"))
    return {key: value for key, value in found.items() if isinstance(value, str)}
