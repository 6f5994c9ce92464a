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
        self._expected: dict[Pair, None] = {}
        nft.run(_TABLE)

    def expect(self, pod: Pair) -> None:
        """Know that a pod is about to be captured: the kernel is told of those together of which it is told next."""
        self._expected[pod] = None

    def set(self, pod: Pair, captured: bool) -> None:
        """Whether TCP from the node to a pod is to come from the probes' address."""
        self._expected.pop(pod, None)
        if captured == (pod in self._captured):
            return
        pods = [pod]
        if captured:
            pods += (each for each in self._expected if each not in self._captured)
            self._expected.clear()
        verb = "add" if captured else "delete"
        four, six = (", ".join(each) for each in zip(*((each.ipv4, each.ipv6) for each in pods), strict=True))
        self._nft.run(
            f"{verb} element inet probes captured4 {{ {four} }}\n{verb} element inet probes captured6 {{ {six} }}\n"
        )
        self._captured ^= set(pods)
