"""The server of measurements reads requests in whatever pieces they come, with bodies and without."""

import socket

import pytest

from sidestep.lab.bench import USUAL
from sidestep.lab.bench.server import Served

ASKED = b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"
SENT = b"POST /4 HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\n12\r\n\r"


def answered(*pieces):
    """Sizes of the answers to what comes in pieces."""
    near, far = socket.socketpair()
    with near, far:
        served = Served(near)
        for piece in pieces:
            far.sendall(piece)
            assert served.goes_on()
        near.shutdown(socket.SHUT_WR)
        come = b"".join(iter(lambda: far.recv(65536), b""))
    return [len(each.partition(b"\r\n\r\n")[2]) for each in come.split(b"HTTP/1.1 200 OK")[1:]]


@pytest.mark.parametrize(
    ("pieces", "sizes"),
    [
        ([ASKED], [3]),
        ([ASKED[:20], ASKED[20:]], [3]),
        ([SENT], [4]),
        ([SENT[:-4], SENT[-4:-1], SENT[-1:]], [4]),
        ([SENT + ASKED], [4, 3]),
        ([ASKED + SENT[:30], SENT[30:] + ASKED], [3, 4, 3]),
        ([b"GET / HTTP/1.1\r\n\r\n"], [USUAL]),
        ([SENT[:-1]], []),
    ],
)
def test_each_request_is_answered_once_it_is_whole(pieces, sizes):
    assert answered(*pieces) == sizes
