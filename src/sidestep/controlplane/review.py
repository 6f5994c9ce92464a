"""Open connections are judged again when a policy changes, and cut where it now refuses them, as ztunnel does.

Envoy judges a connection once. So the kernel is asked which connections to applications a proxy holds, the records tell
who is at the other end, and what is refused by now is taken from the proxy as if the network had broken it.

Source: ztunnel.md §6.6, checked.md D16. A connection is judged by the policies that its pod listed when it was opened:
a list that changes cuts nobody, what stands in a listed policy does, and so does any policy of a whole namespace.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, PolicyKey, Workload, WorkloadUid
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.identity import principal_of


class Connection(Struct, frozen=True):
    """One that a proxy holds to an application.

    Attributes:
        key: by which the kernel knows it, and no other after it.
        client: address of who opened it.
        server: address at which the application was reached.
        port: likewise.
        tunnelled: it came by a tunnel; otherwise nobody proved who they are.
    """

    key: bytes
    client: str
    server: str
    port: int
    tunnelled: bool


class Connections(Protocol):
    """Those of pods, by the path of a pod's network namespace; none where there is no pod any more."""

    def held(self, netns: str) -> Sequence[Connection]:
        """All that its proxy holds."""

    def cut(self, netns: str, connections: Iterable[Connection]) -> None:
        """End some of them."""


class Unwatched:
    """Where nobody can see connections, none is cut."""

    def held(self, netns: str) -> Sequence[Connection]:  # noqa: ARG002
        """None."""
        return ()

    def cut(self, netns: str, connections: Iterable[Connection]) -> None:
        """There is nothing to cut."""


def refused(index: Index, workload: Workload, listed: tuple[PolicyKey, ...], connection: Connection) -> bool:
    """Whether a connection would be refused, if it were opened now.

    Who came by a tunnel is known by the address alone: pods have one each, and one identity. Of an address that
    nobody has any more nothing is known, and it is left in peace.

    Args:
        index: all records.
        workload: the server.
        listed: policies that it lists, as far as this connection is concerned.
        connection: the one in question.
    """
    principal = None
    if connection.tunnelled:
        client = index.workload_at(connection.client)
        if client is None:
            return False
        principal = principal_of(client.trust_domain, client.namespace, client.account)
    enforced = tuple(index.authorizations(replace(workload, policies=listed)))
    seen = Seen(principal, connection.client, connection.client, connection.server, connection.port)
    return _set_of(enforced).judge(seen).allowed is False


def _set_of(enforced: Iterable[Authorization]) -> ZtunnelSet:
    found = list(enforced)
    return ZtunnelSet(
        tuple(each for each in found if each.action is Action.DENY),
        tuple(each for each in found if each.action is Action.ALLOW),
    )


class Review:
    """Remembers what must be remembered of open connections, and says which are refused.

    Args:
        index: all records.
        connections: of pods.
    """

    def __init__(self, index: Index, connections: Connections) -> None:
        self._index, self._connections = index, connections
        self._listed = {uid: each.policies for uid, each in index.workloads.items() if each.netns}
        self._older: dict[WorkloadUid, dict[bytes, tuple[PolicyKey, ...]]] = {}
        """Of connections that were opened when their pod listed other policies: which."""

    def notice(self, dirty: Dirty) -> frozenset[WorkloadUid]:
        """Hear of a change that the index has taken in; pods of which connections must be judged."""
        for uid in dirty.workloads:
            self._relisted(uid)
        return frozenset(self._concerned(dirty)) if dirty.policies else frozenset()

    def cut(self, uid: WorkloadUid) -> int:
        """Cut what is refused of a pod's connections; how many."""
        workload = self._index.workloads.get(uid)
        if workload is None or not workload.netns:
            return 0
        held = self._connections.held(workload.netns)
        older = self._kept(uid, held)
        gone = [each for each in held if refused(self._index, workload, older.get(each.key, workload.policies), each)]
        if gone:
            self._connections.cut(workload.netns, gone)
        return len(gone)

    def _relisted(self, uid: WorkloadUid) -> None:
        """A pod's record changed: connections that are open now keep the list that it had."""
        workload = self._index.workloads.get(uid)
        if workload is None or not workload.netns:
            self._listed.pop(uid, None)
            self._older.pop(uid, None)
            return
        before = self._listed.get(uid, workload.policies)
        self._listed[uid] = workload.policies
        if before != workload.policies:
            held = self._connections.held(workload.netns)
            older = self._kept(uid, held)
            self._older[uid] = {each.key: older.get(each.key, before) for each in held}

    def _kept(self, uid: WorkloadUid, held: Sequence[Connection]) -> dict[bytes, tuple[PolicyKey, ...]]:
        """What is remembered of connections that are still open; of the others nothing any more."""
        older = self._older.pop(uid, {})
        kept = {each.key: older[each.key] for each in held if each.key in older}
        if kept:
            self._older[uid] = kept
        return kept

    def _concerned(self, dirty: Dirty) -> Iterable[WorkloadUid]:
        """Pods to which a changed policy applies, or applied when one of their connections was opened."""
        spaces = dirty.policy_namespaces
        for uid, listed in self._listed.items():
            namespace = self._index.workloads[uid].namespace
            lists = (listed, *self._older.get(uid, {}).values())
            if "" in spaces or namespace in spaces or any(dirty.policies.intersection(each) for each in lists):
                yield uid
