"""A long wire between zones: what is sent into it comes back after a while, or is lost.

The kernel's own delay (netem) is missing in many a kernel (lab.md §7). The fabric routes what crosses zones into one
end of a link; this process holds the other end, and gives back each frame as it came, segments that are still to be
cut included, when its time has come. Run as `python -m sidestep.lab.net.wire SECONDS LOSS`, in the fabric's namespace.
"""

import random
import select
import socket
import sys
import time
from collections import deque

from sidestep.lab.net.netlink import Netlink, Peer, Request, Route, marked, neighbour, route, silent, up, veth
from sidestep.lab.net.zones import WIRED_MARK

_NEAR, _FAR = "wire", "wire-far"
_NEAR_INDEX, _FAR_INDEX = 3, 4
_TABLE, _PRIORITY = 200, 1000
_NEAR_MAC, _FAR_MAC = bytes.fromhex("02ff00000002"), bytes.fromhex("02ff00000003")
_SOL_PACKET, _VIRTIO_HEADER, _IGNORE_OUTGOING = 263, 15, 23
_EVERYTHING = 0x0003
_LONGEST = 1 << 17
_BUFFER = 1 << 24


def lay(line: Netlink, fabric: int) -> None:
    """Make the wire, and route into it what is marked for it.

    Args:
        line: to the fabric's namespace.
        fabric: the namespace itself, by descriptor.
    """
    next_hops = (("169.254.1.2", socket.AF_INET), ("fe80::2", socket.AF_INET6))
    requests: list[Request] = [
        veth(_NEAR, _NEAR_INDEX, _NEAR_MAC, Peer(_FAR, _FAR_INDEX, _FAR_MAC, fabric)),
        *(each for index in (_NEAR_INDEX, _FAR_INDEX) for each in (silent(index), up(index))),
    ]
    for hop, family in next_hops:
        requests += [
            neighbour(_NEAR_INDEX, hop, _NEAR_MAC),
            route(Route("", _NEAR_INDEX, via=hop, table=_TABLE, family=family)),
            marked(WIRED_MARK, 0xFFF, _TABLE, family, _PRIORITY),
        ]
    line.send(requests)


def carry(delay: float, loss: float) -> None:
    """Give back every frame after a while; does not return.

    Args:
        delay: seconds.
        loss: the share of frames that are lost.
    """
    end = _far_end()
    chance = random.Random()  # noqa: S311 - weather, no secret
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([end], [], [], pause)[0]:
            frame = end.recv(_LONGEST)
            if chance.random() >= loss:
                waiting.append((time.monotonic() + delay, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _given_back(end, waiting.popleft()[1])


def _far_end() -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    end.setsockopt(_SOL_PACKET, _VIRTIO_HEADER, 1)
    end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    end.bind((_FAR, _EVERYTHING))
    return end


def _given_back(end: socket.socket, frame: bytes) -> None:
    try:
        end.sendto(frame, (_FAR, 0))
    except OSError:
        return  # a frame that the kernel does not take is lost, as on any wire


if __name__ == "__main__":
    carry(float(sys.argv[1]), float(sys.argv[2]))
