"""A node: a router that pods hang on, with a part of its own in services and probes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sidestep.errors import UsageError
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.services import Backend
from sidestep.lab.net.links import FIRST_LINK, leave, nobody, reach
from sidestep.lab.net.namespaces import Namespace, create, descriptors, inside, write_settings
from sidestep.lab.net.netlink import Netlink
from sidestep.lab.net.nft import Nft, Resting
from sidestep.lab.net.places import linked
from sidestep.lab.net.pod import AtNode, PodNet, furnish
from sidestep.lab.net.probes import Probes
from sidestep.lab.net.services import Services

ROUTER = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}
"""Settings of a namespace that passes packets on."""


_SOURCES = """table inet sources {
 chain arriving {
  type filter hook prerouting priority -300; policy accept;
  fib saddr . iif oif missing drop
 }
}
"""
"""What comes from where its sender is not is dropped: also what a pod still sends that is gone for all others."""


class Ground(NamedTuple):
    """What all nodes stand on.

    Attributes:
        folder: where namespaces get paths.
        pod_settings: which settings a new pod lacks.
        resting: closes lines to the kernel when that takes no time.
    """

    folder: Path
    pod_settings: dict[str, str]
    resting: Resting


class Node:
    """A node: a router with pods, and processes of its own.

    Args:
        name: of the node.
        address: its own.
        zone: where it stands.
        pods: networks of its pods.
        ground: what all nodes stand on.
    """

    def __init__(self, name: str, address: Pair, zone: str, pods: tuple[str, str], ground: Ground) -> None:
        self.name, self.address, self.zone = name, address, zone
        self.namespace = create()
        with inside(self.namespace):
            write_settings(ROUTER)
            self.line = Netlink()
            self.line.send(nobody(pods))
        self.path = linked(ground.folder, f"node-{name}", self.namespace)
        self._ground = ground
        self.pods: dict[str, PodNet] = {}
        nft = Nft(self.namespace)
        nft.run(_SOURCES)
        self._probes = Probes(nft)
        self._for_pods = AtNode(self._probes.set, self._probes.expect, ground.resting)
        self._services = Services(nft, address)
        self._links: dict[str, int] = {}
        self._last = FIRST_LINK

    def add_pod(self, uid: str, address: Pair) -> PodNet:
        """A pod's namespace, linked to the node; not captured, and tracked from its first packet.

        Raises:
            UsageError: there is such a pod already, or the kernel refuses.
        """
        if uid in self.pods:
            raise UsageError(f"there is a pod {uid} on node {self.name} already")
        self._last += 1
        number = self._last
        with descriptors():
            namespace = self._furnished(number, address)
        path = linked(self._ground.folder, uid, namespace)
        self._links[uid] = number
        pod = self.pods[uid] = PodNet(uid, address, namespace, path, self._for_pods)
        return pod

    def _furnished(self, number: int, address: Pair) -> Namespace:
        namespace = create()
        try:
            furnish(namespace, address, self._ground.pod_settings, number, self.namespace.fd)
            self.line.send(reach(number, address, self.address))
        except BaseException:
            namespace.close()
            raise
        return namespace

    def remove_pod(self, uid: str) -> None:
        """A pod is gone: nothing reaches it any more, even if somebody still holds its namespace.

        Raises:
            UsageError: there is no such pod.
        """
        pod = self.pods.pop(uid, None)
        if pod is None:
            raise UsageError(f"there is no pod {uid} on node {self.name}")
        self.line.send(leave(self._links.pop(uid), pod.address, self.address))
        self._ground.resting.end(pod.namespace)
        self._probes.set(pod.address, False)
        Path(pod.path).unlink(missing_ok=True)
        pod.namespace.close()

    def set_services(self, table: Sequence[Backend]) -> None:
        """Send what is dialled at services' addresses to their endpoints, for whoever is not captured."""
        self._services.follow(table)
