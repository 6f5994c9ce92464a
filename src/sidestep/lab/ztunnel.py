"""Istio's own ztunnel as a node's proxy: how it is started and what it is told by its environment (ztunnel.md §8)."""

import os
import sys
from pathlib import Path

from msgspec import Struct

from sidestep.controlplane.registry.registry import MeshNames
from sidestep.errors import UsageError
from sidestep.lab.envoy import ControlPlane

REMEDY = "name a program: --node-proxy ztunnel=/usr/local/bin/ztunnel"
_ROOT_NAMESPACE = MeshNames().root_namespace


class Ztunnel(Struct, frozen=True):
    """A ztunnel to be started.

    Attributes:
        node: of which node it is.
        address: the node's.
        control_plane: whom it asks for everything.
        pods: socket at which it hears of pods.
        resolv: file with the name servers that it asks itself.
        trust_domain: of the mesh.
        threads: that carry connections.
    """

    node: str
    address: str
    control_plane: ControlPlane
    pods: Path
    resolv: str
    trust_domain: str = "cluster.local"
    threads: int = 2

    def command(self, program: Path) -> tuple[str, ...]:
        """Program and arguments."""
        return sys.executable, "-m", "sidestep.lab.enter", self.resolv, str(program), "proxy", "ztunnel"

    def environment(self) -> dict[str, str]:
        """What Istio's chart would give it, as far as it has a meaning here."""
        plane = self.control_plane
        return {
            "XDS_ADDRESS": f"https://{plane.address}",
            "CA_ADDRESS": f"https://{plane.address}",
            "XDS_ROOT_CA": str(plane.roots),
            "CA_ROOT_CA": str(plane.roots),
            "ALT_XDS_HOSTNAME": plane.name,
            "ALT_CA_HOSTNAME": plane.name,
            "AUTH_TOKEN": str(plane.token),
            "PROXY_MODE": "shared",
            "INPOD_UDS": str(self.pods),
            "NODE_NAME": self.node,
            "INSTANCE_IP": self.address,
            "POD_NAME": f"ztunnel-{self.node}",
            "POD_NAMESPACE": _ROOT_NAMESPACE,
            "SERVICE_ACCOUNT": "ztunnel",
            "TRUST_DOMAIN": self.trust_domain,
            "NETWORK": "",
            "CLUSTER_ID": "Kubernetes",
            "ISTIO_META_DNS_CAPTURE": "true",
            "ZTUNNEL_WORKER_THREADS": str(self.threads),
        }


def check(program: Path) -> None:
    """Whether there is such a program.

    Raises:
        UsageError: there is none.
    """
    if not program.is_file():
        raise UsageError("there is no such program", where=str(program), remedy=REMEDY)
    if not os.access(program, os.X_OK):
        raise UsageError("this file may not be run", where=str(program), remedy=f"chmod +x, or {REMEDY}")
