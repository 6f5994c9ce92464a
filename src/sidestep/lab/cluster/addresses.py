"""Addresses of the lab: every node, pod and service has one of each family, and gets it back to the pool late.

An address is used again only after all others of its pool were: what still speaks to a pod that is gone should rather
find nobody than somebody else.
"""

from collections import deque
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from msgspec import Struct

from sidestep.errors import WorldError

PODS = ("10.128.0.0/9", "fd00:10:128::/48")
SERVICES = ("10.96.0.0/16", "fd00:10:96::/112")
NODES = ("172.18.0.0/24", "fd00:172:18::/64")
OUTSIDE = ("203.0.113.0/24", "2001:db8:113::/64")
ENTRIES = ("240.240.0.0/16", "2001:2::/48")
"""What istiod gives to ServiceEntries that have no address (ztunnel.md §3.9)."""
DNS = "10.96.0.10"


_POD_BITS = (20, 64)


def pods_of(node: int) -> tuple[str, str]:
    """The pod networks of a node: room for 4,000 pods on each of 2,000 nodes."""
    four, six = (ip_network(each) for each in PODS)
    first = int(four.network_address) + (node << (32 - _POD_BITS[0]))
    second = int(six.network_address) + (node << (128 - _POD_BITS[1]))
    return f"{IPv4Address(first)}/{_POD_BITS[0]}", f"{IPv6Address(second)}/{_POD_BITS[1]}"


class Pair(Struct, frozen=True):
    """One address of each family."""

    ipv4: str
    ipv6: str


class Pool:
    """Addresses of a network pair, in order; those that came back last are used last."""

    def __init__(self, networks: tuple[str, str], name: str, first: int = 2) -> None:
        four, six = (ip_network(each) for each in networks)
        self._four, self._six = int(four.network_address), int(six.network_address)
        self._name, self._size = name, four.num_addresses - 1
        self._next = first
        self._back: deque[int] = deque()
        self._taken: set[int] = set()

    def take(self) -> Pair:
        """The next address.

        Raises:
            WorldError: none is left.
        """
        while self._next < self._size:
            number = self._next
            self._next += 1
            if number not in self._taken:
                return self._given(number)
        while self._back:
            number = self._back.popleft()
            if number not in self._taken:
                return self._given(number)
        raise WorldError(f"no address is left for {self._name}", remedy="delete some, or bring up a smaller mesh")

    def reserve(self, address: str) -> Pair | None:
        """A certain address, given by its IPv4; None when it is outside of the pool or taken."""
        try:
            number = int(IPv4Address(address)) - self._four
        except ValueError:
            return None
        return self._given(number) if 0 < number < self._size and number not in self._taken else None

    def give_back(self, ipv4: str) -> None:
        """An address that nobody has any more."""
        number = int(ip_address(ipv4)) - self._four
        if number in self._taken:
            self._taken.discard(number)
            self._back.append(number)

    def _given(self, number: int) -> Pair:
        self._taken.add(number)
        return Pair(str(IPv4Address(self._four + number)), str(IPv6Address(self._six + number)))
