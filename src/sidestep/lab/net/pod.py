"""A pod's network: its namespace, its link to the node, and whether its traffic is captured."""

import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.net import rules, sidecar_rules
from sidestep.lab.net.links import hang
from sidestep.lab.net.namespaces import Namespace, inside, write_settings
from sidestep.lab.net.netlink import LOOPBACK, Kind, Netlink, Route, address, marked, route
from sidestep.lab.net.nft import Nft, Resting
from sidestep.semantics.redirection import Redirection

SETTINGS = {
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/lo/rp_filter": "0",
    "ipv4/ip_unprivileged_port_start": "0",
    "ipv4/tcp_migrate_req": "1",
    "ipv4/tcp_fwmark_accept": "1",
    "ipv4/fwmark_reflect": "1",
    "ipv6/fwmark_reflect": "1",
}
"""What a pod needs: the proxy speaks to the application from the client's address, commands listen anywhere, who
waits to be accepted by a proxy that goes is accepted by the one that takes over, and who is accepted has the mark of
who dialled; so has what the kernel answers where nobody listens."""


class AtNode(NamedTuple):
    """What a node does for its pods.

    Attributes:
        probed: told whether probes are to come from the address that redirection lets pass.
        expected: told that they soon are.
        resting: closes lines to the kernel when that takes no time.
    """

    probed: Callable[[Pair, bool], None]
    expected: Callable[[Pair], None]
    resting: Resting


class PodNet:
    """A pod's network.

    Args:
        uid: of the pod.
        address: its addresses.
        namespace: its own.
        path: by which others enter the namespace.
        node: what its node does for it.
    """

    def __init__(self, uid: str, address: Pair, namespace: Namespace, path: str, node: AtNode) -> None:
        self.uid, self.address, self.namespace, self.path = uid, address, namespace, path
        self._node = node
        self._expected: list[str] = rules.redirections(dns=True, inbound=True)
        self._has_source = False

    def expect_capture(self) -> None:
        """Say that it will be captured, so that what the node does for that is done for many pods at once."""
        self._node.expected(self.address)

    def capture(self, dns: bool = True, inbound: bool = True) -> None:
        """Redirect new connections to the node's proxy, all at once; those that are open stay as they are.

        Where the proxy does not listen they are refused. Asked again, the same holds, or what is asked now.

        Args:
            dns: redirect questions for names as well.
            inbound: redirect what comes in as well (not so at ingress gateways).
        """
        self._node.probed(self.address, True)
        self._run(rules.capture(dns=dns, inbound=inbound))
        self._expected = rules.redirections(dns=dns, inbound=inbound)

    def redirect(self, what: Redirection, control_plane: Sequence[str], *, dns: bool) -> None:
        """Redirect new connections to a sidecar in the pod, whether or not it listens by now.

        Args:
            what: of the pod's connections.
            control_plane: its addresses, to which the sidecar itself speaks.
            dns: questions for names as well.
        """
        self._run(sidecar_rules.sidecar(what, control_plane, dns=dns))
        if not self._has_source:
            self._has_source = True
            with inside(self.namespace), Netlink() as line:
                line.send([address(LOOPBACK, sidecar_rules.OWN_SOURCES[1])])
        self._expected = sidecar_rules.redirections(what, dns=dns)

    def release(self) -> None:
        """Redirect no new connection; those that run through the proxy go on doing so."""
        self._run(rules.RELEASE)
        self._node.probed(self.address, False)

    def captured(self) -> bool:
        """Whether new connections are redirected, as the kernel has it, in whole and not in part."""
        told = self._run(rules.LIST)
        found = sorted(line.rpartition(" ")[2] for line in told.splitlines() if " redirect to " in line)
        return found == sorted(self._expected)

    def _run(self, commands: str) -> str:
        nft = Nft(self.namespace)
        try:
            return nft.run(commands)
        finally:
            self._node.resting.put(nft)


def furnish(namespace: Namespace, address: Pair, settings: dict[str, str], number: int, router: int) -> None:
    """Make a pod of a new namespace: link, routes, tracking of connections.

    Args:
        namespace: the new one.
        address: the pod's.
        settings: of `SETTINGS`, those that a new namespace lacks.
        number: of the link on its node.
        router: the node's namespace.
    """
    with inside(namespace):
        write_settings(settings)
        with Netlink() as line:
            hang(line, address, number, f"pod{number}", router)
            line.send(
                [
                    part
                    for family, everything in ((socket.AF_INET, "0.0.0.0/0"), (socket.AF_INET6, "::/0"))
                    for part in (
                        marked(rules.RETURN_MARK, rules.MARK_MASK, rules.RETURN_TABLE, family, rules.RETURN_PRIORITY),
                        route(Route(everything, LOOPBACK, table=rules.RETURN_TABLE, kind=Kind.LOCAL)),
                    )
                ]
            )
    with Nft(namespace) as nft:
        nft.run(rules.ALWAYS)
