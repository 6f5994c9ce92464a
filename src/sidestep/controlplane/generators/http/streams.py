"""Policies on connections whose bytes nobody reads, as Envoy's network filters enforce them.

Source: istio-semantics.md §3.4; what of a policy counts without HTTP is said by `semantics.authorization.reduce`. An
authorizer that speaks HTTP is not asked about bytes; where none is known, what the policy matches is refused.
"""

from collections.abc import Iterator, Mapping

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.ext_authz.v3.ext_authz_pb2 import ExtAuthz
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC
from google.protobuf.message import Message

from sidestep.controlplane.generators.http.authorization import Place, rbac
from sidestep.controlplane.generators.http.authorizers import by_provider, called, marked, may_ask, prefix
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.authorization.evaluate import Compiled, PolicySet
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.extension_providers import Authorizer, Speech

_RBAC, _EXT_AUTHZ = "envoy.filters.network.rbac", "envoy.filters.network.ext_authz"
_COUNTED = "tcp."


def judged(
    policies: PolicySet, place: Place, authorizers: Mapping[str, Authorizer], cluster: ClusterFor, *, several: bool
) -> Iterator[Filter]:
    """CUSTOM, DENY, then ALLOW.

    Args:
        policies: on connections.
        place: of the proxy.
        authorizers: that the mesh configuration names.
        cluster: by which they are asked.
        several: of them may be asked.
    """
    custom = on_bytes(policies, authorizers, several=several)
    for name, compiled in by_provider(custom).items():
        if name in authorizers and may_ask(custom, several=several):
            yield from _asking(authorizers[name], compiled, place, cluster)
        else:
            yield _judging(compiled, Action.DENY, place)
    for rules, action in ((policies.deny, Action.DENY), (policies.allow, Action.ALLOW)):
        if rules:
            yield _judging(rules, action, place)


def on_bytes(policies: PolicySet, authorizers: Mapping[str, Authorizer], *, several: bool) -> tuple[Compiled, ...]:
    """The CUSTOM policies that count for connections: an authorizer that speaks HTTP is not asked about bytes."""
    if not policies.custom or not may_ask(policies.custom, several=several):
        return policies.custom
    return tuple(each for each in policies.custom if not _speaks_http(authorizers, each.policy.provider))


def _asking(authorizer: Authorizer, compiled: list[Compiled], place: Place, cluster: ClusterFor) -> Iterator[Filter]:
    """One that marks, and one that asks about what is marked."""
    marks = rbac(compiled, Action.DENY, place)
    yield _filter(
        _RBAC, RBAC(shadow_rules=marks, shadow_rules_stat_prefix=prefix(authorizer.name), stat_prefix=_COUNTED)
    )
    asks = ExtAuthz(
        stat_prefix=authorizer.name,
        grpc_service=called(authorizer, cluster),
        failure_mode_allow=authorizer.fail_open,
        transport_api_version="V3",
        filter_enabled_metadata=marked(authorizer.name, _RBAC),
    )
    yield _filter(_EXT_AUTHZ, asks)


def _judging(compiled: tuple[Compiled, ...] | list[Compiled], action: Action, place: Place) -> Filter:
    return _filter(_RBAC, RBAC(rules=rbac(compiled, action, place), stat_prefix=_COUNTED))


def _speaks_http(authorizers: Mapping[str, Authorizer], name: str) -> bool:
    return name in authorizers and authorizers[name].speech is Speech.HTTP


def _filter(name: str, message: Message) -> Filter:
    return Filter(name=name, typed_config=packed(message))
