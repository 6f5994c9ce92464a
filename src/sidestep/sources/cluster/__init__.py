"""The door for a live cluster: kubeconfig, credentials, discovery, paged lists. Only GET, and never Secrets."""

from sidestep.sources.cluster.kubeconfig import cluster_access
from sidestep.sources.cluster.source import ClusterSource

__all__ = ["ClusterSource", "cluster_access"]
