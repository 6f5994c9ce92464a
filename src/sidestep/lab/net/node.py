"""A node: a router that pods hang on, with a part of its own in services and probes."""

from collections.abc import Sequence
from pathlib import Path

from sidestep.errors import UsageError
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.services import Backend
from sidestep.lab.net.links import FIRST_LINK, reach
from sidestep.lab.net.namespaces import create, inside, write_settings
from sidestep.lab.net.netlink import Netlink, delete
from sidestep.lab.net.nft import Nft
from sidestep.lab.net.places import linked
from sidestep.lab.net.pod import PodNet, furnish
from sidestep.lab.net.probes import Probes
from sidestep.lab.net.services import Services

ROUTER = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}
"""Settings of a namespace that passes packets on."""


class Node:
    """A node: a router with pods, and processes of its own.

    Args:
        name: of the node.
        address: its own.
        zone: where it stands.
        folder: where namespaces get paths.
        pod_settings: which settings a new pod lacks.
    """

    def __init__(self, name: str, address: Pair, zone: str, folder: Path, pod_settings: dict[str, str]) -> None:
        self.name, self.address, self.zone = name, address, zone
        self.namespace = create()
        with inside(self.namespace):
            write_settings(ROUTER)
            self.line = Netlink()
        self.path = linked(folder, f"node-{name}", self.namespace)
        self._folder = folder
        self.pods: dict[str, PodNet] = {}
        self._pod_settings = pod_settings
        nft = Nft(self.namespace)
        self._probes = Probes(nft)
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
        namespace = create()
        try:
            furnish(namespace, address, self._pod_settings, number, self.namespace.fd)
            self.line.send(reach(number, address, self.address))
        except BaseException:
            namespace.close()
            raise
        path = linked(self._folder, uid, namespace)
        self._links[uid] = number
        pod = self.pods[uid] = PodNet(uid, address, namespace, path, self._probes.set)
        return pod

    def remove_pod(self, uid: str) -> None:
        """A pod is gone: nothing reaches it any more, even if somebody still holds its namespace.

        Raises:
            UsageError: there is no such pod.
        """
        pod = self.pods.pop(uid, None)
        if pod is None:
            raise UsageError(f"there is no pod {uid} on node {self.name}")
        self.line.send([delete(self._links.pop(uid))])
        self._probes.set(pod.address, False)
        Path(pod.path).unlink(missing_ok=True)
        pod.namespace.close()

    def set_services(self, table: Sequence[Backend]) -> None:
        """Send what is dialled at services' addresses to their endpoints, for whoever is not captured."""
        self._services.set(table)
