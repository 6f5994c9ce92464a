"""Policies about the wire that are no NetworkPolicies of Kubernetes: nobody here reads what they say.

Source: the APIs of Cilium, Calico, Antrea and OVN-Kubernetes, and Kubernetes' network-policy-api; istio-semantics.md
§6.1 (g), (l): in ambient everything between pods is TCP 15008.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource

UNJUDGED = "what it lets in and out is not judged, and in ambient all that is on the wire is TCP 15008"
_KINDS = {
    "cilium.io": ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"),
    "projectcalico.org": ("NetworkPolicy", "GlobalNetworkPolicy"),
    "crd.projectcalico.org": ("NetworkPolicy", "GlobalNetworkPolicy"),
    "policy.networking.k8s.io": ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"),
    "crd.antrea.io": ("NetworkPolicy", "ClusterNetworkPolicy"),
    "k8s.ovn.org": ("EgressFirewall",),
}
FOREIGN = tuple((group, kind) for group, kinds in _KINDS.items() for kind in kinds)
"""Groups and kinds."""


def foreign_policies(mesh: Mesh) -> Iterator[Resource[Any]]:
    """All of a mesh that were read."""
    for each in mesh.others:
        if (each.api_version.partition("/")[0], each.kind) in FOREIGN:
            yield each
