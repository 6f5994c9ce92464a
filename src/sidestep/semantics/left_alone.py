"""Ports that a pod's sidecar leaves alone and that ztunnel would shut to whoever comes in plaintext.

Source: istio-semantics.md §1.5 and D29: the annotations mean nothing to ztunnel, which enforces mTLS modes and policies
on every port.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.peers_at_ztunnel import CONVERTED, STATIC_STRICT
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.redirection import OF_THE_PROXY, redirection


class Shut(Struct, frozen=True):
    """One port.

    Attributes:
        port: of the pods.
        why: what refuses, in words.
        policy: the object that does; None for what istiod makes of PeerAuthentications.
    """

    port: int
    why: str
    policy: ObjectId | None = None


def shut_by_ztunnel(index: MeshIndex, pods: Instances) -> Iterator[Shut]:
    """Ports that are named or declared, by number: whoever comes from outside of the mesh is refused there."""
    if pods.mode is not Mode.SIDECAR:
        return
    declared = {port.container_port for each in pods.shape.spec.all_containers for port in each.ports or ()}
    named = redirection(pods.shape.annotations).not_inbound
    alone = {port for port in declared if pods.excluded("Inbound", port)} | named
    for port in sorted(alone - OF_THE_PROXY):
        told = index.ztunnel_policies(pods).judge(Seen(destination_port=port))
        if told.allowed is False and told.authorization is not None:
            yield _shut(port, told.authorization)


def _shut(port: int, by: Authorization) -> Shut:
    if by.name == STATIC_STRICT or by.name.startswith(CONVERTED):
        return Shut(port, "mTLS is STRICT")
    if by.policy is None:
        return Shut(port, by.name)
    return Shut(port, f"{by.policy.id} admits nobody without an identity", by.policy.id)
