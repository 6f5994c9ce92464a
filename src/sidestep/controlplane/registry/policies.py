"""AuthorizationPolicies and PeerAuthentications on their way to records; all meaning is in `semantics`."""

import msgspec

from sidestep.controlplane.records import PolicyKey
from sidestep.controlplane.registry.objects import Tree
from sidestep.model.build import typed
from sidestep.model.kinds import AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, Kind
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import ClusterOrigin
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authentication.peers import Levels, PeerPolicy, parse_peer_policy, unplaced_peer_policy
from sidestep.semantics.authentication.peers_at_ztunnel import CONVERTED, STATIC_STRICT, listed
from sidestep.semantics.authentication.tokens import RequestPolicy, parse_request_policy, unplaced_request_policy
from sidestep.semantics.authorization.parse import parse_policy, unplaced_policy
from sidestep.semantics.authorization.policy import Policy
from sidestep.semantics.authorization.ztunnel import Authorization, Scope, Withheld, convert

_ORIGIN = ClusterOrigin("lab")


def read_policy(tree: Tree) -> Policy:
    """An AuthorizationPolicy in its normal form."""
    resource = _resource(AUTHORIZATION_POLICY, tree)
    return parse_policy(resource) if isinstance(resource, Resource) else unplaced_policy(*resource)


def read_peer_policy(tree: Tree) -> PeerPolicy:
    """A PeerAuthentication in its normal form."""
    resource = _resource(PEER_AUTHENTICATION, tree)
    return parse_peer_policy(resource) if isinstance(resource, Resource) else unplaced_peer_policy(*resource)


def read_request_policy(tree: Tree) -> RequestPolicy:
    """A RequestAuthentication in its normal form."""
    resource = _resource(REQUEST_AUTHENTICATION, tree)
    return parse_request_policy(resource) if isinstance(resource, Resource) else unplaced_request_policy(*resource)


def sent(policy: Policy, root_namespace: str) -> Authorization | Withheld:
    """What node proxies are sent of a policy."""
    if policy.invalid:
        return Withheld(f"it could not be read: {policy.invalid}")
    return convert(policy, root_namespace)


def key_of(authorization: Authorization) -> PolicyKey:
    """Under which it is sent and listed."""
    return PolicyKey(f"{authorization.namespace}/{authorization.name}")


def lists(authorizations: list[Authorization], found: Levels, root_namespace: str) -> tuple[PolicyKey, ...]:
    """What a workload lists: policies that select it in order, then what was derived; also what was never sent."""
    own = sorted(key_of(each) for each in authorizations if each.scope is Scope.WORKLOAD_SELECTOR)
    peers = listed(found)
    strict = (PolicyKey(f"{root_namespace}/{STATIC_STRICT}"),) if peers.strict else ()
    derived = (PolicyKey(f"{peers.own.id.namespace}/{CONVERTED}{peers.own.id.name}"),) if peers.own else ()
    return (*own, *strict, *derived)


def _resource(kind: Kind[Spec], tree: Tree) -> Resource[Spec] | tuple[ObjectId, str]:
    api_version, meta = str(tree.get("apiVersion")), tree["metadata"]
    try:
        resource: Resource[Spec] = typed(kind, msgspec.json.encode(tree), api_version, kind.name, _ORIGIN)
    except msgspec.MsgspecError as error:
        return ObjectId(api_version, kind.name, str(meta.get("namespace")), str(meta.get("name"))), str(error)
    return resource
