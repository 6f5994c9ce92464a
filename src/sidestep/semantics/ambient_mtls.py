"""Where a PeerAuthentication means something else to ztunnel than to a sidecar.

Source: istio-semantics.md §4.1 with D26 to D28, each seen as packets on the real programs; both readings are those of
`authentication`. They are held against each other for plaintext, port by port.
"""

from enum import StrEnum

import msgspec
from msgspec import Struct

from sidestep.semantics.authentication.peers import Levels, Mtls, PeerPolicy, effective, levels
from sidestep.semantics.authentication.peers_at_ztunnel import derived
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import matching_group

_ANY_OTHER_PORT = 0


class Surprise(StrEnum):
    """How ambient departs from a PeerAuthentication."""

    STRICT_PORT_OPEN = "a STRICT port takes plaintext"
    WORKLOAD_OPEN = "the whole workload takes plaintext"
    PORT_REFUSES = "an open port refuses plaintext"
    DISABLE_IGNORED = "DISABLE is read as PERMISSIVE"


class Departure(Struct, frozen=True):
    """One surprise, the ports concerned, and the policies that count."""

    surprise: Surprise
    ports: tuple[int, ...]
    levels: Levels


def departures(policies: tuple[PeerPolicy, ...], policy: PeerPolicy, root_namespace: str) -> tuple[Departure, ...]:
    """How ambient departs from one policy among all; none for one that holds as written or cannot be read."""
    parents = levels(policies, root_namespace, policy.id.namespace, {})
    found = msgspec.structs.replace(parents, workload=policy) if policy.selector else parents
    if found.invalid or policy.invalid:
        return ()
    seen = (*_by_port(found, root_namespace), *_disabled(policy, found))
    refused = {port for each in seen if each.surprise is Surprise.PORT_REFUSES for port in each.ports}
    return tuple(
        each
        for each in seen
        if each.surprise is not Surprise.DISABLE_IGNORED or not each.ports or not refused.issuperset(each.ports)
    )


def _by_port(found: Levels, root_namespace: str) -> tuple[Departure, ...]:
    """Only for policies of workloads: those of whole namespaces mean the same to both."""
    if found.workload is None:
        return ()
    asked = (*sorted(found.workload.ports), _ANY_OTHER_PORT)
    opened = tuple(port for port in asked if _is_strict(found, port) and not _refuses(found, port, root_namespace))
    refused = tuple(port for port in asked if not _is_strict(found, port) and _refuses(found, port, root_namespace))
    departed = []
    if _ANY_OTHER_PORT in opened:
        departed.append(Departure(Surprise.WORKLOAD_OPEN, tuple(sorted(found.workload.ports)), found))
    elif opened:
        departed.append(Departure(Surprise.STRICT_PORT_OPEN, opened, found))
    if refused:
        departed.append(Departure(Surprise.PORT_REFUSES, refused, found))
    return tuple(departed)


def _disabled(policy: PeerPolicy, found: Levels) -> tuple[Departure, ...]:
    ports = (
        tuple(sorted(port for port, mode in policy.ports.items() if mode is Mtls.DISABLE)) if policy.selector else ()
    )
    named = policy.mode is Mtls.DISABLE
    return (Departure(Surprise.DISABLE_IGNORED, () if named else ports, found),) if named or ports else ()


def _is_strict(found: Levels, port: int) -> bool:
    return effective(found, port).mode is Mtls.STRICT


def _refuses(found: Levels, port: int, root_namespace: str) -> bool:
    """Whether ztunnel refuses plaintext to a port."""
    plaintext = Seen(identity=None, destination_port=port)
    return any(matching_group(sent, plaintext) is not None for sent in derived(found, root_namespace))
