"""One address for each class into which ranges of addresses cut all addresses."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

_ELSEWHERE = {4: int(IPv4Address("203.0.113.7")), 6: int(IPv6Address("2001:db8::7"))}
_LARGEST = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


def representatives(blocks: Iterable[str]) -> tuple[str, ...]:
    """An address of each combination of ranges, by family; the first is of none, if there is one.

    Args:
        blocks: ranges in CIDR notation, as `is_cidr` takes them.
    """
    return _representatives(frozenset(blocks))


@lru_cache(maxsize=4096)
def _representatives(blocks: frozenset[str]) -> tuple[str, ...]:
    networks = [ip_network(block, strict=False) for block in sorted(blocks)]
    found: list[str] = []
    for version in (4, 6):
        own = [network for network in networks if network.version == version]
        if own or version == 4:
            found += [_written(version, number) for number in _numbers(own, version)]
    return tuple(found)


def _numbers(networks: list[IPv4Network | IPv6Network], version: int) -> list[int]:
    """Where ranges begin and where they have ended, a usual address first, as far as they are in other ranges."""
    bounds = [(int(each.network_address), int(each.broadcast_address)) for each in networks]
    ends = sorted({0, *(first for first, _ in bounds), *(last + 1 for _, last in bounds)})
    found: dict[frozenset[int], int] = {}
    for number in (_ELSEWHERE[version], *ends):
        if number <= _LARGEST[version]:
            taken = frozenset(place for place, (first, last) in enumerate(bounds) if first <= number <= last)
            found.setdefault(taken, number)
    return sorted(found.values(), key=lambda each: (each != found.get(frozenset()), each))


def _written(version: int, number: int) -> str:
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))
