"""Zones: what crosses from one to another is counted, and may be sent through the wire, which delays it.

A chain for each pair of zones, found by the link on which a packet comes and the network to which it goes.
"""

import re
from collections.abc import Sequence

from sidestep.lab.net.nft import Nft

WIRED_MARK = 1
"""On packets that are to take the wire."""
_TABLE = """table inet zones {
 map from {
  type ifname : verdict
 }
 chain arriving {
  type filter hook prerouting priority -150; policy accept;
  iifname vmap @from
 }
}
"""
_COUNTER = re.compile(r"counter from(\d+)to(\d+) \{\s*packets \d+ bytes (\d+)")


class Zones:
    """The zones of a fabric.

    Args:
        nft: the fabric's tables.
        wired: whether what crosses takes the wire.
    """

    def __init__(self, nft: Nft, *, wired: bool) -> None:
        self._nft, self._wired = nft, wired
        self._names: list[str] = []
        self._networks: list[list[str]] = []
        nft.run(_TABLE)

    def add(self, link: str, zone: str, networks: Sequence[str]) -> None:
        """A node stands in a zone; one without zone crosses nothing.

        Args:
            link: on which it hangs.
            zone: where it stands.
            networks: its own addresses and its pods'.
        """
        if not zone:
            return
        if zone not in self._names:
            self._found(zone)
        here = self._names.index(zone)
        self._networks[here] += networks
        commands = [_leads(there, here, networks) for there in range(len(self._names)) if there != here]
        commands.append(f'add element inet zones from {{ "{link}" : jump from{here} }}')
        self._nft.run("\n".join(commands) + "\n")

    def crossed(self) -> dict[tuple[str, str], int]:
        """Bytes that went from one zone to another until now."""
        told = self._nft.run("list counters table inet zones\n")
        found = ((int(one), int(other), int(count)) for one, other, count in _COUNTER.findall(told))
        return {(self._names[one], self._names[other]): count for one, other, count in found}

    def _found(self, zone: str) -> None:
        """Chains and maps for a zone's first node; elements follow, for they find no chain of the same transaction."""
        new = len(self._names)
        self._names.append(zone)
        self._networks.append([])
        commands = [
            f"add map inet zones to{new}v4 {{ type ipv4_addr : verdict; flags interval; }}",
            f"add map inet zones to{new}v6 {{ type ipv6_addr : verdict; flags interval; }}",
            f"add chain inet zones from{new}",
            f"add rule inet zones from{new} ip daddr vmap @to{new}v4",
            f"add rule inet zones from{new} ip6 daddr vmap @to{new}v6",
        ]
        for old in range(new):
            commands += [*self._pair(old, new), *self._pair(new, old)]
        self._nft.run("\n".join(commands) + "\n")
        self._nft.run("".join(f"{_leads(new, old, self._networks[old])}\n" for old in range(new)))

    def _pair(self, one: int, other: int) -> list[str]:
        name = f"from{one}to{other}"
        mark = f" meta mark set {WIRED_MARK}" if self._wired else ""
        return [
            f"add counter inet zones {name}",
            f"add chain inet zones {name}",
            f"add rule inet zones {name} counter name {name}{mark}",
        ]


def _leads(one: int, other: int, networks: Sequence[str]) -> str:
    """Which networks lie in the other zone, as seen from the one."""
    return "\n".join(
        f"add element inet zones to{one}v{6 if ':' in each else 4} {{ {each} : goto from{one}to{other} }}"
        for each in networks
    )
