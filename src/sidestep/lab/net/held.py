"""Connections that proxies hold to applications, as the kernel of their pods knows them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sidestep.controlplane.marks import PLAIN_MARK, TUNNELLED_MARK
from sidestep.controlplane.review import Connection
from sidestep.lab.net.namespaces import Namespace
from sidestep.lab.net.sockets import Socket, connections, destroy


class Held:
    """Those of pods, by paths of their namespaces (`controlplane.review.Connections`)."""

    def held(self, netns: str) -> Sequence[Connection]:
        """All that a pod's proxy holds; none where there is no pod any more."""
        try:
            with _at(netns) as namespace:
                return [_connection(each) for each in _all(namespace)]
        except OSError:
            return ()

    def cut(self, netns: str, connections: Iterable[Connection]) -> None:
        """Break some of them: the application is reset, and the client hears the end.

        Raises:
            WorldError: the kernel cannot do that.
        """
        gone = {each.key for each in connections}
        try:
            with _at(netns) as namespace:
                destroy(namespace, [each for each in _all(namespace) if _key(each) in gone])
        except OSError:
            return


def _all(namespace: Namespace) -> Iterator[Socket]:
    return (each for each in connections(namespace) if each.mark in {TUNNELLED_MARK, PLAIN_MARK})


def _key(each: Socket) -> bytes:
    """Its cookie, which no other socket has in this kernel's life."""
    return each.id[-8:]


def _connection(each: Socket) -> Connection:
    return Connection(_key(each), each.address, each.peer, each.peer_port, each.mark == TUNNELLED_MARK)


@contextmanager
def _at(netns: str) -> Iterator[Namespace]:
    namespace = Namespace.at(netns)
    try:
        yield namespace
    finally:
        namespace.close()
