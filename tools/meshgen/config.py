"""What to generate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Config:
    """Size and flavour of a cluster.

    Attributes:
        nodes: worker nodes.
        pods: application pods, about; DaemonSets come on top, two per node.
        seed: the same seed gives the same cluster.
        oddities: plant one of everything that the audit finds.
        services: ordinary workloads, each with a Service, about; 0 for as many as pods suggest.
        policies: AuthorizationPolicies on single workloads, on top of those of namespaces.
    """

    nodes: int = 60
    pods: int = 1_700
    seed: int = 1
    oddities: bool = True
    services: int = 0
    policies: int = 0


REVISION = "1-29"
OLD_REVISION = "1-26"
TAG = "prod"
ISTIO_IMAGE = "docker.io/istio/proxyv2:1.29.2"
OLD_ISTIO_IMAGE = "docker.io/istio/proxyv2:1.26.0"
START = "2026-10-01T08:00:00Z"
"""When most pods started."""
CNI_START = "2026-09-15T08:00:00Z"
BEFORE_CNI = "2026-09-01T08:00:00Z"
"""When pods started that were there before istio-cni."""
