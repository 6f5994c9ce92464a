"""Which of several addresses a connection uses: on every leg one of the IP family that was dialled."""

from collections.abc import Iterable


def is_ipv6(address: str) -> bool:
    """Of which family an address is."""
    return ":" in address


def alike(dialled: str, first: str, others: Iterable[str]) -> str:
    """The first address of the family of another; the very first where there is none, or nothing was dialled."""
    six = is_ipv6(dialled)
    if not dialled or is_ipv6(first) is six:
        return first
    return next((each for each in others if is_ipv6(each) is six), first)


def of_each_family(addresses: Iterable[str]) -> tuple[str, ...]:
    """The first of each."""
    found: dict[bool, str] = {}
    for each in addresses:
        found.setdefault(is_ipv6(each), each)
    return tuple(found.values())
