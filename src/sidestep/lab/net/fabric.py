"""The lab's network: nodes that hang on one fabric, and pods that hang on nodes."""

import sys
from pathlib import Path

from sidestep.errors import UsageError
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.net.interfaces import interfaces_up
from sidestep.lab.net.links import FIRST_LINK, hang, reach, silence
from sidestep.lab.net.namespaces import Namespace, differing, write_settings
from sidestep.lab.net.netlink import LOOPBACK, Netlink, up
from sidestep.lab.net.nft import Nft, Resting
from sidestep.lab.net.node import ROUTER, Ground, Node
from sidestep.lab.net.pod import SETTINGS as POD
from sidestep.lab.net.pod import PodNet
from sidestep.lab.net.wire import lay
from sidestep.lab.net.zones import Zones

__all__ = ["Address", "Fabric", "Node", "PodNet"]
Address = Pair


class Fabric:
    """The namespace in which it is made becomes what lies between nodes.

    Args:
        folder: where namespaces get paths, by names that are never used again.
        delay: seconds that packets take from one zone to another, each way.
        loss: the share of those that get lost.

    Attributes:
        wire: what is to be run, in this namespace, for packets to cross zones; nothing where they take no time.

    Raises:
        UsageError: the namespace is somebody's: routing would be changed there.
    """

    def __init__(self, folder: Path, delay: float = 0.0, loss: float = 0.0) -> None:
        _expect_unused()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.namespace = Namespace.current()
        self._ground = Ground(folder, {"ipv4/ip_unprivileged_port_start": "0", **differing(POD)}, Resting())
        write_settings(ROUTER)
        self._line = Netlink()
        self._line.send([up(LOOPBACK)])
        self.wire: tuple[str, ...] = ()
        if delay or loss:
            lay(self._line, self.namespace.fd)
            self.wire = (sys.executable, "-m", "sidestep.lab.net.wire", str(delay), str(loss))
        self._zones = Zones(Nft(self.namespace), wired=bool(self.wire))
        self._links = FIRST_LINK
        self.nodes: dict[str, Node] = {}
        self._behind: dict[str, tuple[int, tuple[str, str]]] = {}

    def add_node(self, name: str, address: Pair, pods: tuple[str, str], zone: str = "") -> Node:
        """A node's namespace, linked to the fabric.

        Args:
            name: of the node.
            address: its own.
            pods: networks of its pods, one of each family.
            zone: where it stands.

        Raises:
            UsageError: the name is taken, or the kernel refuses.
        """
        if name in self.nodes:
            raise UsageError(f"there is a node {name} already")
        self._links += 1
        node = Node(name, address, zone, pods, self._ground)
        hang(node.line, address, self._links, f"node{self._links}", self.namespace.fd)
        self._line.send(reach(self._links, address, None, pods))
        self._zones.add(f"node{self._links}", zone, (address.ipv4, address.ipv6, *pods))
        self.nodes[name] = node
        self._behind[name] = (self._links, pods)
        return node

    def lose(self, name: str) -> None:
        """A node is cut off: nothing comes from it, and nothing reaches it."""
        node = self.nodes.pop(name)
        number, networks = self._behind.pop(name)
        self._line.send(silence(number, (node.address.ipv4, node.address.ipv6, *networks)))

    def crossed(self) -> dict[tuple[str, str], int]:
        """Bytes that went from one zone to another until now, headers included."""
        return self._zones.crossed()


def _expect_unused() -> None:
    used = interfaces_up()
    if used:
        raise UsageError(
            f"the lab's network must be made in a namespace of its own, and here {', '.join(used)} works already",
            remedy="start through `sidestep lab`, which enters namespaces of its own first",
        )
