"""Whether pods are captured, asked of packets: labels, annotations and rules may say what they like.

Out: an address that nobody has is dialled from within the pod; only a proxy would accept that. In: a port at which
nothing listens is dialled from elsewhere, likewise.
"""

import asyncio
import socket
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.lab.net.namespaces import Namespace, inside

_NOBODY = "192.0.2.1"
"""An address for documentation (RFC 5737): no host has it."""
CLOSED = 9
"""A port at which nothing listens."""
_PATIENCE = 1.0


class Met(StrEnum):
    """Who took a connection that nobody should have taken."""

    PROXY = "proxy"
    NOBODY = "nobody"


class Subject(Struct, frozen=True):
    """A pod to look at.

    Attributes:
        name: of the pod.
        namespace: its network.
        address: its own.
        mode: how it takes part in the mesh.
        outbound: whether a proxy is to take what leaves it.
        inbound: likewise of what comes in.
    """

    name: str
    namespace: Namespace
    address: str
    mode: str
    outbound: bool
    inbound: bool


async def verify(subjects: Iterable[Subject], elsewhere: Namespace) -> list[dict[str, Any]]:
    """A row for each pod: what labels ask for, and who took connections out of it and into it.

    Args:
        subjects: the pods.
        elsewhere: a namespace that is no pod's node, to dial pods from.
    """
    return list(await asyncio.gather(*(_row(each, elsewhere) for each in subjects)))


async def _row(subject: Subject, elsewhere: Namespace) -> dict[str, Any]:
    out, into = await asyncio.gather(_dial(subject.namespace, _NOBODY), _dial(elsewhere, subject.address))
    expected = (_proxy(wanted=subject.outbound), _proxy(wanted=subject.inbound))
    return {
        "pod": subject.name,
        "mode": subject.mode,
        "wanted": subject.outbound,
        "outbound": out.value,
        "inbound": into.value,
        "captured": out is Met.PROXY and (into is Met.PROXY or not subject.inbound),
        "right": (out, into) == expected,
    }


def _proxy(*, wanted: bool) -> Met:
    return Met.PROXY if wanted else Met.NOBODY


async def _dial(namespace: Namespace, address: str) -> Met:
    with inside(namespace):
        dialled = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    dialled.setblocking(False)
    try:
        async with asyncio.timeout(_PATIENCE):
            await asyncio.get_running_loop().sock_connect(dialled, (address, CLOSED))
    except OSError:
        return Met.NOBODY
    finally:
        dialled.close()
    return Met.PROXY
