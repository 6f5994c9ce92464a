"""How a namespace hangs on another: one link, routed, with neighbours that both know for ever.

No bridge, which has room for a thousand; no question who has an address, for which the machine has room for a thousand
(lab.md §2). The next hop is a name for the hardware address at the other end; nobody has it as its own.
"""

import socket

from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.net.netlink import (
    LOOPBACK,
    Kind,
    Netlink,
    Peer,
    Request,
    Route,
    address,
    down,
    neighbour,
    no_route,
    route,
    silent,
    up,
    veth,
)

UPLINK = "eth0"
_UPLINK_INDEX = 2
FIRST_LINK = 10
"""Links of a router are numbered from here on; lower numbers are its own interfaces."""
_ROUTER_MAC = bytes.fromhex("02ff00000001")
_ROUTER = ("169.254.1.1", "fe80::1")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
LARGEST_SEGMENT = 65_475
"""What loopback takes in either family. A connection that redirection turns round does not leave, but is set up as if
it did, and would cut its bytes for the link. Who sends over the link is bound by the link, whatever we take."""


def hang(line: Netlink, mine: Pair, number: int, name: str, router: int) -> None:
    """Give a new namespace its one link, addresses and way out.

    Args:
        line: to the new namespace.
        mine: its addresses.
        number: of the link among those of the router; its interface index there.
        name: of the router's end.
        router: the router's namespace.
    """
    far = Peer(name, number, _ROUTER_MAC, router)
    own = [mine.ipv4, mine.ipv6]
    line.send(
        [
            up(LOOPBACK),
            veth(UPLINK, _UPLINK_INDEX, _mac(number), far),
            silent(_UPLINK_INDEX),
            up(_UPLINK_INDEX),
            *(address(_UPLINK_INDEX, each) for each in own),
            *(neighbour(_UPLINK_INDEX, each, _ROUTER_MAC) for each in _ROUTER),
            *(
                route(Route("", _UPLINK_INDEX, via=via, source=source, family=family, segment=LARGEST_SEGMENT))
                for via, source, family in zip(_ROUTER, own, _FAMILIES, strict=True)
            ),
        ]
    )


def reach(number: int, theirs: Pair, source: Pair | None, beyond: tuple[str, ...] = ()) -> list[Request]:
    """What the router needs to know of a namespace that hangs on it.

    Args:
        number: of the link.
        theirs: addresses at the other end.
        source: the router's own addresses, if it has any.
        beyond: networks that are reached through the other end.
    """
    return [
        silent(number),
        up(number),
        *(neighbour(number, each, _mac(number)) for each in (theirs.ipv4, theirs.ipv6)),
        *(route(each) for each in _ways(number, theirs, source)),
        *(route(Route(each, number, via=_next_hop(each, theirs))) for each in beyond),
    ]


def leave(number: int, theirs: Pair, source: Pair | None) -> list[Request]:
    """Nobody reaches that namespace any more. Its link goes with it, when nobody holds it.

    Deleting the link would wait for the kernel some 30 ms; namespaces that are let go it takes down by the hundred.
    """
    return [no_route(each) for each in _ways(number, theirs, source)]


def nobody(networks: tuple[str, ...]) -> list[Request]:
    """Addresses of these networks that no link has are refused, and do not wander between routers."""
    return [route(Route(each, 0, kind=Kind.NOBODY)) for each in networks]


def silence(number: int, networks: tuple[str, ...]) -> list[Request]:
    """A link is cut, and who was behind it answers nothing, as a machine that lost its power."""
    return [down(number), *(route(Route(each, 0, kind=Kind.SILENCE)) for each in networks)]


def _ways(number: int, theirs: Pair, source: Pair | None) -> list[Route]:
    own = (source.ipv4, source.ipv6) if source else ("", "")
    return [Route(to, number, source=each) for to, each in zip((theirs.ipv4, theirs.ipv6), own, strict=True)]


def _next_hop(network: str, theirs: Pair) -> str:
    return theirs.ipv6 if ":" in network else theirs.ipv4


def _mac(number: int) -> bytes:
    return b"\x02\x00" + number.to_bytes(4, "big")
