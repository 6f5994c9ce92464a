"""DestinationRules: which of them speaks about a host to a client, and what the merged rule says.

Source: pilot/pkg/model/destination_rule.go (rules of one host in one namespace are merged: subsets add up, the first
policy wins, different exports stay apart) and push_context.go (destinationRule): the client's namespace, then the
service's, then the root namespace, each by the most specific host.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import DESTINATION_RULE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.routing.age import created
from sidestep.semantics.routing.by_host import ByHost
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.hosts import Host, full_name
from sidestep.semantics.trees import MalformedError, mapping, mappings, strings, text

_OWN = "."
_PUBLIC = "*"
_NOBODY: frozenset[str] = frozenset()


class Subset(Struct, frozen=True):
    """Pods of a service that are addressed apart.

    Attributes:
        labels: that they carry.
        policy: the raw `trafficPolicy`.
        object: the DestinationRule that defines it.
    """

    labels: Labels
    policy: Mapping[str, Any]
    object: ObjectId


class MergedRule(Struct, frozen=True):
    """What the DestinationRules of one host in one namespace say together.

    Attributes:
        namespace: of all of them.
        exported: as written, `.` for the own namespace; empty for the mesh's default.
        selector: of the clients' pods; None for all clients.
        policy: the raw `trafficPolicy`.
        object: what says the policy, or else the first of them.
        subsets: by name.
        broken: why it cannot be told.
    """

    namespace: str
    exported: frozenset[str]
    selector: Labels | None
    policy: Mapping[str, Any] | None
    object: ObjectId
    subsets: Mapping[str, Subset] = {}
    broken: str = ""


class _Pool:
    """Rules merged by namespace and host."""

    def __init__(self) -> None:
        self._merged: dict[tuple[str, str], list[MergedRule]] = {}

    def add(self, host: str, rule: MergedRule) -> None:
        _merge(self._merged.setdefault((rule.namespace, host), []), rule)

    def by_namespace(self) -> dict[str, ByHost[MergedRule]]:
        found: dict[str, ByHost[MergedRule]] = {}
        for (namespace, host), rules in self._merged.items():
            for rule in rules:
                found.setdefault(namespace, ByHost()).add(host, rule)
        return found

    def namespaces(self) -> ByHost[str]:
        """Namespaces that have rules, by host."""
        found: ByHost[str] = ByHost()
        for namespace, host in self._merged:
            found.add(host, namespace)
        return found


class DestinationRules:
    """All DestinationRules of a mesh, by namespace and host.

    Attributes:
        unreadable: why it cannot be told which hosts one of them is about.
        selective: some count only for clients with certain labels.
    """

    def __init__(self, mesh: Mesh, defaults: MeshDefaults, root: str) -> None:
        self._root = root
        self._default_private = _OWN in defaults.destination_rule_export_to
        self.unreadable = ""
        self.selective = False
        self._all_public = True
        self._fill(_parsed(resource, defaults.domain) for resource in sorted(mesh.of(DESTINATION_RULE), key=_order))

    def _fill(self, parsed: Iterable[tuple[str, MergedRule]]) -> None:
        local, exported, root_local = _Pool(), _Pool(), _Pool()
        for host, rule in parsed:
            self.selective = self.selective or rule.selector is not None
            if not host:
                self.unreadable = self.unreadable or rule.broken
            if not rule.exported or rule.exported & {_PUBLIC, _OWN, rule.namespace}:
                local.add(host, rule)
            if not self._is_private(rule):
                exported.add(host, rule)
                self._all_public = self._all_public and (not rule.exported or _PUBLIC in rule.exported)
            elif rule.namespace == self._root:
                root_local.add(host, rule)
        self._local, self._exported = local.by_namespace(), exported.by_namespace()
        self._local_to: ByHost[str] = local.namespaces()
        self._root_local = root_local.by_namespace().get(self._root, ByHost())

    def _is_private(self, rule: MergedRule) -> bool:
        if not rule.exported:
            return self._default_private
        return len(rule.exported) == 1 and bool(rule.exported & {_OWN, rule.namespace})

    def speak_apart_to(self, namespace: str) -> bool:
        """Whether clients of a namespace may see other rules than those of namespaces without any of their own."""
        return not self._all_public or namespace == self._root or namespace in self._local

    def speak_apart_about(self, host: Host) -> frozenset[str]:
        """Namespaces whose clients may see other rules for a host than clients elsewhere."""
        seen = (self._exported[owner] for owner in (host.namespace, self._root) if owner in self._exported)
        named = (rule.exported for held in seen for rule in held.most_specific(host.name))
        return frozenset((self._root, *self._local_to.meeting(host.name))).union(*named)

    def speaking(self, namespace: str, host: Host) -> list[MergedRule]:
        """The rules for a host that clients of a namespace see; several where selectors or exports differ."""
        own = self._root_local if namespace == self._root else self._local.get(namespace)
        found = own.most_specific(host.name) if own is not None else []
        return found or self._seen(host.namespace, host.name, namespace) or self._seen(self._root, host.name, namespace)

    def _seen(self, owner: str, host: str, client: str) -> list[MergedRule]:
        held = self._exported.get(owner)
        rules = held.most_specific(host) if held is not None else []
        return [rule for rule in rules if not rule.exported or rule.exported & {_PUBLIC, client}]


def chosen(rules: list[MergedRule], namespace: str, labels: Labels | None) -> MergedRule | None:
    """The rule for one proxy: one that selects it, or else the last that selects nobody; None for none.

    A proxy whose labels are not known gets a rule that says so as soon as one selects by labels.
    """
    general = None
    for rule in rules:
        if rule.selector is None:
            general = rule
        elif rule.namespace == namespace and labels is None:
            return replace(rule, broken=f"{rule.object}: selects by labels, and those of the proxy are not known")
        elif rule.namespace == namespace and _selects(rule.selector, labels or {}):
            return rule
    return general


def without_selection(rules: list[MergedRule]) -> MergedRule | None:
    """The rule for proxies that no selector counts for: the last that selects nobody."""
    return next((rule for rule in reversed(rules) if rule.selector is None), None)


def _selects(selector: Labels, labels: Labels) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _order(resource: Resource[Spec]) -> tuple[bool, str, str, str]:
    """Rules with a selector first, then the oldest."""
    spec, meta = resource.view.spec or {}, resource.meta
    return spec.get("workloadSelector") is None, created(meta), meta.name, meta.namespace


def _parsed(resource: Resource[Spec], domain: str) -> tuple[str, MergedRule]:
    spec, meta = resource.view.spec or {}, resource.meta
    rule = MergedRule(meta.namespace, _NOBODY, None, None, resource.id)
    host = ""
    try:
        host = full_name(text(spec.get("host"), "host"), meta.namespace, domain)
        return host, _read(rule, spec)
    except MalformedError as error:
        return host, replace(rule, broken=f"{resource.id}: {error}")


def _read(rule: MergedRule, spec: Mapping[str, Any]) -> MergedRule:
    selector = None
    exported = frozenset(strings(spec.get("exportTo"), "exportTo"))
    if spec.get("workloadSelector") is not None:
        labels = mapping(spec["workloadSelector"], "workloadSelector").get("matchLabels")
        selector = _labels(labels, "workloadSelector.matchLabels")
        exported = frozenset({_OWN})
    policy = spec.get("trafficPolicy")
    subsets: dict[str, Subset] = {}
    for at, each in enumerate(mappings(spec.get("subsets"), "subsets")):
        where = f"subsets[{at}]"
        own = mapping(each.get("trafficPolicy"), f"{where}.trafficPolicy")
        subset = Subset(_labels(each.get("labels"), f"{where}.labels"), own, rule.object)
        subsets.setdefault(text(each.get("name"), f"{where}.name"), subset)
    return MergedRule(
        rule.namespace,
        exported,
        selector,
        None if policy is None else mapping(policy, "trafficPolicy"),
        rule.object,
        subsets,
    )


def _labels(value: object, field: str) -> Labels:
    return {str(key): text(each, f"{field}.{key}") for key, each in mapping(value, field).items()}


def _merge(rules: list[MergedRule], new: MergedRule) -> None:
    """Add a rule to those of its host: into each that has its exports and selector, or beside them."""
    apart = True
    for at, old in enumerate(rules):
        if not _mergeable(old, new):
            continue
        if old.selector is not None and new.selector is not None and old.selector != new.selector:
            apart = True
            continue
        apart = old.exported != new.exported and old.selector != new.selector
        rules[at] = _joined(old, new)
    if apart:
        rules.append(new)


def _mergeable(old: MergedRule, new: MergedRule) -> bool:
    """Rules of other exports stay apart, unless the new one is exported to everyone whom the old one is."""
    return old.exported == new.exported or (bool(old.exported) and new.exported >= old.exported)


def _joined(old: MergedRule, new: MergedRule) -> MergedRule:
    adopted = old.policy is None and new.policy is not None
    return replace(
        old,
        policy=new.policy if adopted else old.policy,
        object=new.object if adopted else old.object,
        subsets={**new.subsets, **old.subsets},
        broken=old.broken or new.broken,
    )


Speaker = Callable[[Host], MergedRule | None]
"""What DestinationRules say about a host to one proxy."""
