"""Probes from the node come from an address that redirection in a captured pod lets pass (ztunnel.md §1.5)."""

from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.net.nft import Nft
from sidestep.lab.net.rules import PROBE_IPV4, PROBE_IPV6

_TABLE = f"""table inet probes {{
 set captured4 {{
  type ipv4_addr
 }}
 set captured6 {{
  type ipv6_addr
 }}
 chain outgoing {{
  type nat hook postrouting priority 90; policy accept;
  fib saddr type local meta l4proto tcp ip daddr @captured4 snat ip to {PROBE_IPV4}
  fib saddr type local meta l4proto tcp ip6 daddr @captured6 snat ip6 to {PROBE_IPV6}
 }}
}}
"""


class Probes:
    """Which pods of a node are captured.

    Args:
        nft: the node's tables.
    """

    def __init__(self, nft: Nft) -> None:
        self._nft = nft
        self._captured: set[Pair] = set()
        nft.run(_TABLE)

    def set(self, pod: Pair, captured: bool) -> None:
        """Whether TCP from the node to a pod is to come from the probes' address."""
        if captured == (pod in self._captured):
            return
        verb = "add" if captured else "delete"
        self._nft.run(
            f"{verb} element inet probes captured4 {{ {pod.ipv4} }}\n"
            f"{verb} element inet probes captured6 {{ {pod.ipv6} }}\n"
        )
        self._captured ^= {pod}
