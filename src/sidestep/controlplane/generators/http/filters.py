"""The HTTP filters of a proxy, in a list that neither policies nor routes change, and what of them a host switches on.

A connection manager's list of filters cannot change without cutting connections (envoy.md §1.3). So the list holds
everything that a proxy may ever need, off by default; virtual hosts (`enforced`) and routes (`routes.routes`) switch
on what concerns them, by `typed_per_filter_config`, in what a proxy learns by RDS. Keys of tokens come by ECDS under
the filter's name (`tokens.authentication`). The order is Istio's: CUSTOM, tokens, AUDIT, DENY, ALLOW, faults, origins
(istio-semantics.md, orders of filters).

A filter that a route does not switch on costs a request nothing. A host whose routes take only some requests answers
the rest by a route of its own (`routes.not_found`): requests without a route would meet no filter.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from envoy.config.rbac.v3 import rbac_pb2
from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.grpc_stats.v3.config_pb2 import FilterConfig as GrpcStats
from envoy.extensions.filters.http.jwt_authn.v3.config_pb2 import JwtAuthentication, PerRouteConfig
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC, RBACPerRoute
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from msgspec import Struct

from sidestep.controlplane.generators.http.actions import CORS, FAULT
from sidestep.controlplane.generators.http.authorization import JWT_FILTER, Place, rbac
from sidestep.controlplane.generators.http.authorizers import asked, authorizer_filters, refused
from sidestep.controlplane.generators.http.tokens import requirement_name
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.node.messages import ADS, TYPES, packed
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import Compiled, PolicySet
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.extension_providers import Authorizer

UNASKED, AUDIT, DENY, ALLOW = "mesh.rbac.unasked", "mesh.rbac.audit", "mesh.rbac.deny", "mesh.rbac.allow"
ROUTER = "envoy.filters.http.router"
MESSAGES = "envoy.filters.http.grpc_stats"
"""Counts messages of gRPC; what it counted is a state of the request by its name, for logs to tell."""
DRY_RUN = {DENY: "istio_dry_run_deny_", ALLOW: "istio_dry_run_allow_"}
"""What the metadata of dry runs begins with, as in Istio: `…shadow_engine_result`, `…shadow_effective_policy_id`."""


class Duty(StrEnum):
    """What a connection manager is for."""

    GUARD = "guard"
    ROUTE = "route"


BOTH = frozenset(Duty)
"""Of waypoints and gateways; inbound of a sidecar is to guard, and outbound to route."""


class Enforced(Struct, frozen=True):
    """What is enforced on requests to one host (or to a workload).

    Attributes:
        policies: for the HTTP chain.
        tokens: RequestAuthentications.
    """

    policies: PolicySet = PolicySet()
    tokens: tuple[RequestPolicy, ...] = ()


def http_filters(
    duties: frozenset[Duty],
    authorizers: Iterable[Authorizer],
    cluster: ClusterFor,
    authentication: JwtAuthentication | None = None,
) -> list[HttpFilter]:
    """The filters of a connection manager.

    Args:
        duties: what it is for.
        authorizers: all that the mesh configuration names: the list changes with them.
        cluster: by which they are asked.
        authentication: what to know of tokens; None to have it by ECDS as `JWT_FILTER`.
    """
    found = []
    if Duty.GUARD in duties:
        found += [_off(UNASKED, RBAC()), *authorizer_filters(authorizers, cluster)]
        found.append(_tokens(authentication))
        found += [_off(name, RBAC()) for name in (AUDIT, DENY, ALLOW)]
    if duties:
        told = GrpcStats(emit_filter_state=True, stats_for_all_methods={"value": False})
        found.append(HttpFilter(name=MESSAGES, typed_config=packed(told)))
    if Duty.ROUTE in duties:
        found += [_off(FAULT, HTTPFault()), _off(CORS, Cors())]
    return [*found, HttpFilter(name=ROUTER, typed_config=packed(Router()))]


def enforced(what: Enforced, place: Place, authorizers: Mapping[str, Authorizer], *, several: bool) -> dict[str, Any]:
    """What a virtual host (or a route) switches on: its `typed_per_filter_config`.

    Args:
        what: is enforced there.
        place: of the proxy.
        authorizers: that the mesh configuration names.
        several: of them may be asked (`PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS`).
    """
    custom = what.policies.custom
    told: dict[str, Message] = asked(custom, place, authorizers, several=several)
    if any(policy.rules for policy in what.tokens):
        told[JWT_FILTER] = PerRouteConfig(requirement_name=requirement_name(what.tokens))
    shut = refused(custom, place, authorizers, several=several)
    if shut.policies:
        told[UNASKED] = RBACPerRoute(rbac=RBAC(rules=shut))
    told |= _judged(what.policies, place)
    return {name: packed(message) for name, message in told.items()}


def _judged(policies: PolicySet, place: Place) -> dict[str, Message]:
    """AUDIT, DENY and ALLOW, each with the dry runs of its action."""
    found: dict[str, Message] = {}
    if policies.audit:
        found[AUDIT] = RBACPerRoute(rbac=RBAC(rules=_audit(policies.audit, place)))
    shut = rbac(policies.deny, Action.DENY, place) if policies.deny else None
    opened = rbac(policies.allow, Action.ALLOW, place) if policies.allow else None
    for name, action, rules in ((DENY, Action.DENY, shut), (ALLOW, Action.ALLOW, opened)):
        tried = [each for each in policies.shadow if each.policy.action is action]
        if rules is not None or tried:
            shadow = rbac(tried, action, place) if tried else None
            judged = RBAC(rules=rules, shadow_rules=shadow, shadow_rules_stat_prefix=DRY_RUN[name])
            found[name] = RBACPerRoute(rbac=judged)
    return found


def _audit(policies: Iterable[Compiled], place: Place) -> rbac_pb2.RBAC:
    """Marks what matches, and lets it pass."""
    found = rbac(policies, Action.AUDIT, place)
    found.action = rbac_pb2.RBAC.Action.LOG
    return found


def _tokens(authentication: JwtAuthentication | None) -> HttpFilter:
    if authentication is not None:
        return _off(JWT_FILTER, authentication)
    types = [TYPES + JwtAuthentication.DESCRIPTOR.full_name]
    return HttpFilter(name=JWT_FILTER, config_discovery={"config_source": ADS, "type_urls": types}, disabled=True)


def _off(name: str, message: Message) -> HttpFilter:
    return HttpFilter(name=name, typed_config=packed(message), disabled=True)
