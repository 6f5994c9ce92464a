"""What istiod makes of PeerAuthentication for ztunnel: DENY policies that a workload lists.

Source: istio-semantics.md §4.1 (pilot/pkg/serviceregistry/ambient/authorization.go), bugs D27 and D28 included: they
were seen as packets (checked.md). Listing and conversion are two functions there that do not always agree, and where a
workload lists what was not sent, plaintext gets in.
"""

from msgspec import Struct

from sidestep.semantics.authentication.peers import Levels, Mtls, PeerPolicy
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Match, Scope, Side

STATIC_STRICT = "istio_converted_static_strict"
CONVERTED = "converted_peer_authentication_"

_UNAUTHENTICATED = Side(principals=("*",))
_NO_IDENTITY = Match(negative=_UNAUTHENTICATED)
_OPEN = (Mtls.PERMISSIVE, Mtls.DISABLE)


class Listed(Struct, frozen=True):
    """What a workload lists: the static STRICT policy, its own converted one, both or none."""

    strict: bool
    own: PeerPolicy | None


def static_strict(root_namespace: str) -> Authorization:
    """The policy that refuses everybody without an identity."""
    groups = (Group(((_NO_IDENTITY,),)),)
    return Authorization(STATIC_STRICT, root_namespace, Scope.WORKLOAD_SELECTOR, Action.DENY, groups)


def listed(found: Levels) -> Listed:
    """Which derived policies istiod lists on a workload."""
    strict = found.mesh is not None and found.mesh.mode is Mtls.STRICT
    if found.namespace and found.namespace.mode is not Mtls.UNSET:
        strict = found.namespace.mode is Mtls.STRICT
    workload = found.workload
    if workload is None:
        return Listed(strict, None)
    modes = set(workload.ports.values())
    match workload.mode:
        case Mtls.STRICT:
            excepted = not modes.isdisjoint(_OPEN)
            return Listed(not excepted, workload if excepted else None)
        case Mtls.PERMISSIVE | Mtls.DISABLE:
            return Listed(False, workload if Mtls.STRICT in modes else None)
        case _ if strict:
            excepted = Mtls.PERMISSIVE in modes
            return Listed(not excepted, workload if excepted else None)
        case _:
            return Listed(False, workload if Mtls.STRICT in modes else None)


def convert(policy: PeerPolicy, namespace: PeerPolicy | None, mesh: PeerPolicy | None) -> Authorization | None:
    """The policy that istiod sends for a workload's PeerAuthentication; None when it sends none."""
    if policy.selector is None or not policy.ports:
        return None
    strict_ports = [port for port in sorted(policy.ports) if policy.ports[port] is Mtls.STRICT]
    open_ports = [port for port in sorted(policy.ports) if policy.ports[port] in _OPEN]
    covered = _covered(policy, namespace, mesh)
    groups = [] if covered else [Group(((_strict(port),),)) for port in strict_ports]
    excepted = () if _indifferent(policy, namespace, mesh) else tuple(open_ports)
    if policy.mode is Mtls.STRICT and not excepted:
        return None
    clauses = [(_NO_IDENTITY,)] if policy.mode is Mtls.STRICT else []
    clauses += [(Match(negative=Side(ports=(port,))),) for port in excepted]
    if excepted and _parent_strict(namespace, mesh):
        clauses.append((_NO_IDENTITY,))
    if clauses:
        groups.append(Group(tuple(clauses)))
    if not groups:
        return None
    name, space = CONVERTED + policy.id.name, policy.id.namespace
    return Authorization(name, space, Scope.WORKLOAD_SELECTOR, Action.DENY, tuple(groups), policy.selector)


def derived(found: Levels, root_namespace: str) -> tuple[Authorization, ...]:
    """The derived policies that ztunnel enforces on a workload: those listed that were also sent."""
    lists = listed(found)
    sent = [static_strict(root_namespace)] if lists.strict else []
    own = convert(lists.own, found.namespace, found.mesh) if lists.own else None
    return (*sent, own) if own else tuple(sent)


def _strict(port: int) -> Match:
    return Match(Side(ports=(port,)), _UNAUTHENTICATED)


def _is(policy: PeerPolicy | None, mode: Mtls) -> bool:
    return policy is not None and policy.mode is mode


def _silent(policy: PeerPolicy | None) -> bool:
    return policy is None or policy.mode is Mtls.UNSET


def _covered(policy: PeerPolicy, namespace: PeerPolicy | None, mesh: PeerPolicy | None) -> bool:
    """Whether istiod thinks that a parent makes a STRICT port superfluous.

    Its last test forgets to ask whether the workload's own mode is unset (D28 a).
    """
    by_namespace = policy.mode is Mtls.UNSET and _is(namespace, Mtls.STRICT)
    by_mesh = _silent(namespace) and _is(mesh, Mtls.STRICT)
    return policy.mode is Mtls.STRICT or by_namespace or by_mesh


def _indifferent(policy: PeerPolicy, namespace: PeerPolicy | None, mesh: PeerPolicy | None) -> bool:
    """Whether an open port needs no exception. A namespace that says UNSET counts as not strict here (D28 b)."""
    if policy.mode in _OPEN:
        return True
    if policy.mode is not Mtls.UNSET:
        return False
    if namespace is not None:
        return namespace.mode is not Mtls.STRICT
    return mesh is None or mesh.mode is not Mtls.STRICT


def _parent_strict(namespace: PeerPolicy | None, mesh: PeerPolicy | None) -> bool:
    return _is(namespace, Mtls.STRICT) or (_is(mesh, Mtls.STRICT) and _silent(namespace))
