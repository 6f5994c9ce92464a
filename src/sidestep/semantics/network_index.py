"""NetworkPolicies of a mesh, found by the pods that they restrict."""

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.apps import NetworkPolicy
from sidestep.semantics.by_selector import BySelector
from sidestep.semantics.network_policies import restricts_egress, restricts_ingress
from sidestep.semantics.selectors import selects

_Policies = BySelector[Resource[NetworkPolicy]]


class NetworkRules(Struct, frozen=True):
    """The NetworkPolicies of one namespace.

    Attributes:
        ingress: those about what pods receive.
        egress: those about what pods send.
        unread: one that could not be read: it may be about any pod, and nobody knows what it admits.
    """

    ingress: _Policies
    egress: _Policies
    unread: ObjectId | None = None

    def received(self, labels: Labels) -> list[Resource[NetworkPolicy]]:
        """Those that restrict what pods with these labels receive."""
        return _selecting(self.ingress, labels)

    def sent(self, labels: Labels) -> list[Resource[NetworkPolicy]]:
        """Those that restrict what pods with these labels send."""
        return _selecting(self.egress, labels)


class NetworkIndex(Struct, frozen=True, dict=True):
    """The NetworkPolicies of a mesh by namespace."""

    mesh: Mesh

    def rules(self, namespace: str) -> NetworkRules | None:
        """Those of a namespace; None where it has none, and for who is in no namespace."""
        if namespace not in self._known:
            self._known[namespace] = self._rules(namespace) if namespace else None
        return self._known[namespace]

    def _rules(self, namespace: str) -> NetworkRules | None:
        read = self.mesh.in_namespace(NETWORK_POLICY, namespace)
        unread = (each.id for each in self.mesh.unreadable(NETWORK_POLICY) if each.meta.namespace in ("", namespace))
        broken = next(unread, None)
        if not read and broken is None:
            return None
        return NetworkRules(
            _by_selector(each for each in read if restricts_ingress(each.view)),
            _by_selector(each for each in read if restricts_egress(each.view)),
            broken,
        )

    @cached_property
    def _known(self) -> dict[str, NetworkRules | None]:
        return {}


def _by_selector(policies: Iterable[Resource[NetworkPolicy]]) -> _Policies:
    return BySelector(tuple(policies), _match_labels)


def _match_labels(policy: Resource[NetworkPolicy]) -> Labels | None:
    return policy.view.spec.pod_selector.match_labels


def _selecting(policies: _Policies, labels: Labels) -> list[Resource[NetworkPolicy]]:
    return [each for each in policies.taking(labels) if selects(each.view.spec.pod_selector, labels)]
